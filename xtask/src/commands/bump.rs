//! `bump`: moves the patch files to another release.

use super::patch::{abort, report};
use super::{PortOption, SourceOptions};
use crate::error::Result;
use crate::series::Workshop;
use crate::ui;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `bump`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    port: PortOption,
    /// Release to make the patch files for; port.toml has to name it.
    #[arg(long, value_name = "RELEASE", required_unless_present_any = ["resume", "abort"])]
    to: Option<String>,
    /// Clone of upstream's repository, used to name the commits behind a conflict.
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Go on after a conflict was resolved.
    #[arg(long = "continue", conflicts_with_all = ["to", "abort"])]
    resume: bool,
    /// Give up after a conflict; the series stays as it was.
    #[arg(long, conflicts_with = "to")]
    abort: bool,
    /// Use only what is on this machine.
    #[arg(long)]
    offline: bool,
}

/// Puts each patch on the new release, drops those that upstream has by now, and writes the files.
///
/// # Errors
/// A conflict (exit status 3), which is then left as a git state to resolve.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut workshop = Workshop::open(workspace, &options.port.port)?;
    workshop.history = options
        .history
        .as_ref()
        .map(|folder| workspace.root().join(folder));
    if options.abort {
        return abort(&workshop);
    }
    let Some(to) = &options.to else {
        report(&workshop.resume()?);
        return Ok(ExitCode::SUCCESS);
    };
    workshop.refuse_session()?;
    let mut source = SourceOptions {
        port: options.port.port.clone(),
        release: None,
        source: None,
        offline: options.offline,
    };
    let before = workshop.ground(&source)?;
    source.release = Some(to.clone());
    let ground = workshop.ground(&source)?;
    ui::say(
        "Moving",
        format_args!(
            "the series from CPython {} to {}",
            before.release.version, to
        ),
    );
    let series = workshop.series()?;
    let stack = workshop.stack(&before, &series)?;
    let changes = Workshop::changes(&series, &stack);
    report(&workshop.change(&format!("bump --to {to}"), &before, &ground, &changes, &[])?);
    Ok(ExitCode::SUCCESS)
}
