//! Reads and writes patches as mails that `git am` takes.
//!
//! A patch is written in one way only, so that writing what was read gives the same bytes.

use super::diff::{self, FileDiff};
use super::trailers::Trailers;
use crate::error::{Failure, Result};
use crate::git::Message;
use mailparse::MailHeaderMap;
use std::path::{Path, PathBuf};

/// A patch of the series.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Its file's name without `.patch`.
    pub slug: String,
    /// Its file.
    pub file: PathBuf,
    /// Author, date and message.
    pub message: Message,
    /// The file's bytes.
    pub raw: Vec<u8>,
    /// The changes, file by file.
    pub files: Vec<FileDiff>,
    /// Where the diff is in `raw`.
    diff: std::ops::Range<usize>,
    /// Line of the file on which the message's text begins, from 1, after the subject.
    body_line: usize,
}

impl Patch {
    /// Reads a patch.
    ///
    /// # Errors
    /// When it is not a mail with author, date, subject and a git diff.
    pub fn parse(slug: &str, file: &Path, raw: Vec<u8>) -> Result<Self> {
        let at = |line: usize| format!("{}:{line}", file.display());
        let wrong = |what: &str, line: usize| {
            Failure::check(format!(
                "{} is not a patch in mail form: {what}",
                file.display()
            ))
            .at(at(line))
            .next("make patches with `cargo xtask patch new` or `git format-patch`")
        };
        // A mailbox's own line is no header.
        let skipped = if raw.starts_with(b"From ") {
            line_end(&raw, 0)
        } else {
            0
        };
        let (headers, end) = mailparse::parse_headers(&raw[skipped..])
            .map_err(|error| wrong(&error.to_string(), 1))?;
        let header = |name: &str| {
            headers
                .get_first_value(name)
                .ok_or_else(|| wrong(&format!("it has no {name}"), 1))
        };
        let (author, mail) =
            address(&header("From")?).ok_or_else(|| wrong("From is not `Name <mail>`", 1))?;
        let date = header("Date")?;
        let date = jiff::fmt::rfc2822::parse(date.trim())
            .map_err(|error| wrong(&format!("Date: {error}"), 1))?;
        let subject = header("Subject")?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let subject = match subject
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((_, rest)) => rest.trim().to_owned(),
            None => subject,
        };

        let body_start = skipped + end;
        let diff_start = find_line(&raw, body_start, |line| line.starts_with(b"diff --git "))
            .ok_or_else(|| wrong("it has no `diff --git`", line_of(&raw, raw.len())))?;
        let text_end = find_line(&raw, body_start, |line| line == b"---\n")
            .filter(|at| *at < diff_start)
            .unwrap_or(diff_start);
        let body = std::str::from_utf8(&raw[body_start..text_end])
            .map_err(|_| wrong("its message is not UTF-8", line_of(&raw, body_start)))?;
        let leading = body.len() - body.trim_start_matches('\n').len();
        let body_line = line_of(&raw, body_start + leading);
        let diff_line = line_of(&raw, diff_start);
        let (files, length) =
            diff::parse(&raw[diff_start..], diff_line).map_err(|mut failure| {
                failure.place = failure
                    .place
                    .map(|line| format!("{}:{line}", file.display()));
                failure
            })?;
        let message = Message {
            author,
            mail,
            seconds: date.timestamp().as_second(),
            zone: date.offset().seconds() / 60,
            text: text(&subject, body),
        };
        Ok(Self {
            slug: slug.to_owned(),
            file: file.to_owned(),
            message,
            files,
            diff: diff_start..diff_start + length,
            body_line,
            raw,
        })
    }

    /// First line of the message.
    pub fn subject(&self) -> &str {
        self.message.subject()
    }

    /// The diff alone.
    pub fn diff(&self) -> &[u8] {
        &self.raw[self.diff.clone()]
    }

    /// Line of the file on which the diff begins, from 1.
    pub fn diff_line(&self) -> usize {
        line_of(&self.raw, self.diff.start)
    }

    /// The validated trailers.
    ///
    /// # Errors
    /// When a trailer is unknown, missing, repeated or has a value that is not allowed.
    pub fn trailers(&self) -> Result<Trailers> {
        // The message's third line is the file's first line of text.
        Trailers::parse(&self.message.text, |line| {
            format!(
                "{}:{}",
                self.file.display(),
                self.body_line + line.max(3) - 3
            )
        })
        .map_err(|mut failure| {
            failure.what = format!("patch {}: {}", self.slug, failure.what);
            failure
        })
    }
}

