//! What was measured.

use super::settings::Purpose;
use serde::Serialize;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Release of CPython.
    pub release: String,
    /// How both interpreters were built.
    pub profile: String,
    /// Interleaved runs of each command.
    pub rounds: u32,
    /// What is compared.
    pub interpreters: Vec<Compared>,
    /// The commands.
    pub rows: Vec<Row>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

/// An interpreter.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// Its command.
    pub command: String,
    /// The one it is compared with: an index.
    pub base: usize,
    /// Whether a difference in what it does is a failure.
    pub ours: bool,
}

/// A command.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Name of the tool.
    pub tool: String,
    /// What it is about.
    pub purpose: Purpose,
    /// What it is called.
    pub name: String,
    /// Arguments of the tool.
    pub arguments: Vec<String>,
    /// One for each interpreter.
    pub measured: Vec<Measured>,
}

/// A command with one interpreter.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Seconds of the fastest run.
    pub wall: f64,
    /// Seconds of each run, in order.
    pub walls: Vec<f64>,
    /// The least processor time of a run, in seconds.
    pub cpu: f64,
    /// Modules that are loaded.
    pub modules: u64,
    /// The most memory it had, in KiB: the least of all runs.
    pub peak: u64,
    /// System calls that name a file.
    pub calls: Option<u64>,
    /// How what it does differs.
    pub difference: Option<String>,
}

impl Report {
    /// A time of an interpreter, as a part of that of its base.
    pub fn ratio(&self, row: &Row, interpreter: usize, time: fn(&Measured) -> f64) -> f64 {
        let base = self.interpreters[interpreter].base;
        time(&row.measured[interpreter]) / time(&row.measured[base])
    }

    /// Names of our interpreters' commands that differ from stock, with the differences.
    pub fn failures(&self) -> Vec<(String, &str)> {
        let mut failures = Vec::new();
        for row in &self.rows {
            for (compared, measured) in self.interpreters.iter().zip(&row.measured) {
                if let (true, Some(difference)) = (compared.ours, &measured.difference) {
                    failures.push((
                        format!("{}: {}", compared.name, row.name),
                        difference.as_str(),
                    ));
                }
            }
        }
        failures
    }
}
