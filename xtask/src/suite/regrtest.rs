//! CPython's own test runner: how it is called, and what it reports on its output and in its JUnit file.
//!
//! The JUnit file alone is not enough: it has neither failed subtests and class fixtures nor files whose process died. The
//! output alone is not enough either: it does not name the cases that passed. A [`Run`] has both.

use super::{Counts, output};
use crate::error::{Context, Failure, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Resources of `-u`: everything that a machine without a network, screen, sound and hours of time can do.
const RESOURCES: &str = "all,-cpu,-largefile,-network,-urlfetch,-gui,-audio,-walltime";

/// Seconds after which one test file is given up.
const TIMEOUT: &str = "1200";

/// Arguments of Python that start the runner, without the number of jobs and the tests' names.
pub fn arguments() -> Vec<String> {
    ["-m", "test", "-W", "-u", RESOURCES, "--timeout", TIMEOUT]
        .map(String::from)
        .to_vec()
}

/// How a test file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// All its cases passed or were skipped.
    Passed,
    /// The file as a whole was skipped.
    Skipped,
    /// At least one case failed.
    Failed,
    /// Its process died or did not end in time.
    Died,
}

/// What the runner printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// State of each test file.
    pub files: BTreeMap<String, FileState>,
    /// Ids of cases that are listed as failed.
    pub failed: Vec<String>,
    /// The closing summary; none when the runner did not come to its end.
    pub summary: Option<Summary>,
}

/// The closing summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    run: u64,
    failures: u64,
    skipped: u64,
}

impl Printed {
    /// Reads the runner's output.
    pub fn read(text: &str) -> Self {
        let mut printed = Self {
            failed: output::failed_cases(text),
            ..Self::default()
        };
        let mut total = None;
        for line in text.lines() {
            if let Some((of, name, state)) = progress(line) {
                // A test of the runner itself prints such lines too, with another total.
                if *total.get_or_insert(of) == of {
                    printed.files.insert(name.to_owned(), state);
                }
            } else if let Some(numbers) = line.strip_prefix("Total tests: ") {
                printed.summary = Some(summary(numbers));
            }
        }
        printed
    }

    /// Names of failed cases, and of failed files of which no case is known to have failed.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.failed.clone();
        for (file, state) in &self.files {
            let prefix = format!("{}.", module(file));
            match state {
                FileState::Died => failures.push(whole_file(file)),
                FileState::Failed if !failures.iter().any(|case| case.starts_with(&prefix)) => {
                    failures.push(whole_file(file));
                }
                _ => {}
            }
        }
        failures
    }

    /// The numbers of the closing summary; none when there is no summary.
    ///
    /// The runner's own number of failures leaves out errors and files whose process died, so the names are counted too.
    pub fn counts(&self) -> Option<Counts> {
        let summary = self.summary?;
        let failed = summary.failures.max(self.failures().len() as u64);
        Some(Counts {
            passed: summary.run.saturating_sub(failed + summary.skipped),
            failed,
            skipped: summary.skipped,
        })
    }
}

/// Name of a failure that is not of one case: `test_x (whole file)`.
pub fn whole_file(file: &str) -> String {
    format!("{file} (whole file)")
}

/// The module of a test file: `test_x` is `test.test_x`; files of packages that are split carry their module's name.
pub fn module(file: &str) -> String {
    if file.starts_with("test.") {
        file.to_owned()
    } else {
        format!("test.{file}")
    }
}

/// Whether a file or a case is the test module `name`, or is in it.
pub fn is_of(file_or_case: &str, name: &str) -> bool {
    let (inner, name) = (module(file_or_case), module(name));
    inner == name || inner.starts_with(&format!("{name}."))
}

/// `0:11:15 load avg: 4.46 [456/481/3] test_weakset passed` is (481, "test_weakset", Passed).
fn progress(line: &str) -> Option<(u64, &str, FileState)> {
    let (clock, rest) = line.split_once(" [")?;
    if !clock.starts_with(|c: char| c.is_ascii_digit()) || !clock.contains(':') {
        return None;
    }
    let (position, rest) = rest.split_once("] ")?;
    let total = position.split('/').nth(1)?.trim().parse().ok()?;
    let (name, state) = rest.split_once(' ')?;
    let state = match state {
        // The environment a test file leaves is not this file's own result, and the runner does not fail for it either.
        _ if state.starts_with("passed") || state.starts_with("failed (env changed)") => {
            FileState::Passed
        }
        _ if state.starts_with("skipped") || state.starts_with("ran no tests") => {
            FileState::Skipped
        }
        _ if state.starts_with("failed") => FileState::Failed,
        _ if ["worker", "timed out", "crashed", "interrupted"]
            .iter()
            .any(|word| state.starts_with(word)) =>
        {
            FileState::Died
        }
        _ => return None,
    };
    Some((total, name, state))
}

