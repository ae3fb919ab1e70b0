//! `cpython-ports/<port>/tools/`: which tools are started, and how.

use super::interpreters::Interpreter;
use crate::bench::runs::Program;
use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use regex::Regex;
use serde::Deserialize;
use std::path::PathBuf;

/// `tools.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rounds: u32,
    hide: Vec<String>,
    tool: Vec<Tool>,
}

/// One tool and its commands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    script: String,
    version: Vec<String>,
    help: Vec<String>,
    job: Job,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    about: String,
    arguments: Vec<String>,
    result: Option<PathBuf>,
}

/// What a command of a tool is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// It says its version.
    Version,
    /// It says how it is used.
    Help,
    /// It works.
    Job,
}

/// One command line of a tool.
#[derive(Debug)]
pub struct Case {
    /// Name of the tool.
    pub tool: String,
    /// What it is about.
    pub purpose: Purpose,
    /// What it is called in tables.
    pub name: String,
    /// Name of the tool's script.
    pub script: String,
    /// The arguments; `{packages}` stands for the folder of the packages.
    pub arguments: Vec<String>,
    /// A file that it writes.
    pub result: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug)]
pub struct Plan {
    /// Interleaved runs of each command.
    pub rounds: u32,
    /// What may differ between two runs of a program.
    pub hide: Vec<Regex>,
    /// The commands.
    pub cases: Vec<Case>,
    /// The requirements file of pip.
    pub requirements: String,
    /// The folder that each run has a copy of.
    pub project: PathBuf,
}

impl Plan {
    /// The tools of a port, or those of `only`.
    ///
    /// # Errors
    /// When the files are missing or not valid, or do not name one of `only`.
    pub fn of(workspace: &Workspace, port: &str, only: &[String]) -> Result<Self> {
        let folder = workspace.port_file(port).with_file_name("tools");
        let path = folder.join("tools.toml");
        let text = std::fs::read_to_string(&path).doing("read the list of tools", &path)?;
        let wrong = |why: String| {
            Failure::environment("the list of tools is not valid")
                .at(path.display())
                .because(why)
                .next("correct the file")
        };
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let hide = file.hide.iter().map(|text| Regex::new(text));
        let hide = hide
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(error.to_string()))?;
        let known: Vec<_> = file.tool.iter().map(|tool| tool.name.as_str()).collect();
        if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(
                Failure::environment(format!("tools.toml has no tool {unknown}"))
                    .next(format!("choose of {}", known.join(", "))),
            );
        }
        let requirements = folder.join("requirements.txt");
        let requirements = std::fs::read_to_string(&requirements)
            .doing("read the pinned packages", &requirements)?;
        let chosen = file.tool.into_iter();
        let chosen = chosen.filter(|tool| only.is_empty() || only.contains(&tool.name));
        Ok(Self {
            rounds: file.rounds,
            hide,
            cases: chosen.flat_map(Tool::cases).collect(),
            requirements,
            project: folder.join("project"),
        })
    }
}

impl Case {
    /// What an interpreter runs.
    pub fn program<'a>(&'a self, interpreter: &'a Interpreter) -> Program<'a> {
        let packages = &interpreter.packages;
        let place = packages.to_string_lossy();
        let script = packages.join("bin").join(&self.script);
        let arguments = self.arguments.iter();
        let arguments = arguments.map(|argument| argument.replace("{packages}", &place).into());
        Program {
            name: &self.name,
            command: &interpreter.command,
            packages,
            arguments: std::iter::once(script.into()).chain(arguments).collect(),
            prepare: Vec::new(),
            result: self.result.as_deref(),
        }
    }
}

impl Tool {
    fn cases(self) -> [Case; 3] {
        let case = |purpose, name, arguments, result| Case {
            tool: self.name.clone(),
            purpose,
            name,
            script: self.script.clone(),
            arguments,
            result,
        };
        let words = |arguments: &[String]| {
            let mut words = vec![self.name.as_str()];
            words.extend(arguments.iter().map(String::as_str));
            words.join(" ")
        };
        [
            case(
                Purpose::Version,
                words(&self.version),
                self.version.clone(),
                None,
            ),
            case(Purpose::Help, words(&self.help), self.help.clone(), None),
            case(
                Purpose::Job,
                format!("{} {}", self.name, self.job.about),
                self.job.arguments.clone(),
                self.job.result.clone(),
            ),
        ]
    }
}
