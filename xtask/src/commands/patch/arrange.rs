//! `patch drop` and `patch move`: change which patches there are and their order.

use super::report;
use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::series::Workshop;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `patch drop`.
#[derive(Debug, clap::Args)]
pub struct DropOptions {
    /// Name of the patch.
    slug: String,
    #[command(flatten)]
    source: SourceOptions,
}

/// Options of `patch move`.
#[derive(Debug, clap::Args)]
pub struct MoveOptions {
    /// Name of the patch.
    slug: String,
    /// Put it after this patch.
    #[arg(
        long,
        value_name = "SLUG",
        required_unless_present = "first",
        conflicts_with = "first"
    )]
    after: Option<String>,
    /// Put it before all others.
    #[arg(long)]
    first: bool,
    #[command(flatten)]
    source: SourceOptions,
}

/// Takes a patch out and puts the later ones on what is left.
///
/// # Errors
/// When another patch depends on it. A conflict.
pub fn drop_patch(workspace: &Workspace, options: &DropOptions) -> Result<ExitCode> {
    let workshop = Workshop::open(workspace, &options.source.port)?;
    workshop.refuse_session()?;
    let ground = workshop.ground(&options.source)?;
    let series = workshop.series()?;
    if workshop.has_dropped(&options.slug) && series.position(&options.slug).is_err() {
        // This command was killed at the very end.
        ui::say("Dropped", &options.slug);
        return Ok(ExitCode::SUCCESS);
    }
    let position = series.position(&options.slug)?;
    let slug = series.patches()[position].slug.clone();
    let dependents: Vec<&str> = series
        .patches()
        .iter()
        .filter(|patch| {
            patch
                .trailers()
                .is_ok_and(|trailers| trailers.depends_on.contains(&slug))
        })
        .map(|patch| patch.slug.as_str())
        .collect();
    if !dependents.is_empty() {
        return Err(Failure::person(format!("{} depends on {slug}", dependents.join(", ")))
            .next("drop these first, or take `Depends-On` out of their messages with `cargo xtask patch edit`"));
    }
    let stack = workshop.stack(&ground, &series)?;
    let mut changes = Workshop::changes(&series, &stack);
    changes.remove(position);
    let command = format!("patch drop {slug}");
    report(&workshop.change(&command, &ground, &ground, &changes, &[slug])?);
    Ok(ExitCode::SUCCESS)
}

/// Moves a patch and puts all of them on each other in the new order.
///
/// # Errors
/// A conflict.
pub fn move_patch(workspace: &Workspace, options: &MoveOptions) -> Result<ExitCode> {
    let workshop = Workshop::open(workspace, &options.source.port)?;
    workshop.refuse_session()?;
    let ground = workshop.ground(&options.source)?;
    let series = workshop.series()?;
    let position = series.position(&options.slug)?;
    let after = options
        .after
        .as_deref()
        .map(|slug| series.position(slug))
        .transpose()?;
    if after == Some(position) {
        return Err(Failure::environment("a patch cannot come after itself"));
    }
    let stack = workshop.stack(&ground, &series)?;
    let mut changes = Workshop::changes(&series, &stack);
    let moved = changes.remove(position);
    let to = match after {
        None => 0,
        Some(after) if after > position => after,
        Some(after) => after + 1,
    };
    changes.insert(to, moved);
    let command = format!("patch move {}", options.slug);
    report(&workshop.change(&command, &ground, &ground, &changes, &[])?);
    Ok(ExitCode::SUCCESS)
}
