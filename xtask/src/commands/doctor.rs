//! `doctor`: what this machine has and lacks.

use super::json::print_json;
use crate::build::machine::{self, Library, Tool};
use crate::error::{Failure, Result};
use crate::ui;
use crate::workspace::Workspace;
use std::path::Path;
use std::process::ExitCode;

/// Free space a build of one profile needs, sources included.
const NEEDED_MEGABYTES: u64 = 1500;

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks for every tool and library a build can use.
///
/// # Errors
/// When a tool that is needed is missing, or there is no space.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let tools = machine::tools();
    let (present, missing) = match machine::compiler() {
        Ok(compiler) => machine::libraries(&compiler)?,
        Err(_) => (Vec::new(), Vec::new()),
    };
    let free = free_megabytes(workspace);
    let absent: Vec<&Tool> = tools.iter().filter(|tool| tool.path.is_none()).collect();
    if options.json {
        let report = serde_json::json!({
            "tools": tools,
            "libraries": { "present": present, "missing": missing },
            "free-megabytes": free,
        });
        print_json(&report)?;
    } else {
        print_tools(&tools);
        print_libraries(&present, &missing);
        if let Some(free) = free {
            ui::data(format_args!(
                "{:8} {free} MB free, a build needs {NEEDED_MEGABYTES}",
                "disk"
            ));
        }
        if !absent.is_empty() || !missing.is_empty() {
            ui::data(format_args!(
                "\nTo get what is missing: {}",
                machine::install_command(&absent, &missing)
            ));
        }
    }
    machine::require_tools()?;
    match free {
        Some(free) if free < NEEDED_MEGABYTES => Err(Failure::environment(
            "there is too little space for a build",
        )
        .at(workspace.output().display())
        .because(format!(
            "{free} MB are free, a build needs {NEEDED_MEGABYTES}"
        ))
        .next("free some space, or name a folder of another disk in CARGO_TARGET_DIR")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn print_tools(tools: &[Tool]) {
    for tool in tools {
        let state = match (&tool.path, tool.required) {
            (Some(_), _) => "ok",
            (None, true) => "MISSING",
            (None, false) => "none",
        };
        let what = match (&tool.path, &tool.version) {
            (Some(_), Some(version)) => version.clone(),
            (Some(path), None) => path.display().to_string(),
            (None, _) => tool.purpose.to_owned(),
        };
        ui::data(format_args!("{state:8} {:12} {what}", tool.name));
    }
}

fn print_libraries(present: &[&Library], missing: &[&Library]) {
    for (state, libraries) in [("ok", present), ("none", missing)] {
        for library in libraries {
            ui::data(format_args!(
                "{state:8} {:12} for {}",
                library.name,
                library.modules.join(", ")
            ));
        }
    }
}

/// Free space on the disk of the output folder, as `df` says it; none where there is no such command.
fn free_megabytes(workspace: &Workspace) -> Option<u64> {
    let output = workspace.output();
    let existing = output
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    let listed = std::process::Command::new("df")
        .arg("-Pk")
        .arg(existing)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let free: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(free / 1024)
}
