//! Compares how many instructions benchmarks execute, patched against pristine.

use super::callgrind::{Counter, Program};
use super::environment;
use super::settings::Settings;
use crate::build::{Built, machine};
use crate::error::{Failure, Result};
use crate::workspace::Workspace;
use serde::Serialize;
use std::path::PathBuf;

/// Instructions of one benchmark.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Its name in pyperformance, `startup`, or `dict_` with an operation and the kind of keys.
    pub benchmark: String,
    /// By the pristine interpreter.
    pub pristine: u64,
    /// By the patched one.
    pub patched: u64,
    /// How many percent more the patched one may execute.
    pub tolerance: f64,
}

impl Counts {
    /// How many percent more the patched interpreter executes.
    pub fn percent(&self) -> f64 {
        (self.patched as f64 / self.pristine as f64 - 1.0) * 100.0
    }
}

/// What was measured, and what is allowed.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The counts, in the order of the settings, start-up first.
    pub counts: Vec<Counts>,
    /// How many percent more the patched one may execute in most of them.
    pub tolerance: f64,
}

/// What is to be counted.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
    /// Operations of dictionaries, with the kind of keys.
    operations: Vec<String>,
    script: PathBuf,
}

/// Begins the names of operations of dictionaries.
const DICTIONARY: &str = "dict_";

impl Plan {
    /// The benchmarks of the port's bench.toml, or those of `only`.
    ///
    /// # Errors
    /// When valgrind is missing, or bench.toml is not valid or lacks one of `only`.
    pub fn of(workspace: &Workspace, port: &str, only: &[String]) -> Result<Self> {
        let mut settings = Settings::of(workspace, port)?;
        let mut operations: Vec<String> = settings
            .instructions
            .dictionary
            .operations
            .iter()
            .flat_map(|operation| ["str", "int"].map(|keys| format!("{operation}_{keys}")))
            .collect();
        let loops = &mut settings.instructions.loops;
        let known: Vec<_> = loops
            .keys()
            .cloned()
            .chain(operations.iter().map(|name| format!("{DICTIONARY}{name}")))
            .collect();
        if let Some(unknown) = only.iter().find(|name| !known.contains(name)) {
            return Err(
                Failure::environment(format!("bench.toml counts no benchmark {unknown}"))
                    .next(format!("choose of {}", known.join(", "))),
            );
        }
        if !only.is_empty() {
            loops.retain(|name, _| only.contains(name));
            operations.retain(|name| only.contains(&format!("{DICTIONARY}{name}")));
        }
        machine::require_tool("valgrind")?;
        let script = workspace
            .port_file(port)
            .with_file_name("bench")
            .join("dictionary.py");
        Ok(Self {
            settings,
            operations,
            script,
        })
    }
}

/// Counts with both interpreters: the start-up, and the benchmarks of the plan.
///
/// # Errors
/// When the packages cannot be installed, or a benchmark fails.
pub fn compare(
    workspace: &Workspace,
    plan: &Plan,
    patched: &Built,
    pristine: &Built,
) -> Result<Comparison> {
    let settings = &plan.settings.instructions;
    let packages = &environment::packages(workspace, pristine, &plan.settings.packages)?;
    let counter = Counter {
        workspace,
        packages,
    };
    let mut counts = Vec::new();
    let mut add = |program: &Program, tolerance| -> Result<()> {
        let interpreters = [pristine, patched].map(|built| [built.python.clone().into()]);
        let found = counter.each(program, &interpreters.each_ref().map(|one| &one[..]))?;
        counts.push(Counts {
            benchmark: program.name.clone(),
            pristine: found[0],
            patched: found[1],
            tolerance,
        });
        Ok(())
    };
    add(&Program::start("startup"), settings.tolerance)?;
    for (name, loops) in &settings.loops {
        let program = Program::benchmark(packages, name, *loops)?;
        add(&program, settings.tolerance)?;
    }
    for operation in &plan.operations {
        let name = format!("{DICTIONARY}{operation}");
        let arguments = vec!["-S".into(), plan.script.clone().into(), operation.into()];
        let program = Program::script(name, arguments, settings.dictionary.loops);
        add(&program, settings.dictionary.tolerance)?;
    }
    Ok(Comparison {
        counts,
        tolerance: settings.tolerance,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_of_pristine() {
        let counts = Counts {
            benchmark: "chaos".into(),
            pristine: 1000,
            patched: 1003,
            tolerance: 0.3,
        };
        assert!((counts.percent() - 0.3).abs() < 1e-9);
    }
}