fn summary(numbers: &str) -> Summary {
    let of = |key: &str| {
        numbers
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key))
            .and_then(|digits| digits.replace(',', "").parse().ok())
            .unwrap_or(0)
    };
    Summary {
        run: of("run="),
        failures: of("failures="),
        skipped: of("skipped="),
    }
}

/// A complete run: every case by its result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// State of each test file.
    pub files: BTreeMap<String, FileState>,
    /// Cases that failed, and files that failed as a whole.
    pub failed: BTreeSet<String>,
    /// Cases that passed.
    pub passed: BTreeSet<String>,
    /// Cases that were skipped.
    pub skipped: BTreeSet<String>,
    /// The closing summary's numbers.
    pub counts: Counts,
}

impl Run {
    /// Puts the runner's output and its JUnit file together.
    ///
    /// # Errors
    /// When the runner did not come to its end or the JUnit file is not valid.
    pub fn read(log: &Path, junit: &Path) -> Result<Self> {
        let bytes = std::fs::read(log).doing("read the output of CPython's tests", log)?;
        let printed = Printed::read(&String::from_utf8_lossy(&bytes));
        let Some(counts) = printed.counts() else {
            return Err(Failure::check("CPython's test runner ended without a summary").log(log));
        };
        let mut run = Self {
            failed: printed.failures().into_iter().collect(),
            files: printed.files,
            counts,
            ..Self::default()
        };
        // Without a single case, the runner writes no file.
        if junit.exists() {
            let text = std::fs::read_to_string(junit)
                .doing("read the results of CPython's tests", junit)?;
            run.add_cases(&text)
                .doing("read the results of CPython's tests", junit)?;
        }
        Ok(run)
    }

    fn add_cases(&mut self, junit: &str) -> Result<(), roxmltree::Error> {
        let document = roxmltree::Document::parse(junit)?;
        for case in document
            .descendants()
            .filter(|node| node.has_tag_name("testcase"))
        {
            // A case with failed subtests has no name.
            let Some(name) = case.attribute("name") else {
                continue;
            };
            let name = self.id(name, case);
            let has = |tag| case.children().any(|child| child.has_tag_name(tag));
            let results = if has("error")
                || has("failure")
                || case.attribute("outcome") == Some("UNEXPECTED_SUCCESS")
            {
                &mut self.failed
            } else if has("skipped") {
                &mut self.skipped
            } else {
                &mut self.passed
            };
            results.insert(name);
        }
        // An id can be that of several cases, of which the worst counts.
        self.passed.retain(|case| !self.failed.contains(case));
        self.skipped
            .retain(|case| !self.failed.contains(case) && !self.passed.contains(case));
        Ok(())
    }

    /// The name of a case, with its file if it does not tell: doctests of other modules have such names.
    fn id(&self, name: &str, case: roxmltree::Node) -> String {
        let mut siblings = case.parent().into_iter().flat_map(|suite| suite.children());
        let file = if name.starts_with("test.") {
            None
        } else {
            siblings.find_map(|sibling| self.file_of(sibling.attribute("name")?))
        };
        file.map_or_else(
            || name.to_owned(),
            |file| format!("{}.({name})", module(file)),
        )
    }

    /// Forgets the files and cases of the test modules for which `is_out` holds.
    pub fn leave_out(&mut self, is_out: impl Fn(&str) -> bool) {
        let retain = |cases: &mut BTreeSet<String>| {
            let before = cases.len();
            cases.retain(|case| !is_out(case.strip_suffix(" (whole file)").unwrap_or(case)));
            (before - cases.len()) as u64
        };
        let counts = &mut self.counts;
        counts.passed = counts.passed.saturating_sub(retain(&mut self.passed));
        counts.failed = counts.failed.saturating_sub(retain(&mut self.failed));
        counts.skipped = counts.skipped.saturating_sub(retain(&mut self.skipped));
        self.files.retain(|file, _| !is_out(file));
    }

