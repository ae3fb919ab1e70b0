//! `check`: is the series as it has to be.

use super::{SourceOptions, build_each};
use crate::error::{Failure, Result};
use crate::git::Database;
use crate::port::Port;
use crate::series::{Series, check};
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Check each patch on every release that can be had, fetching what is missing.
    #[arg(long)]
    each: bool,
    /// Also build each patch on those before it, and run the Python tests that it touches.
    #[arg(long)]
    build_each: bool,
    /// Build profile for --build-each.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    profile: String,
}

/// Checks patch files, trailers, lock, generated files and the trees after each patch.
///
/// # Errors
/// When something is wrong (exit status 1); every finding is shown.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let port = Port::load(workspace, &options.source.port)?;
    let series = Series::load(workspace, &port)?;
    let db = Database::open(workspace, &port.name)?;
    let mut findings = check::files(&db, &port, &series)?;
    let releases = check::releases(workspace, &port, &options.source, options.each)?;
    for (release, tree) in releases.clone() {
        ui::say(
            "Checking",
            format_args!(
                "{} patches on CPython {}",
                series.patches().len(),
                release.version
            ),
        );
        findings.extend(check::on_release(
            workspace, &db, &port, &series, &release, tree,
        )?);
    }
    // Building what does not apply only hides the reason.
    if options.build_each && findings.is_empty() {
        for (release, _) in &releases {
            let source = &options.source;
            findings.extend(build_each::run(
                workspace,
                source,
                release,
                &series,
                &options.profile,
            )?);
        }
    }
    if findings.is_empty() {
        ui::say(
            "Checked",
            format_args!("{} patches", series.patches().len()),
        );
        return Ok(ExitCode::SUCCESS);
    }
    for finding in &findings {
        ui::line(format_args!(
            "{} {finding}\n",
            console::style("found:").red().bold().for_stderr()
        ));
    }
    Err(Failure::check(match findings.len() {
        1 => "the series has a problem".into(),
        count => format!("the series has {count} problems"),
    })
    .at(series.folder().display()))
}
