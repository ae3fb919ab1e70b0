//! `cpython-ports/<port>/apps/`: which applications are run, and how.

use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use regex::Regex;
use serde::Deserialize;
use std::path::PathBuf;

/// `apps.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rounds: u32,
    hide: Vec<String>,
    app: Vec<App>,
}

/// An application.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// What it is called in tables.
    pub name: String,
    /// What it does.
    pub about: String,
    /// What Python is given first, to make files.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// What Python is given.
    pub arguments: Vec<String>,
    /// A file that it writes.
    pub result: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug)]
pub struct Plan {
    /// Interleaved runs of each application.
    pub rounds: u32,
    /// What may differ between two runs of a program.
    pub hide: Vec<Regex>,
    /// The applications.
    pub apps: Vec<App>,
    /// The requirements file of pip.
    pub requirements: String,
    /// The folder that each run has a copy of.
    pub project: PathBuf,
}

impl Plan {
    /// The applications of a port, or those of `only`.
    ///
    /// # Errors
    /// When the files are missing or not valid, or do not name one of `only`.
    pub fn of(workspace: &Workspace, port: &str, only: &[String]) -> Result<Self> {
        let folder = workspace.port_file(port).with_file_name("apps");
        let path = folder.join("apps.toml");
        let text = std::fs::read_to_string(&path).doing("read the list of applications", &path)?;
        let wrong = |why: String| {
            Failure::environment("the list of applications is not valid")
                .at(path.display())
                .because(why)
                .next("correct the file")
        };
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let hide = file.hide.iter().map(|text| Regex::new(text));
        let hide = hide
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(error.to_string()))?;
        let known: Vec<_> = file.app.iter().map(|app| app.name.as_str()).collect();
        if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(
                Failure::environment(format!("apps.toml has no application {unknown}"))
                    .next(format!("choose of {}", known.join(", "))),
            );
        }
        let requirements = folder.join("requirements.txt");
        let requirements = std::fs::read_to_string(&requirements)
            .doing("read the pinned packages", &requirements)?;
        let mut apps = file.app;
        apps.retain(|app| only.is_empty() || only.contains(&app.name));
        Ok(Self {
            rounds: file.rounds,
            hide,
            apps,
            requirements,
            project: folder.join("project"),
        })
    }
}