    /// The test file that `case` belongs to.
    pub fn file_of(&self, case: &str) -> Option<&str> {
        if let Some(file) = case.strip_suffix(" (whole file)") {
            return self
                .files
                .get_key_value(file)
                .map(|(file, _)| file.as_str());
        }
        self.files
            .keys()
            .filter(|file| case.starts_with(&format!("{}.", module(file))))
            .max_by_key(|file| file.len())
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Using random seed: 699264227
0:00:00 load avg: 0.11 Run 6 tests in parallel using 2 worker processes
0:00:03 load avg: 0.26 [1/6/1] test_a failed (1 error, 1 failure)
test_one (test.test_a.C.test_one) ... FAIL
0:00:01 load avg: 0.26 [1/2] test_inner failed
======================================================================
FAIL: test_one (test.test_a.C.test_one) (i=0)
ERROR: setUpClass (test.test_a.D)
0:00:03 load avg: 0.26 [2/6/1] test_b skipped
0:00:03 load avg: 0.26 [3/6/1] test.test_p.test_c passed (31.2 sec) -- running (1): test_d (30.1 sec)
0:00:04 load avg: 0.26 [4/6/2] test_d worker non-zero exit code (Exit code -11 (SIGSEGV))
0:00:05 load avg: 0.26 [5/6/3] test_e failed (uncaught exception)
0:00:10 load avg: 0.32 [6/6/3] test_f failed (env changed)

== Tests result: FAILURE ==

Total duration: 11.0 sec
Total tests: run=1,311 failures=1 skipped=8
Total test files: run=6/6 failed=2 skipped=1
Result: FAILURE
";

    #[test]
    fn the_output_names_what_failed() {
        let printed = Printed::read(LOG);
        assert_eq!(printed.files.len(), 6);
        assert_eq!(printed.files["test_f"], FileState::Passed);
        assert_eq!(printed.files["test.test_p.test_c"], FileState::Passed);
        assert_eq!(printed.files["test_b"], FileState::Skipped);
        assert_eq!(
            printed.failures(),
            [
                "test.test_a.C.test_one",
                "test.test_a.D.setUpClass",
                "test_d (whole file)",
                "test_e (whole file)",
            ]
        );
        let counts = printed.counts().unwrap();
        assert_eq!((counts.passed, counts.failed, counts.skipped), (1299, 4, 8));
    }

    #[test]
    fn without_a_summary_there_are_no_counts() {
        assert_eq!(
            Printed::read("0:00:03 load avg: 0.26 [1/6] test_a passed\n").counts(),
            None
        );
    }

    #[test]
    fn the_worst_result_of_an_id_counts() {
        let mut run = Run::default();
        run.add_cases(
            r#"<testsuites><testsuite>
            <testcase />
            <testcase name="t.a" />
            <testcase name="t.a"><failure>no</failure></testcase>
            <testcase name="t.b"><skipped>why</skipped></testcase>
            <testcase name="t.c"><system-out>x</system-out></testcase>
            <testcase name="t.d" outcome="UNEXPECTED_SUCCESS" />
            </testsuite></testsuites>"#,
        )
        .unwrap();
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        assert_eq!(names(&run.failed), ["t.a", "t.d"]);
        assert_eq!(names(&run.skipped), ["t.b"]);
        assert_eq!(names(&run.passed), ["t.c"]);
    }

    #[test]
    fn a_case_that_does_not_tell_its_file_is_of_that_of_its_suite() {
        let mut run = Run::default();
        run.files.insert("test_a".into(), FileState::Passed);
        run.add_cases(
            r#"<testsuites><testsuite>
            <testcase name="builtins.hex" /><testcase name="test.test_a.C.test_x" />
            </testsuite><testsuite><testcase name="idlelib.C.test_x" /></testsuite></testsuites>"#,
        )
        .unwrap();
        let names: Vec<_> = run.passed.iter().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "idlelib.C.test_x",
                "test.test_a.(builtins.hex)",
                "test.test_a.C.test_x"
            ]
        );
        run.leave_out(|case| is_of(case, "test_a"));
        assert_eq!(run.passed.len(), 1);
    }

    #[test]
    fn a_case_is_of_the_most_particular_file() {
        let mut run = Run::default();
        for file in ["test_a", "test_ab", "test.test_p.test_c"] {
            run.files.insert(file.into(), FileState::Passed);
        }
        assert_eq!(run.file_of("test.test_ab.C.test_x"), Some("test_ab"));
        assert_eq!(
            run.file_of("test.test_p.test_c.C.test_x"),
            Some("test.test_p.test_c")
        );
        assert_eq!(run.file_of("test_a (whole file)"), Some("test_a"));
        assert_eq!(run.file_of("other.C.test_x"), None);
    }
}
