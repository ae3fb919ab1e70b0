//! `jit-bisect`: finds the function that a command fails with when it is compiled.

use super::build::BuildOptions;
use crate::bisect::{Found, Subject, Symptom};
use crate::build;
use crate::error::Result;
use crate::ui;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::process::ExitCode;

/// Options of `jit-bisect`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    build: BuildOptions,
    /// What is compiled, as for `-X jit`.
    #[arg(long, default_value = "auto,after=400", value_name = "VALUE")]
    mode: String,
    /// A run with another output fails too, not only one with another exit status.
    #[arg(long)]
    output: bool,
    /// The command, after `--`; `python3` is the interpreter that was built.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command in the interpreter, compiled, and with fewer and fewer functions compiled, and prints those that matter.
///
/// # Errors
/// When the command does the same in the interpreter as compiled, or not always the same.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let built = build::build(workspace, &options.build.request())?;
    let subject = Subject {
        command: options.command.clone(),
        programs: built.prefix.join("bin"),
        environment: built.environment.into_iter().collect(),
        mode: options.mode.clone(),
        failure: match options.output {
            true => Symptom::Output,
            false => Symptom::Status,
        },
        log: workspace.log("jit-bisect"),
    };
    let Found {
        functions,
        of,
        runs,
    } = subject.bisect()?;
    for function in &functions {
        ui::data(function);
    }
    ui::say(
        "Found",
        format_args!(
            "{} of {of} functions, in {runs} runs; to see it again:",
            functions.len()
        ),
    );
    let allowed: String = functions
        .iter()
        .map(|function| format!(",allow={function}"))
        .collect();
    ui::line(format_args!(
        "PYTHON_JIT='{}{allowed}' {}",
        options.mode,
        options
            .command
            .iter()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    ));
    Ok(ExitCode::SUCCESS)
}
