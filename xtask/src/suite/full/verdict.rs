//! Which differences between two runs are suspicious, and what became of them.

use crate::suite::regrtest::{FileState, Run, module};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whose failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Fails in the patched build only, every time.
    Ours,
    /// Passes in the pristine build; in the patched build it did not run, every time.
    Lost,
    /// Did not do so when it was run again alone.
    Flaky,
    /// Fails in the pristine build too.
    Upstream,
}

/// A case that did not simply pass in a patched configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of the case, or `test_x (whole file)`.
    pub case: String,
    /// Configuration of the patched build.
    pub configuration: &'static str,
    /// Whose failure it is.
    pub verdict: Verdict,
}

/// What is wrong with a case of the patched run, as far as one run tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// It fails and the pristine one does not.
    Fails,
    /// It is skipped or absent and the pristine one passes.
    Lost,
}

/// Cases that are worse in `patched` than in `pristine`.
pub fn suspects(pristine: &Run, patched: &Run) -> BTreeMap<String, Suspicion> {
    let mut suspects: BTreeMap<String, Suspicion> = patched
        .failed
        .difference(&pristine.failed)
        .map(|case| (case.clone(), Suspicion::Fails))
        .collect();
    // The cases after the point where a file's process died did not run; the file itself is a suspect already.
    let died: BTreeSet<String> = patched
        .files
        .iter()
        .filter(|(_, state)| **state == FileState::Died)
        .map(|(file, _)| format!("{}.", module(file)))
        .collect();
    for case in pristine.passed.difference(&patched.passed) {
        if !patched.failed.contains(case) && !died.iter().any(|prefix| case.starts_with(prefix)) {
            suspects.insert(case.clone(), Suspicion::Lost);
        }
    }
    suspects
}

/// Everything to report about a patched run: the judged suspects and the failures that the pristine run has too.
pub fn findings(
    configuration: &'static str,
    pristine: &Run,
    patched: &Run,
    judged: BTreeMap<String, Verdict>,
) -> Vec<Finding> {
    let shared = patched
        .failed
        .intersection(&pristine.failed)
        .map(|case| (case.clone(), Verdict::Upstream));
    judged
        .into_iter()
        .chain(shared)
        .map(|(case, verdict)| Finding {
            case,
            configuration,
            verdict,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(passed: &[&str], failed: &[&str], skipped: &[&str]) -> Run {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Run {
            passed: set(passed),
            failed: set(failed),
            skipped: set(skipped),
            ..Run::default()
        }
    }

    #[test]
    fn a_failure_of_both_is_no_suspect() {
        let pristine = run(&["test.test_a.C.x"], &["test.test_a.C.y"], &[]);
        let patched = run(&["test.test_a.C.x"], &["test.test_a.C.y"], &[]);
        assert!(suspects(&pristine, &patched).is_empty());
        let findings = findings("no client", &pristine, &patched, BTreeMap::new());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].verdict, Verdict::Upstream);
    }

    #[test]
    fn new_failures_and_lost_cases_are_suspects() {
        let pristine = run(&["t.a", "t.b", "t.c", "t.d"], &[], &["t.e"]);
        let patched = run(&["t.a"], &["t.b", "t.e"], &["t.c"]);
        let suspects = suspects(&pristine, &patched);
        assert_eq!(suspects["t.b"], Suspicion::Fails);
        assert_eq!(suspects["t.c"], Suspicion::Lost);
        assert_eq!(suspects["t.d"], Suspicion::Lost);
        assert_eq!(suspects["t.e"], Suspicion::Fails);
        assert_eq!(suspects.len(), 4);
    }

    #[test]
    fn a_dead_file_stands_for_its_cases() {
        let pristine = run(&["test.test_a.C.x", "test.test_ab.C.x"], &[], &[]);
        let mut patched = run(&["test.test_ab.C.x"], &["test_a (whole file)"], &[]);
        patched.files.insert("test_a".into(), FileState::Died);
        let suspects = suspects(&pristine, &patched);
        assert_eq!(suspects.keys().collect::<Vec<_>>(), ["test_a (whole file)"]);
    }
}
