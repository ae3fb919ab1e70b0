//! Reads the results of cargo's and unittest's runners from what they print.

use super::Counts;

/// What a runner reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Numbers of tests.
    pub counts: Counts,
    /// Names of failed tests.
    pub failures: Vec<String>,
}

/// Reads the `test result:` lines of `cargo test`; none when it printed no such line.
pub fn cargo(output: &str) -> Option<Report> {
    let mut report = Report::default();
    let mut seen = false;
    for line in output.lines() {
        if let Some(numbers) = line.strip_prefix("test result: ") {
            seen = true;
            report.counts += Counts {
                passed: number_before(numbers, " passed;"),
                failed: number_before(numbers, " failed;"),
                skipped: number_before(numbers, " ignored;"),
            };
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            report.failures.push(name.to_owned());
        }
    }
    seen.then_some(report)
}

/// Reads the closing lines of `python -m unittest`; none when they are missing.
pub fn unittest(output: &str) -> Option<Report> {
    let mut run = None;
    let mut closing = None;
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("Ran ") {
            run = rest.split(' ').next()?.parse::<u64>().ok();
            closing = None;
        } else if ["OK", "FAILED", "NO TESTS RAN"].iter().any(|word| {
            line == *word
                || line
                    .strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with(" ("))
        }) {
            closing = Some(line);
        }
    }
    let (run, closing) = (run?, closing?);
    // A module, a class or a subtest that is skipped counts as skipped, and not as run.
    let outside = output.lines().filter(|line| {
        line.contains(" ... skipped ") && (line.starts_with("setUp") || line.starts_with("  "))
    });
    let outside = outside.count() as u64;
    let of = |name: &str| {
        let numbers = closing
            .split_once('(')
            .map_or("", |(_, rest)| rest.trim_end_matches(')'));
        numbers
            .split(", ")
            .filter_map(|entry| entry.split_once('='))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let failed = of("failures") + of("errors") + of("unexpected successes");
    let skipped = of("skipped");
    Some(Report {
        counts: Counts {
            passed: run.saturating_sub(failed + skipped.saturating_sub(outside)),
            failed,
            skipped,
        },
        failures: failed_cases(output),
    })
}

/// Ids of the cases that unittest lists as failed (`FAIL:` and `ERROR:`), each once, in order.
pub fn failed_cases(output: &str) -> Vec<String> {
    let mut cases = Vec::new();
    for line in output.lines() {
        let Some(rest) = line
            .strip_prefix("FAIL: ")
            .or_else(|| line.strip_prefix("ERROR: "))
        else {
            continue;
        };
        if let Some(id) = case_id(rest)
            && !cases.contains(&id)
        {
            cases.push(id);
        }
    }
    cases
}

/// `test_x (test.test_y.Class.test_x) (i=3)` is of `test.test_y.Class.test_x`.
fn case_id(description: &str) -> Option<String> {
    let (short, rest) = description.split_once(" (")?;
    let (dotted, _) = rest.split_once(')')?;
    if short.contains(' ') || dotted.is_empty() {
        return None;
    }
    if dotted == short || dotted.ends_with(&format!(".{short}")) {
        Some(dotted.to_owned())
    } else {
        Some(format!("{dotted}.{short}"))
    }
}

fn number_before(text: &str, unit: &str) -> u64 {
    text.split_once(unit)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn cargo_results_are_summed_over_binaries() {
        let output = "\
running 2 tests
test a::b ... ok
test a::c ... FAILED

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 3 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.00s
";
        let report = cargo(output).unwrap();
        assert_eq!(report.counts, counts(3, 1, 1));
        assert_eq!(report.failures, ["a::c"]);
    }

    #[test]
    fn cargo_without_results_is_no_report() {
        assert_eq!(cargo("error: could not compile `xtask`\n"), None);
    }

    #[test]
    fn unittest_counts_every_kind_of_failure() {
        let output = "\
FAIL: test_a (test_x.C.test_a) (i=1)
FAIL: test_a (test_x.C.test_a) (i=2)
ERROR: setUpClass (test_x.D)
Ran 9 tests in 0.010s

FAILED (failures=2, errors=1, skipped=3, unexpected successes=1)
";
        let report = unittest(output).unwrap();
        assert_eq!(report.counts, counts(2, 4, 3));
        assert_eq!(report.failures, ["test_x.C.test_a", "test_x.D.setUpClass"]);
    }

    #[test]
    fn unittest_does_not_run_modules_that_it_skips() {
        let output = "\
setUpModule (test_x) ... skipped 'no'
test_a (test_y.C.test_a) ... skipped 'no'
test_b (test_y.C.test_b) ... 
  test_b (test_y.C.test_b) (i=1) ... skipped 'no'
test_c (test_y.C.test_c) ... ok
Ran 3 tests in 0.1s

OK (skipped=3)
";
        assert_eq!(unittest(output).unwrap().counts, counts(2, 0, 3));
    }

    #[test]
    fn unittest_success_and_no_tests() {
        let ok = unittest("Ran 4 tests in 0.1s\n\nOK (skipped=1, expected failures=1)\n").unwrap();
        assert_eq!(ok.counts, counts(3, 0, 1));
        let none = unittest("Ran 0 tests in 0.0s\n\nNO TESTS RAN\n").unwrap();
        assert_eq!(none.counts, counts(0, 0, 0));
        assert_eq!(unittest("Fatal Python error\n"), None);
    }

    #[test]
    fn a_doctest_is_named_by_its_module() {
        assert_eq!(
            case_id("foo (test.test_x.__test__)").as_deref(),
            Some("test.test_x.__test__.foo")
        );
        assert_eq!(case_id("no parentheses"), None);
    }
}
