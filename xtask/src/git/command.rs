//! Runs the machine's git, for work trees that people edit.

use super::COMMITTER;
use crate::error::{Failure, Result};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A git command in `folder`, untouched by variables of a git command around this one.
///
/// # Errors
/// When git is missing.
pub fn git(folder: &Path) -> Result<Command> {
    let program = which::which("git").map_err(|_| {
        Failure::environment("git is missing")
            .because("patches are edited in git work trees")
            .next("install git")
    })?;
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let keep = [
            "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_SYSTEM",
        ];
        if name.to_string_lossy().starts_with("GIT_") && !keep.iter().any(|kept| name == *kept) {
            command.env_remove(&name);
        }
    }
    command
        .env("GIT_COMMITTER_NAME", COMMITTER.0)
        .env("GIT_COMMITTER_EMAIL", COMMITTER.1)
        .env("GIT_EDITOR", "true")
        // A command that only looks takes no lock, which it would leave when it is killed.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args([
            "-c",
            "commit.gpgSign=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.autocrlf=false",
        ])
        .args(["-c", "advice.detachedHead=false"]);
    Ok(command)
}

/// Runs a command and returns what it wrote.
///
/// # Errors
/// When it fails; what it said is in the failure.
pub fn run(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned());
    }
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    Err(Failure::environment("a git command failed")
        .at(format!("git {}", words.join(" ")))
        .because(String::from_utf8_lossy(
            &[output.stdout, output.stderr].concat(),
        )))
}

/// Runs a command and returns how it ended.
///
/// # Errors
/// When it cannot be run.
pub fn output(command: &mut Command) -> Result<Output> {
    command
        .output()
        .map_err(|error| Failure::environment("git cannot be run").because(error))
}
