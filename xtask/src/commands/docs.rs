//! `docs`: writes, checks and builds the documentation.

use super::PortOption;
use crate::docs;
use crate::error::Result;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `docs`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    port: PortOption,
    /// Only check: the page of the patches is up to date, links lead somewhere, SUMMARY.md lists every page.
    #[arg(long)]
    check: bool,
}

/// Writes the page of the patches' status, checks all pages, builds the site and prints its first page.
///
/// # Errors
/// When a check fails, or mdBook is missing or fails.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let series = options.port.series(workspace)?;
    let root = workspace.root();
    if options.check {
        docs::check_status(root, &series)?;
    } else {
        docs::write_status(root, &series)?;
    }
    let pages = docs::check_links(root)?;
    ui::say("Checked", format_args!("the links of {pages} pages"));
    if !options.check {
        ui::data(docs::build_site(workspace)?.display());
    }
    Ok(ExitCode::SUCCESS)
}
