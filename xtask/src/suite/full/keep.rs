//! Runs the whole suite in one configuration, or takes the run that was kept for the same build.

use super::Configuration;
use crate::error::{Context, Failure, Result};
use crate::files;
use crate::port::Variables;
use crate::process;
use crate::suite::Subject;
use crate::suite::parts::regrtest_command;
use crate::suite::regrtest::{self, Run};
use crate::ui::{self, Step};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a run depends on besides the build, which is in the name of its folder. The file is written when the run has come to
/// its end; the results are in the runner's own files beside it.
#[derive(Serialize, Deserialize)]
struct Kept {
    arguments: Vec<String>,
    environment: Variables,
}

/// Name of a configuration's folder.
pub fn slug(configuration: &Configuration) -> String {
    format!(
        "{}-{}",
        configuration.built.key,
        configuration.name.replace(' ', "-")
    )
}

/// The run of `configuration`: the kept one unless `fresh`, else a new one, which is then kept.
///
/// # Errors
/// When the runner does not come to its end; its log is named.
pub fn run(
    folder: &Path,
    configuration: &Configuration,
    subject: &Subject,
    fresh: bool,
) -> Result<Run> {
    let folder = folder.join(slug(configuration));
    let file = folder.join("result.json");
    let (log, junit) = (folder.join("run.log"), folder.join("junit.xml"));
    if !fresh && is_kept(&file, configuration)? {
        let run = Run::read(&log, &junit)?;
        ui::say(
            "Kept",
            format_args!(
                "{}: {} ({})",
                configuration.name,
                run.counts,
                file.display()
            ),
        );
        return Ok(run);
    }
    files::remove_if_there(&file)?;
    std::fs::create_dir_all(&folder).doing("make the folder of a test run", &folder)?;
    if junit.exists() {
        std::fs::remove_file(&junit).doing("remove the results of an unfinished run", &junit)?;
    }
    let step = Step::new(
        "Testing",
        format!("all of CPython's suite, {}", configuration.name),
    );
    let mut command = regrtest_command(configuration.built, subject.jobs())?;
    command
        .arg("--junit-xml")
        .arg(&junit)
        .args(exclusion(configuration))
        .envs(&configuration.environment);
    let finished = process::run(&mut command, &log, |line| step.detail(line.trim()))?;
    step.done();
    let last = |line: &&str| line.starts_with("Result: ");
    if (finished.output.lines().rfind(last)).is_some_and(|line| line.contains("INTERRUPTED")) {
        return Err(Failure::check("CPython's tests were interrupted").log(log));
    }
    let run = Run::read(&log, &junit)?;
    if run.passed.is_empty() {
        return Err(Failure::check(format!(
            "no test passed at all with the configuration `{}`",
            configuration.name
        ))
        .log(log));
    }
    ui::say(
        "Tested",
        format_args!("{}: {}", configuration.name, run.counts),
    );
    let kept = Kept {
        arguments: arguments(configuration),
        environment: configuration.environment.clone(),
    };
    let json = serde_json::to_vec(&kept).doing("keep the results of a test run", &file)?;
    files::write_atomically(&file, &json)?;
    Ok(run)
}

/// What the runner is told to leave out.
fn exclusion<'a>(configuration: &'a Configuration) -> impl Iterator<Item = &'a str> {
    let option = (!configuration.left_out.is_empty()).then_some("-x");
    let names = configuration.left_out.iter();
    option
        .into_iter()
        .chain(names.map(|one| one.module.as_str()))
}

fn arguments(configuration: &Configuration) -> Vec<String> {
    let mut arguments = regrtest::arguments();
    arguments.extend(exclusion(configuration).map(str::to_owned));
    arguments
}

/// Whether the run that `file` is of was made with the same arguments and environment.
fn is_kept(file: &Path, configuration: &Configuration) -> Result<bool> {
    if !file.exists() {
        return Ok(false);
    }
    let bytes = std::fs::read(file).doing("read what a test run was made with", file)?;
    // A file of another version of xtask is as good as none.
    let Ok(kept) = serde_json::from_slice::<Kept>(&bytes) else {
        return Ok(false);
    };
    Ok(kept.arguments == arguments(configuration) && kept.environment == configuration.environment)
}
