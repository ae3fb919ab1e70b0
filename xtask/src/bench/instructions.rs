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
use std::path::Path;
use std::process::Command;

/// Instructions of one benchmark.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Its name in pyperformance, or `startup`.
    pub benchmark: String,
    /// By the pristine interpreter.
    pub pristine: u64,
    /// By the patched one.
    pub patched: u64,
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
    /// How many percent more the patched one may execute.
    pub tolerance: f64,
}

/// What is to be counted.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
}

impl Plan {
    /// The benchmarks of the port's bench.toml, or those of `only`.
    ///
    /// # Errors
    /// When valgrind is missing, or bench.toml is not valid or lacks one of `only`.
    pub fn of(workspace: &Workspace, port: &str, only: &[String]) -> Result<Self> {
        let mut settings = Settings::of(workspace, port)?;
        let loops = &mut settings.instructions.loops;
        if let Some(unknown) = only.iter().find(|name| !loops.contains_key(*name)) {
            let known: Vec<_> = loops.keys().map(String::as_str).collect();
            return Err(
                Failure::environment(format!("bench.toml counts no benchmark {unknown}"))
                    .next(format!("choose of {}", known.join(", "))),
            );
        }
        if !only.is_empty() {
            loops.retain(|name, _| only.contains(name));
        }
        machine::require_tool("valgrind")?;
        Ok(Self { settings })
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
    let packages = environment::packages(workspace, pristine, &settings.packages)?;

    let mut counts = vec![in_pairs("startup", patched, pristine, |built| {
        count(workspace, built, &packages, &["-c", "pass"])
    })?];
    for (name, loops) in &settings.instructions.loops {
        let script = environment::script(&packages, name)?;
        let run = |built: &Built, loops: u32| {
            let loops = format!("--loops={loops}");
            let script = script.to_string_lossy();
            let arguments = [&script, "--worker", &loops, "--values=1", "--warmups=0"];
            count(workspace, built, &packages, &arguments)
        };
        counts.push(in_pairs(name, patched, pristine, |built| {
            let one = run(built, 1)?;
            let more = run(built, 1 + loops)?;
            more.checked_sub(one)
                .filter(|loops| *loops > 0)
                .ok_or_else(|| {
                    Failure::check(format!(
                        "{name} executes no more instructions with more loops"
                    ))
                    .at(built.python.display())
                })
        })?);
    }
    Ok(Comparison {
        counts,
        tolerance: settings.instructions.tolerance,
    })
}

/// Counts with both interpreters at once: counts do not suffer from company.
fn in_pairs(
    name: &str,
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
        };
        assert!((counts.percent() - 0.3).abs() < 1e-9);
    }
}
