//! Runs the benchmarks with every interpreter.

use super::report::{Measured, Report, Row, Run};
use crate::bench::compiled::{self, Builds, Interpreter};
use crate::bench::environment;
use crate::bench::lazy::Against;
use crate::bench::settings::Settings;
use crate::error::{Context, Failure, Result};
use crate::lock::Lock;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is measured.
pub struct Subject<'a> {
    /// What is compared.
    pub builds: Builds<'a>,
    /// Other interpreters.
    pub against: &'a [Against],
    /// The port, for its settings.
    pub port: &'a str,
    /// Only these benchmarks, if there are any.
    pub only: &'a [String],
    /// Instead of them, the programs of `bench/hostile.py`.
    pub hostile: bool,
    /// Instead of the number of rounds in the settings.
    pub rounds: Option<u32>,
    /// Instead of the seconds in the settings.
    pub seconds: Option<f64>,
}

/// The parts of each round, and the peak of its process, by benchmark; for each interpreter.
type Collected = BTreeMap<String, Vec<Vec<(Vec<(u64, f64)>, u64)>>>;

/// Measures.
///
/// # Errors
/// When the packages cannot be installed, or a benchmark fails.
pub fn measure(workspace: &Workspace, subject: &Subject) -> Result<Report> {
    let builds = &subject.builds;
    let settings = Settings::of(workspace, subject.port)?;
    let rounds = subject.rounds.unwrap_or(settings.jit.rounds);
    let seconds = subject.seconds.unwrap_or(settings.jit.seconds);
    let packages = environment::packages(workspace, builds.pristine, &settings.packages)?;
    let interpreters = compiled::interpreters(builds, subject.against)?;
    let own = workspace.port_file(subject.port).with_file_name("bench");
    let driver = own.join("steady.py");
    let scripts = if subject.hostile {
        vec![("hostile".to_owned(), own.join("hostile.py"), vec![])]
    } else {
        scripts(&packages, chosen(&settings, subject.only)?)?
    };
    // Two measurements at once would disturb each other.
    let _lock = Lock::take(&workspace.output().join("bench/run.lock"))?;
    let mut rows = Vec::new();
    for (name, script, arguments) in scripts {
        let step = ui::Step::new("Measuring", &name);
        let mut collected = Collected::new();
        for round in 0..rounds as usize {
            for place in 0..interpreters.len() {
                // Nobody always comes after the same one.
                let place = (place + round) % interpreters.len();
                let run = run(
                    workspace,
                    &interpreters[place],
                    &driver,
                    seconds,
                    &script,
                    &arguments,
                )?;
                for (benchmark, parts) in run.benchmarks {
                    collected
                        .entry(benchmark)
                        .or_insert_with(|| vec![Vec::new(); interpreters.len()])[place]
                        .push((parts, run.peak));
                }
            }
        }
        step.done();
        rows.extend(collected.into_iter().map(|(name, rounds)| Row {
            name,
            measured: rounds.iter().map(|rounds| Measured::of(rounds)).collect(),
        }));
    }
    Ok(Report {
        release: builds.patched.release.version.clone(),
        profile: builds.profile.to_owned(),
        rounds,
        seconds,
        interpreters: interpreters.iter().map(Interpreter::compared).collect(),
        rows,
    })
}

/// The scripts of pyperformance for benchmarks, with their names and arguments.
fn scripts(
    packages: &Path,
    benchmarks: BTreeMap<String, Vec<String>>,
) -> Result<Vec<(String, PathBuf, Vec<String>)>> {
    let benchmarks = benchmarks.into_iter();
    benchmarks
        .map(|(name, arguments)| {
            let script = environment::script(packages, &name)?;
            Ok((name, script, arguments))
        })
        .collect()
}

fn chosen(settings: &Settings, only: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut benchmarks = settings.jit.benchmarks.clone();
    if let Some(unknown) = only.iter().find(|name| !benchmarks.contains_key(*name)) {
        let known: Vec<_> = benchmarks.into_keys().collect();
        return Err(Failure::environment(format!(
            "bench.toml has no benchmark {unknown} for the compiler"
        ))
        .next(format!("choose of {}", known.join(", "))));
    }
    if !only.is_empty() {
        benchmarks.retain(|name, _| only.contains(name));
    }
    Ok(benchmarks)
}

fn run(
    workspace: &Workspace,
    interpreter: &Interpreter,
    driver: &PathBuf,
    seconds: f64,
    script: &PathBuf,
    arguments: &[String],
) -> Result<Run> {
    let folder = tempfile::tempdir().doing("make a temporary folder for", script)?;
    let result = folder.path().join("result.json");
    let log = workspace.log("bench-jit");
    let mut command = Command::new(&interpreter.command[0]);
    process::without_python_variables(&mut command)
        .args(&interpreter.command[1..])
        .arg(driver)
        .arg(&result)
        .arg(seconds.to_string())
        .arg(script)
        .args(arguments)
        .current_dir(&folder)
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = process::run(&mut command, &log, |_| ())?;
    let failure = |why: String| {
        Failure::check(format!("a benchmark failed with {}", interpreter.name))
            .at(script.display())
            .because(why)
            .log(&log)
    };
    if !finished.status.success() {
        let last = finished.output.lines().last().unwrap_or_default();
        return Err(failure(finished.status.to_string()).because(last));
    }
    let text = std::fs::read(&result).doing("read what was measured from", &result)?;
    serde_json::from_slice(&text).map_err(|error| failure(error.to_string()))
}
