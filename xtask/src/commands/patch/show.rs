//! `patch show`: a patch, and what is known of it.

use crate::commands::PortOption;
use crate::commands::json::print_json;
use crate::error::{Context, Result};
use crate::series::{Patch, Series};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Options of `patch show`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Name of the patch.
    slug: String,
    #[command(flatten)]
    port: PortOption,
    /// Print what is known of the patch as JSON, instead of the patch.
    #[arg(long)]
    json: bool,
}

/// Prints a patch file, or what is known of it.
///
/// # Errors
/// When there is no such patch.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let series = options.port.series(workspace)?;
    let patch = &series.patches()[series.position(&options.slug)?];
    if options.json {
        print_json(&described(&series, patch))?;
    } else {
        std::io::stdout()
            .write_all(&patch.raw)
            .doing("show", &patch.file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known of a patch.
pub fn described(series: &Series, patch: &Patch) -> Value {
    let files: Vec<_> = patch.files.iter().map(|file| file.path()).collect();
    let mut value = json!({
        "slug": patch.slug,
        "group": series.list().group(&patch.slug),
        "subject": patch.subject(),
        "author": format!("{} <{}>", patch.message.author, patch.message.mail),
        "files": files,
    });
    let more = match patch.trailers() {
        Ok(trailers) => json!({
            "area": trailers.area,
            "upstream-status": trailers.status,
            "upstream-issue": trailers.issue.map(|number| format!("gh-{number}")),
            "news": trailers.news.to_string(),
            "depends-on": trailers.depends_on,
            "drop-when": trailers.drop_when,
        }),
        Err(failure) => json!({ "invalid": failure.what }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
