//! CPython's own checks of its sources, run on the tree that an exported topic results in.
//!
//! Each gate is a tool of that tree, in that tree's version, run with the machine's Python. What it says of the pristine
//! tree too is not the topic's and is left out. The gates run in a work tree of their own, in which nothing is anybody's:
//! some of the tools correct what they find.

mod api_docs;
mod documentation;
mod globals;
mod limited_abi;
mod patchcheck;
mod regen;

use super::lint::{Finding, Level};
use crate::error::{Failure, Result};
use crate::git::{Database, Entry, beside};
use crate::lock::Lock;
use crate::process;
use crate::series::{Patch, Series};
use crate::ui::{self, Step};
use crate::workspace::Workspace;
use git2::Oid;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One of upstream's checks.
struct Gate {
    /// What it is called in findings.
    name: &'static str,
    /// The file that it needs: older releases do not have every tool.
    tool: &'static str,
    time: Time,
    run: fn(&Sources) -> Result<Vec<Complaint>>,
}

/// How long a gate takes for one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Seconds,
    Minutes,
}

/// Which gates are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Those that take seconds.
    Quick,
}

const GATES: [Gate; 6] = [
    patchcheck::GATE,
    api_docs::GATE,
    limited_abi::GATE,
    regen::GATE,
    globals::GATE,
    documentation::GATE,
];

/// What a gate objects to. It has no line number: two trees have the same complaint when both fields are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    /// The file to correct.
    path: String,
    /// What is wrong and what to do.
    message: String,
}

/// The sources that a gate looks at.
struct Sources<'a> {
    /// The work tree.
    folder: &'a Path,
    /// The files of the tree.
    files: &'a BTreeMap<String, Entry>,
    /// Those of them that topics change or add.
    changed: Vec<&'a str>,
    python: &'a Path,
    workspace: &'a Workspace,
    /// Name of the port.
    port: &'a str,
}

/// A topic as the gates see it.
pub struct Subject {
    /// Name of the topic.
    pub name: String,
    /// Its patches.
    pub series: Series,
    /// The tree they result in.
    pub tree: Oid,
}

/// Where the gates run, and what with.
pub struct Gates<'a> {
    /// Has the trees.
    pub database: &'a Database,
    /// Of the repository.
    pub workspace: &'a Workspace,
    /// Name of the port.
    pub port: &'a str,
    /// Which gates.
    pub wanted: Wanted,
}

