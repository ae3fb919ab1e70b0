//! `soak`: a threaded server under load, whose code is changed, compiled and invalidated all along.

use super::build::BuildOptions;
use crate::build;
use crate::error::{Context, Failure, Result};
use crate::process;
use crate::workspace::Workspace;
use std::process::{Command, ExitCode};

/// Options of `soak`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    build: BuildOptions,
    /// How long to go on; the growth of memory is judged from 5 minutes on.
    #[arg(long, default_value_t = 30.0, value_name = "N")]
    minutes: f64,
    /// How the server compiles: the value of `-X jit`.
    #[arg(long, default_value = "auto", value_name = "MODE")]
    jit: String,
    /// Client processes.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// What is asked and changed, and in which order.
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
}

/// Builds if need be, and runs the server and its clients.
///
/// # Errors
/// When an answer is wrong, the server does not stay alive or its memory grows.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let built = build::build(workspace, &options.build.request())?;
    let mut command = Command::new(&built.python);
    process::without_python_variables(&mut command)
        .envs(&built.environment)
        .arg(workspace.root().join("tests/soak/soak.py"))
        .arg(format!("--minutes={}", options.minutes))
        .arg(format!("--jit={}", options.jit))
        .arg(format!("--clients={}", options.clients))
        .arg(format!("--seed={}", options.seed));
    let status = command.status().doing("run", &built.python)?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        Some(1) => Err(Failure::check("the server did what it must not")),
        _ => Err(Failure::environment("the soak did not come to its end").because(status)),
    }
}
