//! `patch edit`: opens a git work tree at a patch.

use crate::commands::SourceOptions;
use crate::error::Result;
use crate::series::Workshop;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `patch edit`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Name of the patch.
    slug: String,
    #[command(flatten)]
    source: SourceOptions,
}

/// Opens the work tree at the patch's commit; prints its folder.
///
/// # Errors
/// When something else is being edited.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let workshop = Workshop::open(workspace, &options.source.port)?;
    workshop.refuse_session()?;
    let ground = workshop.ground(&options.source)?;
    let series = workshop.series()?;
    let position = series.position(&options.slug)?;
    let command = format!("patch edit {}", options.slug);
    let folder = workshop.edit(&command, &ground, &series, Some(position))?;
    ui::say(
        "Opened",
        format_args!(
            "{}: edit (committing is optional: `git commit --amend`), then `cargo xtask patch refresh`",
            options.slug
        ),
    );
    ui::data(folder.display());
    Ok(ExitCode::SUCCESS)
}
