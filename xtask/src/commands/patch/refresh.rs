//! `patch refresh`: takes edits into the series and writes its files as they have to be.

use super::{abort, report};
use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::series::Workshop;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `patch refresh`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Take the commits of this git repository on top of the release's sources as the series.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["resume", "abort"])]
    from: Option<PathBuf>,
    /// With --from: drop the patches that the repository does not have.
    #[arg(long, requires = "from")]
    drop_missing: bool,
    /// Go on after a conflict was resolved.
    #[arg(long = "continue", conflicts_with = "abort")]
    resume: bool,
    /// Give up what is being edited; it stays in the object database.
    #[arg(long)]
    abort: bool,
}

/// Refreshes the series; prints the names of the files that changed.
///
/// # Errors
/// A conflict (exit status 3), which is then left as a git state to resolve.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let workshop = Workshop::open(workspace, &options.source.port)?;
    if options.abort {
        return abort(&workshop);
    }
    if let Some(repository) = &options.from {
        workshop.refuse_session()?;
        let ground = workshop.ground(&options.source)?;
        let changes = workshop.changes_from(repository, &ground)?;
        let series = workshop.series()?;
        let missing: Vec<String> = series
            .patches()
            .iter()
            .map(|patch| patch.slug.clone())
            .filter(|slug| {
                !changes
                    .iter()
                    .any(|change| change.slug.as_ref() == Some(slug))
            })
            .collect();
        if !missing.is_empty() && !options.drop_missing {
            return Err(Failure::person(format!(
                "the repository does not have {}",
                missing.join(", ")
            ))
            .at(repository.display())
            .because("its commits are taken as the whole series")
            .next("add --drop-missing to take these patches out of the series"));
        }
        report(&workshop.change("patch refresh --from", &ground, &ground, &changes, &missing)?);
    } else if options.resume || workshop.session()?.is_some() {
        report(&workshop.resume()?);
    } else {
        let ground = workshop.ground(&options.source)?;
        report(&workshop.rewrite(&ground)?);
    }
    Ok(ExitCode::SUCCESS)
}
