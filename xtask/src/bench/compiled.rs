//! The interpreters that the compiler is measured with: the stock one, the patched one that compiles, and those of the user.

use super::lazy::Against;
use crate::build::Built;
use crate::error::{Failure, Result};
use serde::Serialize;
use std::ffi::OsString;

/// An interpreter.
pub struct Interpreter {
    /// What it is called.
    pub name: String,
    /// The command and its first arguments.
    pub command: Vec<OsString>,
}

/// What a report says of an interpreter.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// Its command.
    pub command: String,
}

/// What the stock interpreter and the patched one are, and how the latter compiles.
pub struct Builds<'a> {
    /// With the series.
    pub patched: &'a Built,
    /// Without.
    pub pristine: &'a Built,
    /// Their profile.
    pub profile: &'a str,
    /// The value of `-X jit` for the patched interpreter.
    pub mode: &'a str,
}

impl Interpreter {
    /// As a report says it.
    pub fn compared(&self) -> Compared {
        Compared {
            name: self.name.clone(),
            command: super::shown(&self.command),
        }
    }
}

/// All of them, the stock one first and then the one that compiles.
///
/// # Errors
/// When two have the same name.
pub fn interpreters(builds: &Builds, against: &[Against]) -> Result<Vec<Interpreter>> {
    let mut all = vec![
        Interpreter {
            name: "stock".into(),
            command: vec![builds.pristine.python.clone().into()],
        },
        Interpreter {
            name: "jit".into(),
            command: vec![
                builds.patched.python.clone().into(),
                "-X".into(),
                format!("jit={}", builds.mode).into(),
            ],
        },
    ];
    for against in against {
        if all.iter().any(|known| known.name == against.name()) {
            return Err(
                Failure::environment(format!("{} is there already", against.name()))
                    .next("choose another name for it in --against"),
            );
        }
        all.push(Interpreter {
            name: against.name().into(),
            command: against.command().to_vec(),
        });
    }
    Ok(all)
}