/// Runs gates on each topic, and on the `pristine` tree; returns what the topics add, each objection once.
///
/// # Errors
/// When a gate cannot be run or ends without saying what is wrong.
pub fn run(gates: &Gates, pristine: Oid, subjects: &[Subject]) -> Result<Vec<Finding>> {
    let _lock = Lock::take(&beside(&gates.folder(), "running.lock"))?;
    let everything: BTreeSet<&str> = subjects.iter().flat_map(changed).collect();
    let before = gates.complaints("pristine", pristine, &everything)?;
    let mut findings = Vec::new();
    for (position, subject) in subjects.iter().enumerate() {
        // The last topic can be the whole series.
        if let Some(same) = subjects[..position]
            .iter()
            .find(|other| other.tree == subject.tree)
        {
            ui::say(
                "Checked",
                format_args!("{} is what {} is", subject.name, same.name),
            );
            continue;
        }
        let own: BTreeSet<&str> = changed(subject).collect();
        for (gate, complaints) in gates.complaints(&subject.name, subject.tree, &own)? {
            let known = before.get(gate);
            for complaint in complaints {
                if known.is_some_and(|known| known.contains(&complaint)) {
                    continue;
                }
                let finding = finding(gate, complaint, subject);
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    Ok(findings)
}

/// The files that a topic's patches change or add.
fn changed(subject: &Subject) -> impl Iterator<Item = &str> {
    let patches = subject.series.patches().iter();
    patches.flat_map(|patch| patch.files.iter().filter_map(|file| file.new.as_deref()))
}

/// An objection, laid at the last patch that touches the file.
fn finding(gate: &'static str, complaint: Complaint, subject: &Subject) -> Finding {
    let touches = |patch: &&Patch| {
        let mut files = patch.files.iter();
        files.any(|file| file.path() == complaint.path)
    };
    let patches = subject.series.patches();
    let patch = patches.iter().rev().find(touches).or(patches.last());
    Finding {
        lint: gate,
        level: Level::Error,
        patch: patch.map_or(String::new(), |patch| patch.slug.clone()),
        place: patch.map_or(subject.name.clone(), |patch| {
            patch.file.display().to_string()
        }),
        message: format!("{}: {}", complaint.path, complaint.message),
    }
}

impl Gates<'_> {
    /// The work tree.
    fn folder(&self) -> PathBuf {
        self.workspace.output().join("gates").join(self.port)
    }

    /// What each gate says of a tree.
    fn complaints(
        &self,
        name: &str,
        tree: Oid,
        changed: &BTreeSet<&str>,
    ) -> Result<BTreeMap<&'static str, BTreeSet<Complaint>>> {
        let step = Step::new("Checking", format!("{name} with CPython's own checks"));
        let files = self.database.files(tree)?;
        let folder = self.folder();
        let python = python()?;
        let sources = Sources {
            folder: &folder,
            files: &files,
            changed: changed
                .iter()
                .filter(|path| files.contains_key(**path))
                .copied()
                .collect(),
            python: &python,
            workspace: self.workspace,
            port: self.port,
        };
        let mut complaints = BTreeMap::new();
        for gate in &GATES {
            if self.wanted == Wanted::Quick && gate.time == Time::Minutes {
                continue;
            }
            if !files.contains_key(gate.tool) {
                ui::say(
                    "Left out",
                    format_args!("{} on {name}: there is no {}", gate.name, gate.tool),
                );
                continue;
            }
            step.detail(gate.name);
            // The gate before may have corrected files.
            self.database.overwrite(tree, &folder)?;
            complaints.insert(gate.name, (gate.run)(&sources)?.into_iter().collect());
        }
        step.done();
        Ok(complaints)
    }
}

impl Sources<'_> {
    /// The changed files for which `wanted` holds.
    fn changed(&self, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let changed = self.changed.iter().copied();
        changed.filter(|path| wanted(path)).collect()
    }

    /// Runs Python in the tree.
    fn python(&self, words: &[&str]) -> Result<Output> {
        self.output(self.command(self.folder).args(words))
    }

    /// Python, to be run in a folder.
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.python);
        process::without_python_variables(&mut command)
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUTF8", "1")
            .env("NO_COLOR", "1")
            .env_remove("FORCE_COLOR");
        command
    }

    fn output(&self, command: &mut Command) -> Result<Output> {
        command.output().map_err(|error| {
            Failure::environment("a check of CPython cannot be run")
                .at(self.python.display())
                .because(error)
        })
    }

    /// A tool ended in a way that says nothing about the sources.
    fn broken(&self, tool: &str, output: Output) -> Failure {
        let said = [output.stdout, output.stderr].concat();
        Failure::check("a check of CPython failed without saying what to correct")
            .at(format!("{tool} in {}", self.folder.display()))
            .because(output.status)
            .because(String::from_utf8_lossy(&said).trim_end())
            .next("the tools of CPython 3.13 need Python 3.11 or newer as `python3`; if it is, run the tool by hand there")
    }
}

fn python() -> Result<PathBuf> {
    which::which("python3").map_err(|_| {
        Failure::environment("python3 is missing")
            .because("CPython's own checks are run with it")
            .next("install Python 3.11 or newer")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::List;

    fn subject(files: &[(&str, &str)]) -> Subject {
        let patches = files.iter().map(|(slug, path)| {
            let mail = format!(
                "From: A <a@example.org>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH] x\n\n---\n\
                 diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
            );
            Patch::parse(slug, Path::new(slug), mail.into_bytes()).expect("a patch")
        });
        Subject {
            name: "topic".into(),
            series: Series::new(Path::new("series"), List::default(), patches.collect()),
            tree: Oid::ZERO_SHA1,
        }
    }

    #[test]
    fn an_objection_is_laid_at_the_last_patch_that_touches_the_file() {
        let subject = subject(&[
            ("one", "a.c"),
            ("two", "b.c"),
            ("three", "a.c"),
            ("four", "c.c"),
        ]);
        let patch = |path: &str| {
            let complaint = Complaint {
                path: path.into(),
                message: "bad".into(),
            };
            finding("gate", complaint, &subject).patch
        };
        assert_eq!(patch("a.c"), "three");
        assert_eq!(patch("b.c"), "two");
        assert_eq!(patch("made.h"), "four");
    }
}
