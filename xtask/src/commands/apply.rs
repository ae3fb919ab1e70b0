//! `apply`: puts the patch series on a release and moves the source tree there.

use super::json::print_json;
use super::{Opened, SourceOptions};
use crate::error::Result;
use crate::series::apply;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `apply`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Apply the patches up to this one only.
    #[arg(long, value_name = "SLUG")]
    through: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Applies the series in the object database, then moves the source tree; prints the tree's id and folder.
///
/// # Errors
/// When a patch does not apply, or the source tree has somebody's edits.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let Opened {
        port,
        series,
        obtained,
        database,
    } = options.source.open(workspace)?;
    let release = &obtained.release;
    let stack = apply(
        &database,
        &port,
        release,
        obtained.tree,
        &series,
        options.through.as_deref(),
    )?;
    let folder = workspace.source_tree(&release.version, false);
    database.materialize(stack.tip_tree(), &folder)?;
    ui::say(
        "Applied",
        format_args!(
            "{} patches to CPython {}",
            stack.applied.len(),
            release.version
        ),
    );
    if options.json {
        let patches: Vec<_> = stack
            .applied
            .iter()
            .map(|applied| {
                serde_json::json!({
                    "slug": applied.slug,
                    "commit": applied.commit.to_string(),
                    "tree": applied.tree.to_string(),
                })
            })
            .collect();
        print_json(&serde_json::json!({
            "release": release.version,
            "tree": stack.tip_tree().to_string(),
            "folder": folder,
            "patches": patches,
        }))?;
    } else {
        ui::data(format_args!("{} {}", stack.tip_tree(), folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}
