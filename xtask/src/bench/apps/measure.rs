//! Runs every application with every interpreter.

use super::report::{Measured, Report, Row};
use super::settings::{App, Plan};
use crate::bench::behavior;
use crate::bench::compiled::{self, Builds, Interpreter};
use crate::bench::lazy::Against;
use crate::bench::runs::{Left, Program, Runs};
use crate::error::{Failure, Result};
use crate::lock::Lock;
use crate::pip::{self, Packages, Sources};
use crate::ui;
use crate::workspace::Workspace;
use std::path::PathBuf;

/// Folders that applications are told of.
struct Places {
    packages: PathBuf,
    sources: PathBuf,
}

/// Measures the plan.
///
/// # Errors
/// When packages cannot be installed, or an application fails with the stock interpreter.
pub fn measure(
    workspace: &Workspace,
    plan: &Plan,
    builds: &Builds,
    against: &[Against],
) -> Result<Report> {
    let interpreters = compiled::interpreters(builds, against)?;
    // Two measurements at once would disturb each other.
    let _lock = Lock::take(&workspace.output().join("bench/run.lock"))?;
    let places = Places {
        packages: install(workspace, plan, builds)?,
        sources: builds.pristine.source_tree.clone(),
    };
    let runs = Runs::new(workspace, &plan.project, &builds.pristine.python);
    let mut rows = Vec::new();
    for app in &plan.apps {
        let step = ui::Step::new("Measuring", &app.name);
        rows.push(row(plan, &runs, &interpreters, app, &places)?);
        step.done();
    }
    Ok(Report {
        release: builds.patched.release.version.clone(),
        profile: builds.profile.to_owned(),
        rounds: plan.rounds,
        interpreters: interpreters.iter().map(Interpreter::compared).collect(),
        rows,
    })
}

/// Installs the packages once: all but a function of one of them are Python, which any interpreter can run.
fn install(workspace: &Workspace, plan: &Plan, builds: &Builds) -> Result<PathBuf> {
    let release = &builds.pristine.release.version;
    let folder = workspace.output().join(format!("bench/apps-{release}"));
    let packages = Packages {
        folder,
        name: "the applications",
        requirements: &plan.requirements,
        pip: pip::of(builds.pristine),
        sources: Sources::Refuse,
    };
    packages.install(workspace)?;
    Ok(packages.folder)
}

fn row(
    plan: &Plan,
    runs: &Runs,
    interpreters: &[Interpreter],
    app: &App,
    places: &Places,
) -> Result<Row> {
    let interpreters = interpreters.iter();
    let programs: Vec<_> = interpreters
        .map(|interpreter| program(app, interpreter, places))
        .collect();
    // The first run with each also writes the .pyc files, and warms the machine's cache.
    let mut left = Vec::new();
    for program in &programs {
        left.push(runs.kept(program, &[], &[])?);
        succeeded(app, &left[0])?;
    }
    let mut usages = vec![Vec::new(); programs.len()];
    for round in 0..plan.rounds as usize {
        for place in 0..programs.len() {
            // Nobody always comes after the same one.
            let place = (place + round) % programs.len();
            usages[place].push(runs.timed(&programs[place])?);
        }
    }
    let measured = usages.iter().enumerate().map(|(place, usages)| {
        let difference = match place {
            0 => None,
            1 => behavior::difference(&left[0], &left[1], &plan.hide),
            _ => behavior::statuses(&left[0], &left[place]),
        };
        Measured::of(usages, difference)
    });
    Ok(Row {
        name: app.name.clone(),
        about: app.about.clone(),
        measured: measured.collect(),
    })
}

/// A program that fails does not do what is to be measured.
fn succeeded(app: &App, left: &Left) -> Result<()> {
    if left.success {
        return Ok(());
    }
    let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    Err(
        Failure::check(format!("{} fails with the stock interpreter", app.name))
            .because(&left.status)
            .because(last(&left.output))
            .because(last(&left.errors)),
    )
}

fn program<'a>(app: &'a App, interpreter: &'a Interpreter, places: &'a Places) -> Program<'a> {
    let packages = places.packages.to_string_lossy();
    let sources = places.sources.to_string_lossy();
    let filled = |words: &[String]| {
        let words = words.iter();
        let words = words.map(|word| word.replace("{packages}", &packages));
        words
            .map(|word| word.replace("{sources}", &sources).into())
            .collect()
    };
    Program {
        name: &app.name,
        command: &interpreter.command,
        packages: &places.packages,
        arguments: filled(&app.arguments),
        prepare: filled(&app.prepare),
        result: app.result.as_deref(),
    }
}
