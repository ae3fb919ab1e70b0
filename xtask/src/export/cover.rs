//! Cover letters: what a reviewer of a topic wants to know before the patches. They lie beside the series, in `covers/`.
//!
//! Each topic that is sent as a whole has one with all of [`HEADINGS`], and nothing else lies there. It becomes the text of
//! the pull request and the letter before the mails, as `git format-patch --cover-letter` writes it.

use super::lint::{Finding, Level};
use super::topic::{Kind, Topic, topics};
use crate::error::{Context, Failure, Result};
use crate::git::Message;
use crate::series::{Patch, Series};
use git2::Oid;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Name of the letter among the mails.
pub const LETTER: &str = "0000-cover-letter.patch";

/// The parts of a cover letter, in order.
const HEADINGS: [&str; 7] = [
    "Problem",
    "Design",
    "Alternatives",
    "Tests",
    "Documentation",
    "NEWS",
    "Compatibility",
];

const NAME: &str = "cover";

/// The cover letter of a topic.
#[derive(Debug, PartialEq, Eq)]
pub struct Cover {
    /// What the pull request is called.
    pub title: String,
    /// The parts with their headings.
    pub body: String,
}

/// What is wrong with the cover letters of some topics, and what lies in their folder without a topic.
///
/// # Errors
/// When the folder or a letter cannot be read.
pub fn lint(series: &Series, wanted: &[Topic]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for topic in wanted.iter().filter(|topic| topic.kind != Kind::Patch) {
        let file = file(series, topic);
        match read(&file)? {
            None => findings.push(finding(
                &file,
                format!("topic {} has no cover letter", topic.name),
            )),
            Some(text) => {
                let problems = parse(&text).err().unwrap_or_default();
                findings.extend(problems.into_iter().map(|problem| finding(&file, problem)));
            }
        }
    }
    let known: BTreeSet<PathBuf> = topics(series, None)?
        .iter()
        .map(|topic| file(series, topic))
        .collect();
    let folder = folder(series);
    if folder.exists() {
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let path = entry.doing("list", &folder)?.path();
            if !known.contains(&path) {
                findings.push(finding(&path, "no topic has this name".into()));
            }
        }
    }
    Ok(findings)
}

/// The cover letter of a topic; a single patch has none.
///
/// # Errors
/// When it is missing or not complete.
pub fn load(series: &Series, topic: &Topic) -> Result<Option<Cover>> {
    if topic.kind == Kind::Patch {
        return Ok(None);
    }
    let file = file(series, topic);
    let text = read(&file)?.ok_or_else(|| {
        Failure::check(format!("topic {} has no cover letter", topic.name))
            .at(file.display())
            .next(format!(
                "write it, with these parts: {}",
                HEADINGS.join(", ")
            ))
    })?;
    parse(&text).map(Some).map_err(|problems| {
        Failure::check(format!(
            "the cover letter of {} is not complete",
            topic.name
        ))
        .at(file.display())
        .because(problems.join("; "))
        .next("`cargo xtask export-patches --check` lists what is missing")
    })
}

impl Cover {
    /// The letter before the mails of `patches`, whose last commit is `tip` and which together make `diff`.
    ///
    /// # Errors
    /// When `diff` cannot be read.
    pub fn letter(&self, patches: &[Patch], tip: Oid, diff: &[u8]) -> Result<String> {
        let Some(last) = patches.last() else {
            return Err(Failure::check(
                "a topic without patches has no cover letter",
            ));
        };
        let count = patches.len();
        let number = format!("{:0width$}", 0, width = count.to_string().len());
        let message = Message {
            text: format!("{}\n\n{}\n", self.title, self.body),
            ..last.message.clone()
        };
        let mut letter = format!("From {tip} Mon Sep 17 00:00:00 2001\n");
        letter += &message.letter(&format!("PATCH {number}/{count}"));
        let _ = writeln!(letter, "\n{} ({count}):", message.author);
        for patch in patches {
            let _ = writeln!(letter, "  {}", patch.subject());
        }
        let stat = git2::Diff::from_buffer(diff)
            .and_then(|diff| diff.stats())
            .and_then(|stats| stats.to_buf(git2::DiffStatsFormat::FULL, 80))
            .map_err(|error| Failure::check("git cannot sum up a topic").because(error))?;
        let _ = write!(letter, "\n{}\n-- \nclinker\n", stat.as_str().unwrap_or(""));
        Ok(letter)
    }
}

fn folder(series: &Series) -> PathBuf {
    series.folder().join("covers")
}

fn file(series: &Series, topic: &Topic) -> PathBuf {
    folder(series).join(format!("{}.md", topic.name))
}

fn read(file: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => text.doing("read a cover letter", file).map(Some),
    }
}

fn finding(file: &Path, message: String) -> Finding {
    Finding {
        lint: NAME,
        level: Level::Error,
        patch: String::new(),
        place: file.display().to_string(),
        message,
    }
}

/// Takes a letter apart; its problems if it has any.
fn parse(text: &str) -> std::result::Result<Cover, Vec<String>> {
    let mut problems = Vec::new();
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let title = first.strip_prefix("# ").unwrap_or("").trim();
    if title.is_empty() {
        problems.push("it does not begin with its title: `# TITLE`".to_owned());
    }
    let mut parts: Vec<(&str, bool)> = Vec::new();
    for line in body.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            parts.push((heading.trim(), false));
        } else if !line.trim().is_empty() {
            match parts.last_mut() {
                Some((_, has_text)) => *has_text = true,
                None => problems.push("there is text before the first part".to_owned()),
            }
        }
    }
    let found: Vec<&str> = parts.iter().map(|(heading, _)| *heading).collect();
    if found != HEADINGS {
        problems.push(format!(
            "its parts have to be {}; they are {}",
            HEADINGS.join(", "),
            found.join(", ")
        ));
    }
    let empty = parts.iter().filter(|(_, has_text)| !has_text);
    problems.extend(empty.map(|(heading, _)| format!("there is nothing under {heading}")));
    if problems.is_empty() {
        Ok(Cover {
            title: title.to_owned(),
            body: body.trim().to_owned(),
        })
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> String {
        let parts = HEADINGS
            .iter()
            .map(|heading| format!("## {heading}\n\nText.\n\n"));
        format!("# Count steps\n\n{}", parts.collect::<String>())
    }

    #[test]
    fn a_complete_letter_has_a_title_and_all_parts() {
        let cover = parse(&complete()).expect("a cover letter");
        assert_eq!(cover.title, "Count steps");
        assert!(cover.body.starts_with("## Problem\n\nText."));
        assert!(cover.body.ends_with("## Compatibility\n\nText."));
    }

    #[test]
    fn what_is_missing_is_named() {
        let problem = |from: &str, to: &str| {
            let problems = parse(&complete().replace(from, to)).expect_err("a problem");
            assert_eq!(problems.len(), 1, "{problems:?}");
            problems.into_iter().next().expect("one")
        };
        assert!(problem("# Count steps\n", "Count steps\n").contains("title"));
        assert!(problem("## NEWS\n\nText.\n\n", "").contains("its parts have to be"));
        assert!(problem("## Tests", "## Checks").contains("Design, Alternatives, Checks"));
        assert_eq!(
            problem("## Tests\n\nText.", "## Tests\n"),
            "there is nothing under Tests"
        );
        assert!(problem("## Problem", "Text.\n## Problem").contains("before the first part"));
    }
}
