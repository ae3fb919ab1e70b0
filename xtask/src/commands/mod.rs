//! The commands, one file each, and their common options.

mod apply;
mod bench;
mod brought_tests;
pub mod build;
mod build_each;
mod bump;
mod check;
mod ci;
mod dist;
mod docs;
mod doctor;
mod export_patches;
mod fetch;
mod fuzz;
mod jit_bisect;
mod json;
mod patch;
mod run;
mod soak;
mod test;
mod validate;
mod wheel;

use crate::error::Result;
use crate::git::Database;
use crate::port::Port;
use crate::series::Series;
use crate::source::{self, Obtained};
use crate::workspace::Workspace;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds, tests and exports Clinker's CPython patch series.
///
/// Data goes to standard output, talk to standard error. Exit status: 0 done, 1 a check failed, 2 wrong usage or something
/// missing on this machine, 3 a person has to decide (a conflict), 4 data that does not have its recorded hash.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 110
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Which port: the option of commands that need no sources.
#[derive(Debug, Clone, Args)]
pub struct PortOption {
    /// Port to use: a folder of cpython-ports/.
    #[arg(long, default_value = "3.13", value_name = "PORT")]
    pub port: String,
}

impl PortOption {
    /// Reads the port and its series.
    ///
    /// # Errors
    /// When one of them is not valid.
    pub fn series(&self, workspace: &Workspace) -> Result<Series> {
        let port = Port::load(workspace, &self.port)?;
        Series::load(workspace, &port)
    }
}

/// Which port and release, and where its sources come from: options of every command that needs sources.
#[derive(Debug, Clone, Args)]
pub struct SourceOptions {
    /// Port to use: a folder of cpython-ports/.
    #[arg(long, default_value = "3.13", value_name = "PORT")]
    pub port: String,
    /// Release to use, and no other [default: the newest that can be had]
    #[arg(long, value_name = "VERSION")]
    pub release: Option<String>,
    /// Take the sources from this folder or .tar.xz; they must have the recorded hash.
    #[arg(long, value_name = "DIR|TARBALL")]
    pub source: Option<PathBuf>,
    /// Use only what is on this machine.
    #[arg(long)]
    pub offline: bool,
}

/// A port, its series and the sources of one of its releases.
pub struct Opened {
    pub port: Port,
    pub series: Series,
    pub obtained: Obtained,
    pub database: Database,
}

impl SourceOptions {
    /// Reads the port and its series, and brings the release's sources into the object database.
    ///
    /// # Errors
    /// When one of them is not valid, or the sources cannot be had.
    pub fn open(&self, workspace: &Workspace) -> Result<Opened> {
        let port = Port::load(workspace, &self.port)?;
        Ok(Opened {
            series: Series::load(workspace, &port)?,
            obtained: source::obtain(workspace, &port, self)?,
            database: Database::open(workspace, &port.name)?,
            port,
        })
    }

    /// The same options as words of a command line.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--port".into(), (&self.port).into()];
        if let Some(release) = &self.release {
            words.extend(["--release".into(), release.into()]);
        }
        if let Some(source) = &self.source {
            words.extend(["--source".into(), source.into()]);
        }
        if self.offline {
            words.push("--offline".into());
        }
        words
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what this machine has and lacks for building CPython.
    Doctor(doctor::Options),
    /// Brings sources into the object database, from the first origin that has them.
    Fetch(fetch::Options),
    /// Builds and installs a CPython and prints the path of its python.
    Build(build::Options),
    /// Runs a program with the built python; builds it first if need be.
    Run(run::Options),
    /// Checks a build against the pristine one: symbols, libraries, layouts, ABI, venv.
    Validate(validate::Options),
    /// Measures the patched interpreter against the pristine one.
    Bench(bench::Options),
    /// Runs random programs in the interpreter and compiled, and looks for differences.
    Fuzz(fuzz::Options),
    /// Runs a server under load for long, while its code is changed, compiled and invalidated.
    Soak(soak::Options),
    /// Finds the function that a command fails with when it is compiled.
    JitBisect(jit_bisect::Options),
    /// Packs a build into a relocatable archive and checks it elsewhere; users get `--profile release`.
    Dist(dist::Options),
    /// Packs the archive as a wheel, for interpreters that it is not linked into.
    Wheel(wheel::Options),
    /// Puts the patch series on a release and moves the source tree there.
    Apply(apply::Options),
    /// Shows and changes the patch series.
    Patch(patch::Options),
    /// Checks patch files, trailers, lock, generated files and the trees after each patch.
    Check(check::Options),
    /// Moves the patch files to another release.
    Bump(bump::Options),
    /// Writes the series for upstream: mails, branches, pull requests; --check lints it as a reviewer would.
    ExportPatches(export_patches::Options),
    /// Runs everything that must hold; with --full, CPython's whole suite against a pristine build.
    Test(test::Options),
    /// Writes, checks and builds the documentation.
    Docs(docs::Options),
    /// Prints the matrix of what is tested, runs a row of it, writes the workflow files.
    Ci(ci::Options),
}

/// Whether `words` are a command line of xtask; says what is wrong with it.
///
/// # Errors
/// What the user would be told.
pub fn accepts(words: &[String]) -> Result<(), String> {
    let words = std::iter::once("xtask").chain(words.iter().map(String::as_str));
    match Arguments::try_parse_from(words) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs one command.
///
/// # Errors
/// What the command failed with.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match arguments.command {
        Command::Doctor(options) => doctor::run(&workspace, &options),
        Command::Fetch(options) => fetch::run(&workspace, &options),
        Command::Build(options) => build::run(&workspace, &options),
        Command::Run(options) => run::run(&workspace, &options),
        Command::Validate(options) => validate::run(&workspace, &options),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::Soak(options) => soak::run(&workspace, &options),
        Command::JitBisect(options) => jit_bisect::run(&workspace, &options),
        Command::Dist(options) => dist::run(&workspace, &options),
        Command::Wheel(options) => wheel::run(&workspace, &options),
        Command::Apply(options) => apply::run(&workspace, &options),
        Command::Patch(options) => patch::run(&workspace, &options),
        Command::Check(options) => check::run(&workspace, &options),
        Command::Bump(options) => bump::run(&workspace, &options),
        Command::ExportPatches(options) => export_patches::run(&workspace, &options),
        Command::Test(options) => test::run(&workspace, &options),
        Command::Docs(options) => docs::run(&workspace, &options),
        Command::Ci(options) => ci::run(&workspace, &options),
    }
}
