//! `patch`: shows and changes the patch series, one file a subcommand.

mod arrange;
mod edit;
mod list;
mod new;
mod refresh;
mod show;

use crate::error::Result;
use crate::series::{Report, Workshop};
use crate::ui;
use crate::workspace::Workspace;
use clap::Subcommand;
use std::process::ExitCode;

/// Options of `patch`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the patches in order.
    List(list::Options),
    /// Shows what is known of a patch, and the patch.
    Show(show::Options),
    /// Begins a new patch in a git work tree.
    New(new::Options),
    /// Opens a git work tree at a patch.
    Edit(edit::Options),
    /// Takes what was edited into the series, and writes patch files and series.lock as they have to be.
    Refresh(refresh::Options),
    /// Takes a patch out of the series.
    Drop(arrange::DropOptions),
    /// Moves a patch to another place in the series.
    Move(arrange::MoveOptions),
}

/// Runs a subcommand.
///
/// # Errors
/// What it failed with.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    match &options.command {
        Command::List(options) => list::run(workspace, options),
        Command::Show(options) => show::run(workspace, options),
        Command::New(options) => new::run(workspace, options),
        Command::Edit(options) => edit::run(workspace, options),
        Command::Refresh(options) => refresh::run(workspace, options),
        Command::Drop(options) => arrange::drop_patch(workspace, options),
        Command::Move(options) => arrange::move_patch(workspace, options),
    }
}

/// Says which files a change of the series wrote; prints their names.
pub fn report(report: &Report) {
    if report.changed.is_empty() {
        ui::say("Unchanged", "all files of the series");
    }
    for name in &report.changed {
        ui::data(name);
    }
}

/// Gives up what is being edited and says where it is kept.
///
/// # Errors
/// When nothing is being edited.
pub fn abort(workshop: &Workshop) -> Result<ExitCode> {
    match workshop.abort()? {
        Some(kept) => ui::say(
            "Gave up",
            format_args!("the edits; they stay in the object database as commit {kept}"),
        ),
        None => ui::say("Ended", "the editing; there were no edits"),
    }
    Ok(ExitCode::SUCCESS)
}
