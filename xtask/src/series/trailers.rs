//! Trailers of a patch: what a machine has to know about it, at the end of its message.

use crate::error::{Failure, Result};
use serde::Serialize;
use std::fmt;

/// Where a patch stands upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not sent yet.
    Pending,
    /// Sent, at this address.
    Submitted(String),
    /// Taken from upstream's commit.
    Backport(String),
    /// Refused, at this address.
    Denied(String),
    /// Not for upstream, for this reason.
    Inappropriate(String),
}

/// The NEWS entry a patch brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// In this section.
    Section(String),
    /// None, for this reason.
    None(String),
}

/// The validated trailers of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailers {
    /// `Upstream-Status`
    pub status: Status,
    /// `Upstream-Issue: gh-<number>`
    pub issue: Option<u64>,
    /// `Area`, one of [`AREAS`].
    pub area: String,
    /// `News`
    pub news: News,
    /// `Depends-On`, slugs of earlier patches.
    pub depends_on: Vec<String>,
    /// `Drop-When`
    pub drop_when: Option<String>,
}

/// Values of `Area`.
pub const AREAS: [&str; 9] = [
    "dict", "objects", "import", "eval", "shadow", "frame", "build", "test", "docs",
];

/// Sections of CPython's NEWS.
pub const SECTIONS: [&str; 11] = [
    "Security",
    "Core and Builtins",
    "Library",
    "Documentation",
    "Tests",
    "Build",
    "Windows",
    "macOS",
    "IDLE",
    "Tools/Demos",
    "C API",
];

/// Trailers of ours.
pub const OURS: [&str; 6] = [
    "Upstream-Status",
    "Upstream-Issue",
    "Area",
    "News",
    "Depends-On",
    "Drop-When",
];

/// Trailers that name people or places and are only passed on.
const OTHERS: [&str; 7] = [
    "Signed-off-by",
    "Co-authored-by",
    "Co-Authored-By",
    "Reviewed-by",
    "Reported-by",
    "Suggested-by",
    "Link",
];

/// One line of a message's trailer block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the message, from 1.
    pub number: usize,
    /// What stands before the colon; empty when there is none.
    pub key: &'a str,
    /// What stands after it.
    pub value: &'a str,
}

/// Splits a message into its text and the lines of its trailer block: the last paragraph, if it holds a trailer.
pub fn split(message: &str) -> (&str, Vec<Line<'_>>) {
    let message = message.trim_end();
    let start = message.rfind("\n\n").map_or(message.len(), |at| at + 2);
    let first = message[..start].lines().count() + 1;
    let lines: Vec<_> = message[start..]
        .lines()
        .enumerate()
        .map(|(offset, line)| {
            let (key, value) = line.split_once(": ").unwrap_or(("", line));
            let key = if key.contains(char::is_whitespace) && !known(key) {
                ""
            } else {
                key
            };
            Line {
                number: first + offset,
                key,
                value: value.trim(),
            }
        })
        .collect();
    let block = lines.iter().any(|line| known(line.key))
        || (!lines.is_empty() && lines.iter().all(|line| !line.key.is_empty()));
    if block {
        (message[..start].trim_end(), lines)
    } else {
        (message, Vec::new())
    }
}

fn known(key: &str) -> bool {
    OURS.contains(&key) || OTHERS.contains(&key)
}

impl Trailers {
    /// Reads and validates the trailers of a message. `place` names line `n` of the message in a failure.
    ///
    /// # Errors
    /// When a trailer is unknown, missing, repeated or has a value that is not allowed.
    pub fn parse(message: &str, place: impl Fn(usize) -> String) -> Result<Self> {
        let (_, lines) = split(message);
        let mut found = Found::default();
        for line in &lines {
            found
                .take(line)
                .map_err(|failure| failure.at(place(line.number)))?;
        }
        let end = message.trim_end().lines().count();
        let missing = |key: &str, syntax: &str| {
            Failure::check(format!("the trailer {key} is missing"))
                .at(place(end))
                .next(format!(
                    "add a line `{key}: {syntax}` to the last paragraph of the message"
                ))
        };
        Ok(Self {
            status: found
                .status
                .ok_or_else(|| missing("Upstream-Status", STATUS_SYNTAX))?,
            area: found
                .area
                .ok_or_else(|| missing("Area", &AREAS.join(" | ")))?,
            news: found
                .news
                .ok_or_else(|| missing("News", "<section> | none [why]"))?,
            issue: found.issue,
            depends_on: found.depends_on,
            drop_when: found.drop_when,
        })
    }
}

