//! `wheel`: packs the archive as a wheel.

use super::SourceOptions;
use super::validate::{print_table, verdict};
use crate::build::{self, Patches, Request};
use crate::error::Result;
use crate::port::Port;
use crate::ui;
use crate::wheel;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// The profile of the interpreter that a wheel is built against and tried in, and of the stock one.
const PROFILES: [&str; 2] = ["hooks", "plain"];

/// Options of `wheel`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Install it into an interpreter with the patches alone and into a stock one, and run its tests there.
    #[arg(long)]
    test: bool,
}

/// Builds the wheel, and prints its path.
///
/// # Errors
/// When a build fails, or a test of the wheel.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let port = Port::load(workspace, &options.source.port)?;
    let mut request = Request {
        source: options.source.clone(),
        profile: PROFILES[0].into(),
        pristine: false,
        jobs: None,
        patches: Patches::All,
    };
    let hooks = build::build(workspace, &request)?;
    request.pristine = true;
    request.profile = PROFILES[1].into();
    request.source.release = Some(hooks.release.version.clone());
    let stock = build::build(workspace, &request)?;
    let wheel = wheel::make(workspace, &port, &hooks, &stock)?;
    ui::data(wheel.display());
    if !options.test {
        return Ok(ExitCode::SUCCESS);
    }
    let checks = wheel::check(workspace, &wheel, &hooks, &stock)?;
    print_table(&checks);
    verdict(&checks).map_err(|failure| failure.at(wheel.display()))?;
    Ok(ExitCode::SUCCESS)
}
