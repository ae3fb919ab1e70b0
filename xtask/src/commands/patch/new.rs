//! `patch new`: begins a patch in a git work tree.

use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::series::{AREAS, Trailers, Workshop, slug};
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `patch new`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// First line of the patch's message; its file is named after it.
    subject: String,
    #[command(flatten)]
    source: SourceOptions,
    /// Put it after this patch [default: the last one]
    #[arg(long, value_name = "SLUG", conflicts_with = "first")]
    after: Option<String>,
    /// Put it before all patches.
    #[arg(long)]
    first: bool,
    /// What it is about.
    #[arg(long, value_parser = AREAS)]
    area: String,
    /// Section of its NEWS entry, or `none [why]`.
    #[arg(
        long,
        default_value = "none [no change that users see]",
        value_name = "SECTION"
    )]
    news: String,
    /// Where it stands upstream.
    #[arg(long, default_value = "Pending", value_name = "STATUS")]
    status: String,
}

/// Opens the work tree with an empty commit for the patch; prints its folder.
///
/// # Errors
/// When something else is being edited.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let workshop = Workshop::open(workspace, &options.source.port)?;
    let ground = workshop.ground(&options.source)?;
    let series = workshop.series()?;
    let name = slug(&options.subject);
    if name.is_empty() || series.position(&name).is_ok() {
        return Err(Failure::environment(format!(
            "a patch cannot be called {name}.patch, as `{}` would be",
            options.subject
        ))
        .because("patch files are named after their subjects, each differently")
        .next("choose another subject"));
    }
    let position = match &options.after {
        Some(slug) => Some(series.position(slug)?),
        None if options.first => None,
        None => series.patches().len().checked_sub(1),
    };
    let message = format!(
        "{}\n\nUpstream-Status: {}\nArea: {}\nNews: {}\n",
        options.subject, options.status, options.area, options.news
    );
    Trailers::parse(&message, |_| "the options of this command".into())?;
    let folder = workshop.begin(&ground, &series, position, &message)?;
    ui::say(
        "Begun",
        format_args!(
            "`{}`: edit, then `cargo xtask patch refresh`",
            options.subject
        ),
    );
    ui::data(folder.display());
    Ok(ExitCode::SUCCESS)
}
