//! Runs suspicious cases again, alone: a case is flaky only when it then passes in the patched build.

use super::Configuration;
use super::verdict::{Suspicion, Verdict};
use crate::error::{Context, Result};
use crate::process;
use crate::suite::parts::regrtest_command;
use crate::suite::regrtest::{Run, whole_file};
use crate::ui::Step;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How often a suspect may try to pass.
const ATTEMPTS: usize = 2;

/// Whose each suspect is.
///
/// # Errors
/// When a run cannot be started or its results cannot be read.
pub fn judge(
    logs: &Path,
    pristine: &Configuration,
    patched: &Configuration,
    run: &Run,
    stock: &Run,
    suspects: BTreeMap<String, Suspicion>,
) -> Result<BTreeMap<String, Verdict>> {
    let mut by_file: BTreeMap<Option<&str>, BTreeMap<String, Suspicion>> = BTreeMap::new();
    for (case, suspicion) in suspects {
        let file = run.file_of(&case).or_else(|| stock.file_of(&case));
        by_file.entry(file).or_default().insert(case, suspicion);
    }
    let mut verdicts = BTreeMap::new();
    for (file, cases) in by_file {
        let Some(file) = file else {
            // Nothing says how to run such a case alone, so the first result stands.
            verdicts.extend(cases.into_iter().map(|(case, s)| (case, settled(s))));
            continue;
        };
        let names: BTreeSet<&str> = cases.keys().map(String::as_str).collect();
        let cured = attempt(logs, patched, file, &names, |run, case| {
            good(run, file, case)
        })?;
        let left: BTreeSet<&str> = names.difference(&cured).copied().collect();
        // What cannot even pass in the pristine build when it is alone is not ours.
        let shared = attempt(logs, pristine, file, &left, |run, case| {
            !good(run, file, case)
        })?;
        for (case, suspicion) in &cases {
            let verdict = if cured.contains(case.as_str()) {
                Verdict::Flaky
            } else if shared.contains(case.as_str()) {
                Verdict::Upstream
            } else {
                settled(*suspicion)
            };
            verdicts.insert(case.clone(), verdict);
        }
    }
    Ok(verdicts)
}

fn settled(suspicion: Suspicion) -> Verdict {
    match suspicion {
        Suspicion::Fails => Verdict::Ours,
        Suspicion::Lost => Verdict::Lost,
    }
}

/// Whether `case` is fine in a run of `file` alone.
fn good(run: &Run, file: &str, case: &str) -> bool {
    if case == whole_file(file) || !is_method(file, case) {
        run.failed.is_empty() && !run.passed.is_empty()
    } else {
        run.passed.contains(case)
    }
}

/// Class and module fixtures cannot be selected; their file is run instead.
fn is_method(file: &str, case: &str) -> bool {
    let name = case.rsplit('.').next().unwrap_or(case);
    case != whole_file(file) && !name.starts_with("setUp") && !name.starts_with("tearDown")
}

/// The cases for which `wanted` holds in one of the runs.
fn attempt<'a>(
    logs: &Path,
    configuration: &Configuration,
    file: &str,
    cases: &BTreeSet<&'a str>,
    wanted: impl Fn(&Run, &str) -> bool,
) -> Result<BTreeSet<&'a str>> {
    let mut found = BTreeSet::new();
    for number in 1..=ATTEMPTS {
        let left: BTreeSet<&'a str> = cases.difference(&found).copied().collect();
        if left.is_empty() {
            break;
        }
        let run = alone(logs, configuration, file, &left, number)?;
        found.extend(left.into_iter().filter(|case| wanted(&run, case)));
    }
    Ok(found)
}

fn alone(
    logs: &Path,
    configuration: &Configuration,
    file: &str,
    cases: &BTreeSet<&str>,
    number: usize,
) -> Result<Run> {
    let name = format!("{file}-{}-{number}", configuration.name.replace(' ', "-"));
    let (log, junit) = (
        logs.join(format!("{name}.log")),
        logs.join(format!("{name}.xml")),
    );
    if junit.exists() {
        std::fs::remove_file(&junit).doing("remove the results of another run", &junit)?;
    }
    let step = Step::new(
        "Rerunning",
        format!("{file} alone, {}, attempt {number}", configuration.name),
    );
    let mut command = regrtest_command(configuration.built, 1)?;
    command
        .arg("--junit-xml")
        .arg(&junit)
        .envs(&configuration.environment);
    if cases.iter().all(|case| is_method(file, case)) {
        for case in cases {
            command.args(["-m", case]);
        }
    }
    command.arg(file);
    process::run(&mut command, &log, |line| step.detail(line.trim()))?;
    step.done();
    Run::read(&log, &junit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_and_files_are_not_methods() {
        assert!(is_method("test_a", "test.test_a.C.test_x"));
        assert!(!is_method("test_a", "test.test_a.C.setUpClass"));
        assert!(!is_method("test_a", "test.test_a.tearDownModule"));
        assert!(!is_method("test_a", "test_a (whole file)"));
    }

    #[test]
    fn a_case_is_good_when_it_passed_and_a_file_when_nothing_failed() {
        let mut run = Run::default();
        run.passed.insert("test.test_a.C.test_x".into());
        assert!(good(&run, "test_a", "test.test_a.C.test_x"));
        assert!(!good(&run, "test_a", "test.test_a.C.test_y"));
        assert!(good(&run, "test_a", "test_a (whole file)"));
        run.failed.insert("test.test_a.C.test_y".into());
        assert!(!good(&run, "test_a", "test_a (whole file)"));
        assert!(!good(&Run::default(), "test_a", "test_a (whole file)"));
    }
}