const STATUS_SYNTAX: &str =
    "Pending | Submitted [address] | Backport [commit] | Denied [address] | Inappropriate [why]";

#[derive(Default)]
struct Found {
    status: Option<Status>,
    issue: Option<u64>,
    area: Option<String>,
    news: Option<News>,
    depends_on: Vec<String>,
    drop_when: Option<String>,
}

impl Found {
    fn take(&mut self, line: &Line) -> Result<()> {
        let value = line.value;
        let twice = match line.key {
            "Upstream-Status" => self.status.replace(status(value)?).is_some(),
            "Upstream-Issue" => self.issue.replace(issue(value)?).is_some(),
            "Area" => self.area.replace(area(value)?).is_some(),
            "News" => self.news.replace(news(value)?).is_some(),
            "Drop-When" if value.is_empty() => {
                return Err(wrong("Drop-When", value, "a condition"));
            }
            "Drop-When" => self.drop_when.replace(value.to_owned()).is_some(),
            "Depends-On" => {
                self.depends_on.push(value.to_owned());
                false
            }
            key if OTHERS.contains(&key) => false,
            "" => {
                return Err(Failure::check(format!("not a trailer: {value}"))
                    .because("the last paragraph of the message has trailers, and then holds nothing else")
                    .next("put an empty line between the text and the trailers"));
            }
            key => return Err(unknown(key)),
        };
        if twice {
            return Err(Failure::check(format!(
                "the trailer {} stands there twice",
                line.key
            )));
        }
        Ok(())
    }
}

fn unknown(key: &str) -> Failure {
    let failure = Failure::check(format!("the trailer {key} is unknown"));
    match similar::get_close_matches(key, &OURS, 1, 0.6).first() {
        Some(near) => failure.next(format!("write {near}")),
        None => failure.next(format!("use one of: {}", OURS.join(", "))),
    }
}

fn wrong(key: &str, value: &str, syntax: &str) -> Failure {
    Failure::check(format!("{key} cannot be `{value}`")).next(format!("write `{key}: {syntax}`"))
}

/// `word [text]` as its two parts.
fn bracketed(value: &str) -> Option<(&str, &str)> {
    let (word, rest) = value.split_once(' ')?;
    let text = rest.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    (!text.is_empty()).then_some((word, text))
}

fn status(value: &str) -> Result<Status> {
    match bracketed(value) {
        None if value == "Pending" => Ok(Status::Pending),
        Some(("Submitted", url)) => Ok(Status::Submitted(url.into())),
        Some(("Backport", sha)) => Ok(Status::Backport(sha.into())),
        Some(("Denied", url)) => Ok(Status::Denied(url.into())),
        Some(("Inappropriate", why)) => Ok(Status::Inappropriate(why.into())),
        _ => Err(wrong("Upstream-Status", value, STATUS_SYNTAX)),
    }
}

fn issue(value: &str) -> Result<u64> {
    value
        .strip_prefix("gh-")
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| wrong("Upstream-Issue", value, "gh-<number>"))
}

fn area(value: &str) -> Result<String> {
    if AREAS.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(wrong("Area", value, &AREAS.join(" | ")))
    }
}

fn news(value: &str) -> Result<News> {
    match bracketed(value) {
        Some(("none", why)) => Ok(News::None(why.into())),
        _ if SECTIONS.contains(&value) => Ok(News::Section(value.into())),
        _ => Err(wrong(
            "News",
            value,
            &format!("none [why] | {}", SECTIONS.join(" | ")),
        )),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("Pending"),
            Self::Submitted(url) => write!(f, "Submitted [{url}]"),
            Self::Backport(sha) => write!(f, "Backport [{sha}]"),
            Self::Denied(url) => write!(f, "Denied [{url}]"),
            Self::Inappropriate(why) => write!(f, "Inappropriate [{why}]"),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Section(name) => f.write_str(name),
            Self::None(why) => write!(f, "none [{why}]"),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
