//! The one error type of xtask: what failed, where, why, and what to do next.
//!
//! Every failure a user can see is a [`Failure`]; its [`Kind`] is the exit status. Messages are complete sentences
//! without a final stop in `what`, and `next` holds commands or acts, in the order to try them.

use std::fmt;
use std::path::{Path, PathBuf};

/// The reason a command ends unsuccessfully; its discriminant is the process's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A check ran to its end and found something wrong.
    Check = 1,
    /// Wrong usage, or something the machine lacks.
    Environment = 2,
    /// A person has to decide, for example in a conflict.
    Person = 3,
    /// Data is not what its recorded hash says.
    Integrity = 4,
}

/// A failed command, as it is shown to the user.
#[derive(Debug, thiserror::Error)]
pub struct Failure {
    /// Exit status.
    pub kind: Kind,
    /// What failed, in one line.
    pub what: String,
    /// File, line, address or command in which it failed.
    pub place: Option<String>,
    /// The causes, outermost first.
    pub why: Vec<String>,
    /// What to do next, most likely first; commands stand in backquotes.
    pub next: Vec<String>,
    /// The log that has the whole story.
    pub log: Option<PathBuf>,
}

/// What every fallible function of xtask returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            place: None,
            why: Vec::new(),
            next: Vec::new(),
            log: None,
        }
    }

    /// A check that found something wrong (exit status 1).
    pub fn check(what: impl Into<String>) -> Self {
        Self::new(Kind::Check, what)
    }

    /// Wrong usage or a machine that lacks something (exit status 2).
    pub fn environment(what: impl Into<String>) -> Self {
        Self::new(Kind::Environment, what)
    }

    /// Something only a person can decide (exit status 3).
    pub fn person(what: impl Into<String>) -> Self {
        Self::new(Kind::Person, what)
    }

    /// Data that does not have its recorded hash (exit status 4).
    pub fn integrity(what: impl Into<String>) -> Self {
        Self::new(Kind::Integrity, what)
    }

    /// Names the file, line, address or command in which it failed.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds a cause below those already there.
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.why.push(cause.to_string());
        self
    }

    /// Adds something to do next.
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }

    /// Names the log file that has the whole story.
    pub fn log(mut self, log: impl Into<PathBuf>) -> Self {
        self.log = Some(log.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(place) = &self.place {
            write!(f, "\n  where: {place}")?;
        }
        for cause in &self.why {
            write!(
                f,
                "\n  why:   {}",
                cause.trim_end().replace('\n', "\n         ")
            )?;
        }
        for step in &self.next {
            write!(
                f,
                "\n  next:  {}",
                step.trim_end().replace('\n', "\n         ")
            )?;
        }
        if let Some(log) = &self.log {
            write!(f, "\n  log:   {}", log.display())?;
        }
        Ok(())
    }
}

/// Turns an error of the standard library or of a crate into a [`Failure`] that says what was being done.
pub trait Context<T> {
    /// `what` could not be done with `path`.
    fn doing(self, what: &str, path: &Path) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: &str, path: &Path) -> Result<T> {
        self.map_err(|error| {
            let failure = Failure::environment(format!("cannot {what}"))
                .at(path.display())
                .because(&error);
            if error.to_string().contains("os error 28") {
                return failure.next(format!(
                    "free some space on the disk of {} and run the same command again",
                    path.display()
                ));
            }
            failure
        })
    }
}
