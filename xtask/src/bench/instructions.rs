//! Counts the instructions that benchmarks execute, patched against pristine, with callgrind.
//!
//! Unlike times, the counts hardly depend on what else the machine does. Start-up and the warming of caches are taken off: the
//! count of a loop is the difference between a run with one loop and one with more.

use super::environment;
use super::settings::Settings;
use crate::build::{Built, machine};
use crate::error::{Context, Failure, Result};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Loops in which an operation is specialized and caches are filled.
const WARMING: u32 = 50;

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
    let settings = &plan.settings;
    let tolerance = settings.instructions.tolerance;
    let packages = environment::packages(workspace, pristine, &settings.packages)?;

    let mut counts = vec![in_pairs(
        "startup",
        tolerance,
        patched,
        pristine,
        |built| count(workspace, built, &packages, &["-c", "pass"]),
    )?];
    for (name, loops) in &settings.instructions.loops {
        let script = environment::script(&packages, name)?;
        let run = |built: &Built, loops: u32| {
            let loops = format!("--loops={loops}");
            let script = script.to_string_lossy();
            let arguments = [&script, "--worker", &loops, "--values=1", "--warmups=0"];
            count(workspace, built, &packages, &arguments)
        };
        counts.push(in_pairs(name, tolerance, patched, pristine, |built| {
            difference(name, built, run(built, 1)?, run(built, 1 + loops)?)
        })?);
    }
    counts.extend(dictionary(workspace, plan, &packages, patched, pristine)?);
    Ok(Comparison { counts, tolerance })
}

/// Counts the operations of dictionaries.
fn dictionary(
    workspace: &Workspace,
    plan: &Plan,
    packages: &Path,
    patched: &Built,
    pristine: &Built,
) -> Result<Vec<Counts>> {
    let settings = &plan.settings.instructions.dictionary;
    let script = plan.script.to_string_lossy();
    let mut counts = Vec::new();
    for operation in &plan.operations {
        let run = |built: &Built, loops: u32| {
            let arguments = ["-S", &script, operation, &loops.to_string()];
            count(workspace, built, packages, &arguments)
        };
        let name = format!("{DICTIONARY}{operation}");
        counts.push(in_pairs(
            &name,
            settings.tolerance,
            patched,
            pristine,
            |built| {
                let warm = run(built, WARMING)?;
                difference(&name, built, warm, run(built, WARMING + settings.loops)?)
            },
        )?);
    }
    Ok(counts)
}

/// The instructions of the loops that one run has more than the other.
fn difference(name: &str, built: &Built, fewer: u64, more: u64) -> Result<u64> {
    more.checked_sub(fewer)
        .filter(|loops| *loops > 0)
        .ok_or_else(|| {
            Failure::check(format!(
                "{name} executes no more instructions with more loops"
            ))
            .at(built.python.display())
        })
}

/// Counts with both interpreters at once: counts do not suffer from company.
fn in_pairs(
    name: &str,
    tolerance: f64,
    patched: &Built,
    pristine: &Built,
    count: impl Fn(&Built) -> Result<u64> + Sync,
) -> Result<Counts> {
    let step = ui::Step::new("Counting", name);
    let (patched, pristine) = std::thread::scope(|scope| {
        let other = scope.spawn(|| count(pristine));
        (count(patched), other.join())
    });
    let pristine = pristine.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    step.done();
    Ok(Counts {
        benchmark: name.to_owned(),
        pristine: pristine?,
        patched: patched?,
        tolerance,
    })
}

/// The instructions of one run.
fn count(workspace: &Workspace, built: &Built, packages: &Path, arguments: &[&str]) -> Result<u64> {
    let folder = tempfile::tempdir().doing("make a temporary folder for", &built.python)?;
    let name = built.prefix.file_name().unwrap_or_default();
    let log = workspace.log(&format!("bench-instructions-{}", name.to_string_lossy()));
    let mut valgrind = Command::new("valgrind");
    process::without_python_variables(&mut valgrind)
        .arg("--tool=callgrind")
        .arg("--callgrind-out-file=/dev/null")
        .arg(&built.python)
        .args(arguments)
        .current_dir(&folder)
        // Neither the order of sets nor the state of a cache may differ between two runs.
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", packages);
    let finished = process::run(&mut valgrind, &log, |_| ())?;
    let collected = finished
        .output
        .lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    match collected {
        Some(count) if finished.status.success() => Ok(count),
        _ => Err(Failure::check("a benchmark failed under callgrind")
            .at(built.python.display())
            .because(arguments.join(" "))
            .log(log)),
    }
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
