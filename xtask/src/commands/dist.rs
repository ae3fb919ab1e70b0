//! `dist`: packs a build for other machines.

pub use super::build::Options;
use super::json::print_json;
use super::validate::verdict;
use crate::error::Result;
use crate::port::Port;
use crate::ui;
use crate::workspace::Workspace;
use crate::{build, dist};
use std::process::ExitCode;

/// Builds if need be, packs, and checks what was packed in another place.
///
/// # Errors
/// When the build fails, or the unpacked archive does not work.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let name = &options.build.profile;
    let port = Port::load(workspace, &options.build.source.port)?;
    let built = build::build(workspace, &options.build.request())?;
    let name = if options.build.pristine {
        format!("{name}-pristine")
    } else {
        name.clone()
    };
    let packed = dist::pack(workspace, &port, &built, &name)?;
    if options.json {
        print_json(&packed)?;
    } else {
        ui::data(packed.archive.display());
    }
    verdict(&packed.checks).map_err(|failure| failure.at(packed.archive.display()))?;
    Ok(ExitCode::SUCCESS)
}
