//! `build`: builds and installs a CPython.

use super::SourceOptions;
use super::json::print_json;
use crate::build::{self, Built, Patches, Request};
use crate::error::Result;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Which build: options of every command that needs an interpreter.
#[derive(Debug, Clone, clap::Args)]
pub struct BuildOptions {
    #[command(flatten)]
    pub source: SourceOptions,
    /// How to build: a profile of the port.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    pub profile: String,
    /// Without patches and archive, with the same flags: what comparisons are made with.
    #[arg(long)]
    pub pristine: bool,
    /// Jobs to run at once [default: one for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
}

impl BuildOptions {
    /// What these options ask for.
    pub fn request(&self) -> Request {
        Request {
            source: self.source.clone(),
            profile: self.profile.clone(),
            pristine: self.pristine,
            jobs: self.jobs.map(usize::from),
            patches: Patches::All,
        }
    }
}

/// Options of `build` and `dist`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) build: BuildOptions,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Builds, and prints the path of the interpreter.
///
/// # Errors
/// When a step of the build fails.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let built = build::build(workspace, &options.build.request())?;
    if options.json {
        print_json(&described(&built))?;
    } else {
        ui::data(built.python.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn described(built: &Built) -> serde_json::Value {
    serde_json::json!({
        "release": built.release.version,
        "python": built.python,
        "prefix": built.prefix,
        "source-tree": built.source_tree,
        "build-tree": built.build_tree,
        "key": built.key,
        "missing-modules": built.missing_modules,
    })
}
