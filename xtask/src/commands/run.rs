//! `run`: runs a program with a built interpreter.

use super::build::BuildOptions;
use crate::build;
use crate::error::{Context, Result};
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// Options of `run`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    build: BuildOptions,
    /// What the interpreter is given, after `--`: `cargo xtask run -- -X jit=stats prog.py`
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Builds if need be, and becomes the interpreter: its signals and its exit status are then those of this process.
///
/// # Errors
/// When the build fails or the interpreter cannot be started.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let built = build::build(workspace, &options.build.request())?;
    let error = Command::new(&built.python)
        .args(&options.arguments)
        .envs(&built.environment)
        .exec();
    Err(error).doing("run", &built.python)
}
