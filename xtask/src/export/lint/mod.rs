//! What a reviewer of CPython would say about a patch, each remark in its own file.
//!
//! A lint looks at what a patch adds and at the files it leaves; it never looks at lines that were there before.

mod build_files;
mod docs;
mod generated;
mod globals;
mod news;
mod pep7;
mod subject;
mod tests_present;
mod tier;

pub use subject::split as split_subject;

use crate::error::Result;
use crate::git::Database;
use crate::port::Port;
use crate::series::{FileDiff, Patch, Status, Trailers};
use git2::Oid;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Has to be corrected before a review.
    Error,
    /// Only a person can supply it, at the time of sending: an issue's number.
    Pending,
}

/// A remark about a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the lint.
    pub lint: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Name of the patch.
    pub patch: String,
    /// `file:line` of the patch.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// The files of the tree that a patch leaves.
pub trait Files {
    /// The text of a file, if it is there.
    fn read(&self, path: &str) -> Option<String>;
    /// The paths of all files.
    fn paths(&self) -> Vec<String>;
}

/// A patch as the lints see it.
pub struct Change<'a> {
    /// The patch.
    pub patch: &'a Patch,
    /// Its trailers.
    pub trailers: &'a Trailers,
    /// Files that are generated in this port.
    pub generated: &'a [String],
    /// What it leaves.
    pub files: &'a dyn Files,
}

/// A line that a patch adds.
pub struct Added<'a> {
    /// Its file.
    pub path: &'a str,
    /// Its line in the patch file.
    pub patch_line: usize,
    /// Its line in the new file.
    pub line: usize,
    /// Its text.
    pub text: &'a str,
}

type Lint = fn(&Change) -> Vec<Finding>;

const LINTS: [Lint; 9] = [
    subject::lint,
    news::lint,
    docs::lint,
    tests_present::lint,
    tier::lint,
    generated::lint,
    pep7::lint,
    build_files::lint,
    globals::lint,
];

/// Lints a patch that leaves `tree`. Patches that are not for upstream or come from there are not looked at.
///
/// # Errors
/// When the patch's trailers are not valid or the tree cannot be read.
pub fn run(database: &Database, port: &Port, patch: &Patch, tree: Oid) -> Result<Vec<Finding>> {
    let trailers = patch.trailers()?;
    if matches!(
        trailers.status,
        Status::Inappropriate(_) | Status::Backport(_)
    ) {
        return Ok(Vec::new());
    }
    let generated: Vec<String> = port
        .generated
        .iter()
        .flat_map(|entry| &entry.files)
        .map(|path| path.display().to_string())
        .collect();
    let files = Tree {
        database,
        entries: database.files(tree)?,
    };
    let change = Change {
        patch,
        trailers: &trailers,
        generated: &generated,
        files: &files,
    };
    Ok(LINTS.iter().flat_map(|lint| lint(&change)).collect())
}

struct Tree<'a> {
    database: &'a Database,
    entries: BTreeMap<String, crate::git::Entry>,
}

impl Files for Tree<'_> {
    fn read(&self, path: &str) -> Option<String> {
        let entry = self.entries.get(path)?;
        let bytes = self.database.blob(entry.id).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn paths(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }
}

impl Change<'_> {
    /// An error on a line of the patch file.
    fn error(&self, lint: &'static str, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            lint,
            level: Level::Error,
            patch: self.patch.slug.clone(),
            place: format!("{}:{line}", self.patch.file.display()),
            message: message.into(),
        }
    }

    /// The lines it adds to files for which `wanted` holds.
    fn added(&self, wanted: impl Fn(&str) -> bool) -> Vec<Added<'_>> {
        self.patch
            .files
            .iter()
            .filter(|file| file.new.as_deref().is_some_and(&wanted))
            .flat_map(added_lines)
            .collect()
    }

    /// The files it adds, with the line of each in the patch file.
    fn new_files(&self) -> impl Iterator<Item = (&str, usize)> {
        self.patch
            .files
            .iter()
            .filter(|file| file.old.is_none())
            .filter_map(|file| Some((file.new.as_deref()?, file.line)))
    }

    /// The files it changes or adds, with the line of each in the patch file.
    fn changed_files(&self) -> impl Iterator<Item = (&str, usize)> {
        self.patch.files.iter().map(|file| (file.path(), file.line))
    }
}

fn added_lines(file: &FileDiff) -> Vec<Added<'_>> {
    let mut added = Vec::new();
    for hunk in &file.hunks {
        let mut line = hunk.new_start;
        for ((sign, text), patch_line) in hunk.lines.iter().zip(hunk.line + 1..) {
            if *sign == '+' {
                added.push(Added {
                    path: file.path(),
                    patch_line,
                    line,
                    text,
                });
            }
            line += usize::from(*sign != '-');
        }
    }
    added
}

fn is_c(path: &str) -> bool {
    path.ends_with(".c") || path.ends_with(".h")
}

/// C functions and data that a patch declares in headers for which `wanted` holds, as (name, line).
fn declared<'a>(change: &'a Change, wanted: impl Fn(&str) -> bool) -> Vec<(&'a str, Added<'a>)> {
    change
        .added(|path| path.ends_with(".h") && wanted(path))
        .into_iter()
        .filter_map(|line| {
            let rest = line
                .text
                .split_once("PyAPI_FUNC(")
                .or_else(|| line.text.split_once("PyAPI_DATA("))?
                .1;
            let (_, rest) = rest.split_once(')')?;
            let name = rest
                .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_')
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()?;
            (!name.is_empty()).then_some((name, line))
        })
        .collect()
}

#[cfg(test)]
mod testing {
    //! Makes patches for the tests of lints.

    use super::*;
    use std::path::Path;

    pub struct Memory(pub BTreeMap<String, String>);

    impl Files for Memory {
        fn read(&self, path: &str) -> Option<String> {
            self.0.get(path).cloned()
        }

        fn paths(&self) -> Vec<String> {
            self.0.keys().cloned().collect()
        }
    }

    /// Findings of `lint` about a patch that adds the files `new`, beside which the tree has the files `there`.
    pub fn findings(
        lint: Lint,
        subject: &str,
        trailers: &str,
        new: &[(&str, &str)],
        there: &[(&str, &str)],
    ) -> Vec<Finding> {
        let mut mail = format!(
            "From: A B <a@example.org>\nDate: Sat, 1 Mar 2025 10:00:00 +0000\nSubject: [PATCH] {subject}\n\nWhy.\n\n\
             Upstream-Status: Pending\nArea: eval\n{trailers}\n---\n"
        );
        for (path, text) in new {
            mail += &format!(
                "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n",
                text.lines().count()
            );
            for line in text.lines() {
                mail += &format!("+{line}\n");
            }
        }
        mail += "-- \nclinker\n";
        let patch = Patch::parse("x", Path::new("x.patch"), mail.into_bytes()).unwrap();
        let trailers = patch.trailers().unwrap();
        let files = new.iter().chain(there);
        let files = Memory(files.map(|(p, t)| ((*p).into(), (*t).into())).collect());
        let change = Change {
            patch: &patch,
            trailers: &trailers,
            generated: &["Python/made.h".to_owned()],
            files: &files,
        };
        lint(&change)
    }

    /// The messages of what `lint` finds in a patch that adds the files `new`.
    pub fn messages(lint: Lint, new: &[(&str, &str)]) -> Vec<String> {
        findings(lint, "Add x", "News: none [test]", new, &[])
            .into_iter()
            .map(|finding| format!("{} {}", finding.place, finding.message))
            .collect()
    }
}
