//! Runs one row of the matrix on this machine: the same commands in the same order as on a hosted one.

use super::Row;
use crate::error::{Context, Failure, Result};
use crate::ui;
use std::process::{Command, ExitCode};

/// Runs the row's steps with this xtask; the status is that of the first step that fails.
///
/// # Errors
/// When a step cannot be started or is killed.
pub fn run(row: &Row) -> Result<ExitCode> {
    let xtask = std::env::current_exe().map_err(|error| {
        Failure::environment("cannot find the program that is running").because(error)
    })?;
    for (index, step) in row.steps.iter().enumerate() {
        let line = format!("cargo xtask {}", step.join(" "));
        ui::say(
            "Running",
            format_args!(
                "{}, step {} of {}: {line}",
                row.job,
                index + 1,
                row.steps.len()
            ),
        );
        let status = Command::new(&xtask)
            .args(step)
            .status()
            .doing("run a step of the CI matrix", &xtask)?;
        match status.code() {
            Some(0) => {}
            Some(code) => return Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)),
            None => {
                return Err(
                    Failure::environment(format!("job {} was interrupted", row.job))
                        .at(line)
                        .because(status),
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
