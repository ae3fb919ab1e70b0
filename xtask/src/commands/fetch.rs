//! `fetch`: brings sources into the object database.

use super::SourceOptions;
use super::json::print_json;
use crate::error::Result;
use crate::port::Port;
use crate::source::{self, Obtained};
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `fetch`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Fetch every release of the port, for work without a network later.
    #[arg(long, conflicts_with_all = ["release", "source"])]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Obtains one or all releases and says where from.
///
/// # Errors
/// When a release cannot be had, or an origin has something else under its name.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let port = Port::load(workspace, &options.source.port)?;
    let obtained = if options.all {
        let mut all = Vec::new();
        for release in &port.releases {
            let mut source = options.source.clone();
            source.release = Some(release.version.clone());
            all.push(source::obtain(workspace, &port, &source)?);
        }
        all
    } else {
        vec![source::obtain(workspace, &port, &options.source)?]
    };
    if options.json {
        let list: Vec<_> = obtained.iter().map(described).collect();
        print_json(&list)?;
    } else {
        for one in &obtained {
            ui::data(format_args!(
                "{} {} {}",
                one.release.version, one.tree, one.origin
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn described(obtained: &Obtained) -> serde_json::Value {
    let passed_over: Vec<_> = obtained
        .passed_over
        .iter()
        .map(|(origin, why)| serde_json::json!({ "origin": origin, "why": why }))
        .collect();
    serde_json::json!({
        "release": obtained.release.version,
        "tree": obtained.tree.to_string(),
        "origin": obtained.origin,
        "passed-over": passed_over,
    })
}
