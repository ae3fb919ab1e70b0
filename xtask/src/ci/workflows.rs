//! Generates the workflow files of a hosted runner from the matrix, and tells whether they are up to date.
//!
//! A workflow only checks out, restores caches, installs what `ci/install` lists and calls `cargo xtask ci`: everything that
//! can differ between rows is in the matrix.

use super::Matrix;
use crate::error::{Context, Failure, Result};
use crate::files;
use crate::workspace::Workspace;
use std::fmt::Write;
use std::path::PathBuf;

/// The command that brings the files up to date.
const FIX: &str = "cargo xtask ci workflows";

const TEMPLATE: &str = include_str!("workflow.yml.in");

/// Writes the workflow files that are not up to date and returns them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(workspace: &Workspace, matrix: &Matrix) -> Result<Vec<PathBuf>> {
    let stale = stale(workspace, matrix)?;
    for (path, text) in &stale {
        files::write_atomically(path, text.as_bytes())?;
    }
    Ok(stale.into_iter().map(|(path, _)| path).collect())
}

/// Checks that the workflow files are what the matrix makes of them.
///
/// # Errors
/// When one is not; the failure names the command that corrects it.
pub fn check(workspace: &Workspace, matrix: &Matrix) -> Result<()> {
    let stale = stale(workspace, matrix)?;
    if stale.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = stale
        .iter()
        .map(|(path, _)| path.strip_prefix(workspace.root()).unwrap_or(path))
        .map(|path| path.display().to_string())
        .collect();
    Err(
        Failure::check("a workflow file is not what ci/matrix.toml makes of it")
            .at(names.join(", "))
            .next(format!("`{FIX}`")),
    )
}

fn stale(workspace: &Workspace, matrix: &Matrix) -> Result<Vec<(PathBuf, String)>> {
    let path = workspace.root().join(".github/workflows/ci.yml");
    let text = workflow(matrix);
    match std::fs::read_to_string(&path) {
        Ok(present) if present == text => Ok(Vec::new()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("read a workflow file", &path)
        }
        _ => Ok(vec![(path, text)]),
    }
}

fn workflow(matrix: &Matrix) -> String {
    let mut variables = String::new();
    let mut arguments = String::new();
    for label in matrix.labels() {
        let variable = format!("LABEL_{}", label.to_uppercase().replace('-', "_"));
        let _ = writeln!(
            variables,
            "          {variable}: ${{{{ (github.event_name == 'schedule' || \
             contains(github.event.pull_request.labels.*.name, 'ci-{label}')) && '--label {label}' || '' }}}}"
        );
        let _ = write!(arguments, " ${variable}");
    }
    TEMPLATE
        .replace("@FIX@", FIX)
        .replace("@RUNNER@", &matrix.runner)
        .replace("@VARIABLES@\n", &variables)
        .replace("@ARGUMENTS@", &arguments)
}
