//! Checks a built interpreter: what extensions and `.pyc` files see of it is what the pristine build shows them.
//!
//! Every check runs to its end; a check that cannot be made is one that failed.

mod binary;
mod caches;
mod layout;
mod programs;

use crate::build::Built;
use crate::error::Result;
use crate::port::{Port, Profile};
use serde::Serialize;
use std::path::PathBuf;

pub use programs::smoke;

/// One check and what it found.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What was found.
    pub found: String,
}

impl Check {
    /// A check that holds when `problems` is empty; `found` is said of it then.
    pub fn of(name: &'static str, problems: &[String], found: impl Into<String>) -> Self {
        const SHOWN: usize = 8;
        if problems.is_empty() {
            return Self {
                name,
                ok: true,
                found: found.into(),
            };
        }
        let mut text = problems[..problems.len().min(SHOWN)].join("; ");
        if problems.len() > SHOWN {
            text += &format!("; and {} more", problems.len() - SHOWN);
        }
        Self {
            name,
            ok: false,
            found: text,
        }
    }

    /// The check that could or could not be made.
    pub fn made(name: &'static str, made: Result<Self>) -> Self {
        made.unwrap_or_else(|failure| Self {
            name,
            ok: false,
            found: failure.to_string(),
        })
    }
}

/// Whether wheels are installed from a package index, which needs a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wheels {
    /// Install and use those that this folder names.
    Install(PathBuf),
    /// Leave them out.
    Skip,
}

/// Makes all checks of `built`, in comparison with the pristine build of the same release and profile.
pub fn validate(
    port: &Port,
    profile: &Profile,
    built: &Built,
    pristine: &Built,
    wheels: &Wheels,
) -> Vec<Check> {
    let mut checks = vec![Check::made(
        "version, magic, SOABI",
        programs::facts(port, profile, built),
    )];
    checks.extend(binary::checks(built, pristine));
    checks.push(Check::made("make smelly", programs::smelly(built)));
    checks.push(Check::made(
        "struct layouts",
        layout::check(built, pristine),
    ));
    checks.push(Check::made(
        "shared .pyc files",
        caches::check(built, pristine),
    ));
    checks.extend(smoke(
        &built.python,
        &built.environment,
        &built.missing_modules,
    ));
    if let Wheels::Install(folder) = wheels {
        checks.extend(programs::wheels(&built.python, &built.environment, folder));
    }
    checks
}
