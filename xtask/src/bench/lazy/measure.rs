//! Measures every command with every interpreter.

use super::counts::{self, Calls};
use super::interpreters::{self, Against, Builds, Interpreter};
use super::report::{Compared, Measured, Report, Row};
use super::settings::{Case, Plan};
use crate::bench::behavior;
use crate::bench::runs::{Runs, Usage};
use crate::build::Built;
use crate::error::{Context, Result};
use crate::lock::Lock;
use crate::ui;
use crate::workspace::Workspace;
use std::path::Path;

/// Measures the plan with the stock interpreter, the patched one in its modes, and those of the user.
///
/// # Errors
/// When packages cannot be installed or a command cannot be started.
pub fn measure(
    workspace: &Workspace,
    plan: &Plan,
    builds: &Builds,
    against: &[Against],
) -> Result<Report> {
    // Two measurements at once would disturb each other.
    let _lock = Lock::take(&workspace.output().join("bench/run.lock"))?;
    let profile = workspace.output().join("bench/lazy.profile");
    let interpreters = interpreters::prepare(workspace, plan, builds, &profile, against)?;
    let record = |runs: &Runs, tool: &str| record(plan, runs, &interpreters, tool, &profile);
    let profile = builds.profile;
    measure_with(
        workspace,
        plan,
        builds.pristine,
        profile,
        &interpreters,
        record,
    )
}

/// Measures the plan with these interpreters, the stock one first, whose profile is named. Does something before each tool.
///
/// # Errors
/// When a command cannot be started.
pub fn measure_with(
    workspace: &Workspace,
    plan: &Plan,
    pristine: &Built,
    profile: &str,
    interpreters: &[Interpreter],
    before: impl Fn(&Runs, &str) -> Result<()>,
) -> Result<Report> {
    let runs = Runs::new(workspace, &plan.project, &pristine.python);
    let calls = Calls::new();
    let mut rows = Vec::new();
    let mut prepared = None;
    for case in &plan.cases {
        if prepared != Some(&case.tool) {
            before(&runs, &case.tool)?;
            prepared = Some(&case.tool);
        }
        let step = ui::Step::new("Measuring", &case.name);
        rows.push(row(plan, &runs, &calls, interpreters, case)?);
        step.done();
    }
    Ok(Report {
        release: pristine.release.version.clone(),
        profile: profile.to_owned(),
        rounds: plan.rounds,
        interpreters: interpreters.iter().map(compared).collect(),
        rows,
        notes: notes(interpreters, calls.missing())?,
    })
}

/// Makes the profile of a tool: of one run of each of its commands.
fn record(
    plan: &Plan,
    runs: &Runs,
    interpreters: &[Interpreter],
    tool: &str,
    profile: &Path,
) -> Result<()> {
    if profile.exists() {
        std::fs::remove_file(profile).doing("remove", profile)?;
    }
    let option = format!("lazy_profile=record:{}", profile.display());
    let all = interpreters
        .iter()
        .find(|one| one.name == interpreters::ALL)
        .expect("it is always measured");
    for case in plan.cases.iter().filter(|case| case.tool == tool) {
        runs.kept(&case.program(all), &[], &["-X", &option])?;
    }
    Ok(())
}

fn notes(interpreters: &[Interpreter], missing: Option<&str>) -> Result<Vec<String>> {
    let mut notes: Vec<String> = missing.into_iter().map(str::to_owned).collect();
    for interpreter in interpreters.iter().filter(|one| one.brings_packages) {
        let compiled = interpreters::compiled(&interpreter.packages)?;
        notes.push(format!(
            "{}: wheels with compiled modules: {}",
            interpreter.name,
            compiled.join(", ")
        ));
    }
    Ok(notes)
}

fn compared(interpreter: &Interpreter) -> Compared {
    Compared {
        name: interpreter.name.clone(),
        command: crate::bench::shown(&interpreter.command),
        base: interpreter.base,
        ours: interpreter.ours,
    }
}

fn row(
    plan: &Plan,
    runs: &Runs,
    calls: &Calls,
    interpreters: &[Interpreter],
    case: &Case,
) -> Result<Row> {
    // The first run with each writes the .pyc files, and warms the machine's cache.
    for interpreter in interpreters {
        runs.timed(&case.program(interpreter))?;
    }
    let mut left = Vec::new();
    for interpreter in interpreters {
        left.push(runs.kept(&case.program(interpreter), &[], &[])?);
    }
    let mut usages = vec![Vec::new(); interpreters.len()];
    for round in 0..plan.rounds as usize {
        for place in 0..interpreters.len() {
            // Nobody always comes after the same one.
            let place = (place + round) % interpreters.len();
            usages[place].push(runs.timed(&case.program(&interpreters[place]))?);
        }
    }
    let mut measured = Vec::new();
    for (place, interpreter) in interpreters.iter().enumerate() {
        let base = &left[interpreter.base];
        let difference = if !interpreter.ours && interpreter.base == 0 {
            behavior::statuses(base, &left[place])
        } else {
            behavior::difference(base, &left[place], &plan.hide)
        };
        measured.push(Measured {
            modules: counts::modules(runs, interpreter, case)?,
            calls: calls.count(runs, interpreter, case)?,
            difference,
            ..summary(&usages[place])
        });
    }
    Ok(Row {
        tool: case.tool.clone(),
        purpose: case.purpose,
        name: case.name.clone(),
        arguments: case.arguments.clone(),
        measured,
    })
}

fn summary(usages: &[Usage]) -> Measured {
    let walls: Vec<f64> = usages.iter().map(|usage| usage.wall).collect();
    let cpu = usages.iter().map(|usage| usage.cpu);
    Measured {
        wall: walls.iter().copied().fold(f64::INFINITY, f64::min),
        walls,
        cpu: cpu.fold(f64::INFINITY, f64::min),
        modules: 0,
        peak: usages.iter().map(|usage| usage.peak).min().unwrap_or(0),
        calls: None,
        difference: None,
    }
}
