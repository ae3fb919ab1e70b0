//! `ci`: the matrix of what is tested, its rows on this machine, and the workflow files made from it.

use crate::ci;
use crate::error::{Failure, Result};
use crate::ui;
use crate::workspace::Workspace;
use std::io::Write;
use std::process::ExitCode;

/// Options of `ci`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Prints the rows to run as JSON, in the form a hosted runner takes: {"include": [...]}.
    Matrix {
        /// Add the rows of this label of ci/matrix.toml to the default ones; can be given several times.
        #[arg(long = "label", value_name = "LABEL")]
        labels: Vec<String>,
        /// Print all rows, whatever their label.
        #[arg(long, conflicts_with = "labels")]
        all: bool,
    },
    /// Runs a row on this machine, with the same commands as on a hosted one.
    ///
    /// The exit status is that of the first command that fails.
    Run {
        /// Name of the row; `cargo xtask ci matrix --all` prints them.
        job: String,
    },
    /// Writes the workflow files under .github/workflows/ from ci/matrix.toml.
    Workflows {
        /// Write nothing; fail when a file is not up to date.
        #[arg(long)]
        check: bool,
    },
}

/// Runs `ci`.
///
/// # Errors
/// When the matrix is not valid, a job is unknown, a step fails or a workflow file is not up to date.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let matrix = ci::Matrix::load(workspace)?;
    match &options.command {
        Command::Matrix { labels, all } => {
            let rows = if *all {
                matrix.all()
            } else {
                matrix.select(labels)?
            };
            let line = serde_json::json!({ "include": rows }).to_string();
            writeln!(std::io::stdout(), "{line}").map_err(|error| {
                Failure::environment("cannot write to standard output").because(error)
            })?;
        }
        Command::Run { job } => return ci::run(matrix.row(job)?),
        Command::Workflows { check: true } => ci::check(workspace, &matrix)?,
        Command::Workflows { check: false } => {
            for path in ci::write(workspace, &matrix)? {
                ui::say("Wrote", path.display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
