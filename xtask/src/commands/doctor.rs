//! `doctor`: what this machine has and lacks.

use crate::error::Result;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks for every tool and library a build can use.
///
/// # Errors
/// When a tool that is needed is missing.
pub fn run(_workspace: &Workspace, _options: &Options) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