impl Message {
    /// First line of the message.
    pub fn subject(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// What a commit says, in the form in which it survives being a mail.
    ///
    /// # Errors
    /// When git would read the mail as something else than what was committed.
    pub fn of(commit: &git2::Commit) -> Result<Self> {
        let author = commit.author();
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        let (subject, body) = message.split_once('\n').unwrap_or((&message, ""));
        let message = Self {
            author: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            mail: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            seconds: author.when().seconds(),
            zone: author.when().offset_minutes(),
            text: text(subject.trim(), body),
        };
        let bad = if subject.trim().is_empty() {
            Some("it has no subject")
        } else if subject.starts_with('[') {
            Some("its subject begins with [, which mail programs remove")
        } else if body
            .lines()
            .any(|line| line == "---" || line.starts_with("diff -") || line.starts_with("Index: "))
        {
            Some(
                "its text has a line at which git takes a mail's text to end (---, diff - or Index:)",
            )
        } else if body.lines().any(|line| line.starts_with("From ")) {
            Some(
                "its text has a line that begins with `From `, where a mailbox's next mail would begin",
            )
        } else if ["From:", "Date:", "Subject:"]
            .iter()
            .any(|key| body.trim_start().starts_with(key))
        {
            Some("its text begins with what git takes for a mail's header")
        } else {
            None
        };
        match bad {
            None => Ok(message),
            Some(why) => Err(Failure::check(format!(
                "the message of `{}` cannot be a mail",
                message.subject()
            ))
            .at(format!("commit {}", commit.id()))
            .because(why)
            .next("change the message with `git commit --amend` or `git rebase`")),
        }
    }

    /// The patch file of a change.
    pub fn mail(&self, diff: &[u8]) -> Vec<u8> {
        let mut mail = self.letter("PATCH");
        mail += "---\n";
        let mut mail = mail.into_bytes();
        mail.extend_from_slice(diff);
        mail.extend_from_slice(b"-- \nclinker\n");
        mail
    }

    /// Headers and body of a mail, with `[mark]` before the subject.
    pub fn letter(&self, mark: &str) -> String {
        let zone = jiff::tz::Offset::from_seconds(self.zone * 60).unwrap_or(jiff::tz::Offset::UTC);
        let date = jiff::Timestamp::from_second(self.seconds)
            .map(|time| time.to_zoned(zone.to_time_zone()))
            .ok()
            .and_then(|time| jiff::fmt::rfc2822::to_string(&time).ok())
            .unwrap_or_else(|| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned());
        let (subject, body) = self.text.split_once('\n').unwrap_or((&self.text, ""));
        let mut mail = format!(
            "From: {} <{}>\nDate: {date}\nSubject: [{mark}] {subject}\n",
            self.author, self.mail
        );
        if !(self.text.is_ascii() && self.author.is_ascii()) {
            mail += "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n";
        }
        mail += "\n";
        let body = body.trim_matches('\n');
        if !body.is_empty() {
            mail += body;
            mail += "\n";
        }
        mail
    }
}

/// A file name made from a subject, without the number of its issue: that is known only when the patch is sent.
pub fn slug(subject: &str) -> String {
    const LONGEST: usize = 64;
    let subject = match subject.split_once(": ") {
        Some((issue, rest)) if issue.starts_with("gh-") => rest,
        _ => subject,
    };
    let mut slug = String::new();
    for word in subject
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !slug.is_empty() && slug.len() + 1 + word.len() > LONGEST {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    slug
}

/// Subject, empty line, body without empty lines around it.
fn text(subject: &str, body: &str) -> String {
    let lines: Vec<_> = body.lines().map(str::trim_end).collect();
    let body = lines.join("\n");
    match body.trim_matches('\n') {
        "" => format!("{subject}\n"),
        body => format!("{subject}\n\n{body}\n"),
    }
}

fn address(value: &str) -> Option<(String, String)> {
    let (name, mail) = value.trim().split_once('<')?;
    let mail = mail.strip_suffix('>')?;
    let name = name.trim().trim_matches('"').to_owned();
    Some((name, mail.to_owned()))
}

fn line_end(raw: &[u8], from: usize) -> usize {
    raw[from..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(raw.len(), |at| from + at + 1)
}

fn find_line(raw: &[u8], from: usize, wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = from;
    while at < raw.len() {
        let end = line_end(raw, at);
        if wanted(&raw[at..end]) {
            return Some(at);
        }
        at = end;
    }
    None
}

fn line_of(raw: &[u8], at: usize) -> usize {
    raw[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}
