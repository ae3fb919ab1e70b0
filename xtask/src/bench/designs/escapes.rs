//! Tries every way of reading a deferred import, and says what each gets.

use super::subjects::Subjects;
use crate::error::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::Command;

/// The outcome of a way that gets what the import binds.
pub const OBJECT: &str = "object";

/// A way of reading, and what it gets in each design; stock, which has nothing to read, is left out.
#[derive(Debug, Serialize)]
pub struct Way {
    /// An expression of `escapes.py`.
    pub way: String,
    /// `object`, `placeholder`, `missing` or the name of an exception.
    pub outcomes: Vec<String>,
}

/// All ways.
///
/// # Errors
/// When the program fails.
pub fn all(workspace: &Workspace, subjects: &Subjects) -> Result<Vec<Way>> {
    let script = subjects.programs.join("designs/escapes.py");
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for design in &subjects.all[1..] {
        let log = workspace.log(&format!("bench-escapes-{}", design.name));
        let mut command = Command::new(&design.command[0]);
        process::without_python_variables(&mut command)
            .args(&design.command[1..])
            .arg(&script)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let finished = process::run(&mut command, &log, |_| ())?;
        let line = finished.output.lines().rfind(|line| line.starts_with('{'));
        let found = line.and_then(|line| serde_json::from_str(line).ok());
        let (true, Some(found)) = (finished.status.success(), found) else {
            return Err(Failure::check("the ways of reading could not be tried")
                .at(script.display())
                .because(&design.name)
                .log(log));
        };
        let found: BTreeMap<String, String> = found;
        for (way, outcome) in found {
            ways.entry(way).or_default().push(outcome);
        }
    }
    let way = |(way, outcomes)| Way { way, outcomes };
    Ok(ways.into_iter().map(way).collect())
}

/// The ways in which the dictionary, the first design, does not give the object.
pub fn failures(ways: &[Way]) -> Vec<(String, &str)> {
    let failed = ways.iter().filter(|way| way.outcomes[0] != OBJECT);
    failed
        .map(|way| (way.way.clone(), way.outcomes[0].as_str()))
        .collect()
}
