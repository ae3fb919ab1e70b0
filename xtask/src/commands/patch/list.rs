//! `patch list`: the patches in order, under their titles.

use crate::commands::PortOption;
use crate::commands::json::print_json;
use crate::error::Result;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `patch list`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    port: PortOption,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints area, upstream status and subject of each patch.
///
/// # Errors
/// When a patch cannot be read.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let series = options.port.series(workspace)?;
    if options.json {
        let patches: Vec<_> = series
            .patches()
            .iter()
            .map(|patch| super::show::described(&series, patch))
            .collect();
        print_json(&patches)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut group = None;
    for patch in series.patches() {
        let title = series.list().group(&patch.slug);
        if title != group {
            ui::data(format_args!("# {}", title.unwrap_or_default()));
            group = title;
        }
        let (area, status) = match patch.trailers() {
            Ok(trailers) => (trailers.area, trailers.status.to_string()),
            Err(_) => ("?".into(), "trailers not valid".into()),
        };
        let status = status.split(" [").next().unwrap_or_default();
        ui::data(format_args!(
            "{area:8} {status:14} {}  ({})",
            patch.subject(),
            patch.slug
        ));
    }
    Ok(ExitCode::SUCCESS)
}
