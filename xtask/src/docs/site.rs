//! Builds the site with mdBook, which is a program of its own.

use crate::error::{Failure, Result};
use crate::process;
use crate::ui::Step;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;

/// Makes the site anew and returns its first page.
///
/// # Errors
/// When mdBook is missing, or fails.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let Ok(mdbook) = which::which("mdbook") else {
        return Err(Failure::environment("the site cannot be built")
            .because("mdbook is not installed")
            .next("`cargo install mdbook --locked`")
            .next("`cargo xtask docs --check` checks the pages without it"));
    };
    let site = workspace.output().join("docs");
    let log = workspace.log("docs");
    let mut command = Command::new(&mdbook);
    command
        .args(["build", "--dest-dir"])
        .arg(&site)
        .arg(workspace.root());
    let step = Step::new("Building", "the documentation");
    let finished = process::run(&mut command, &log, |line| step.detail(line.trim()))?;
    if !finished.status.success() {
        return Err(Failure::environment("mdbook failed")
            .at(mdbook.display())
            .because(finished.output)
            .log(log));
    }
    step.done();
    Ok(site.join("index.html"))
}
