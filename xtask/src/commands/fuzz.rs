//! `fuzz`: random programs in the interpreter and compiled, until something differs.

use super::build::BuildOptions;
use crate::build;
use crate::error::{Context, Failure, Result};
use crate::process;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Options of `fuzz`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Compares values, exceptions with their tracebacks, output, the order of finalizers, and references.
    ///
    /// What differs is made smaller and written to a file that says how to see it again. Exit status 1 if something differs.
    Jit(Jit),
}

#[derive(Debug, clap::Args)]
struct Jit {
    #[command(flatten)]
    build: BuildOptions,
    /// How long to go on.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    minutes: f64,
    /// What the programs are made from: the same seed makes the same programs.
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// Compile like this, as for `-X jit` [default: several in turn]
    #[arg(long, value_name = "VALUE")]
    mode: Option<String>,
    /// Compare this program only.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where programs that differ are written [default: target/clinker/fuzz]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds if need be, and runs the fuzzer.
///
/// # Errors
/// When something differs.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let What::Jit(options) = &options.what;
    let built = build::build(workspace, &options.build.request())?;
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| workspace.output().join("fuzz"));
    let mut command = Command::new(&built.python);
    process::without_python_variables(&mut command)
        .envs(&built.environment)
        .arg(workspace.root().join("tests/fuzz/fuzz.py"))
        .arg(format!("--minutes={}", options.minutes))
        .arg(format!("--seed={}", options.seed))
        .arg("--out")
        .arg(&out);
    if let Some(mode) = &options.mode {
        command.arg("--mode").arg(mode);
    }
    if let Some(program) = &options.program {
        command.arg("--program").arg(program);
    }
    let status = command.status().doing("run", &built.python)?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        Some(1) => {
            let failure = Failure::check("compiled programs differ from interpreted ones");
            Err(match options.program {
                Some(_) => failure,
                None => failure.at(out.display()),
            })
        }
        _ => Err(Failure::environment("the fuzzer did not come to its end").because(status)),
    }
}
