//! The comparison as a table, as Markdown and as JSON.

use super::Configuration;
use super::verdict::{Finding, Verdict};
use crate::suite::Counts;
use crate::suite::regrtest::Run;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// All runs next to one another, with whose each failure is.
#[derive(Debug, Serialize)]
pub struct Comparison {
    release: String,
    profile: String,
    runs: Vec<Total>,
    findings: Vec<Finding>,
    exempt: Vec<Exempt>,
}

#[derive(Debug, Serialize)]
struct Total {
    configuration: &'static str,
    files: usize,
    #[serde(flatten)]
    counts: Counts,
}

/// Something that a configuration does otherwise than the rest, with the reason that tests.toml gives.
#[derive(Debug, Serialize)]
pub struct Exempt {
    how: &'static str,
    name: String,
    why: String,
}

impl Exempt {
    /// What a configuration leaves out, and what it does not compile.
    pub(super) fn of(configuration: &Configuration) -> Vec<Self> {
        let new = |how, name: &str, why: &str| Self {
            how,
            name: name.to_owned(),
            why: why.to_owned(),
        };
        let left_out = configuration.left_out.iter();
        let left_out = left_out.map(|one| new("left out", &one.module, &one.why));
        let interpreted = configuration.interpreted.iter().flat_map(|one| {
            let code = one.code.iter();
            code.map(|code| new("interpreted", code, &one.why))
        });
        left_out.chain(interpreted).collect()
    }
}

impl Comparison {
    /// Puts the runs, pristine first, and the findings together.
    pub fn new<'a>(
        release: &str,
        profile: &str,
        runs: impl Iterator<Item = (&'static str, &'a Run)>,
        mut findings: Vec<Finding>,
        exempt: Vec<Exempt>,
    ) -> Self {
        findings.sort_by(|a, b| (a.verdict, &a.case).cmp(&(b.verdict, &b.case)));
        Self {
            release: release.to_owned(),
            profile: profile.to_owned(),
            runs: runs
                .map(|(configuration, run)| Total {
                    configuration,
                    files: run.files.len(),
                    counts: run.counts,
                })
                .collect(),
            findings,
            exempt,
        }
    }

    /// The release that was compared.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Whether no failure is ours.
    pub fn is_clean(&self) -> bool {
        !self
            .findings
            .iter()
            .any(|finding| matches!(finding.verdict, Verdict::Ours | Verdict::Lost))
    }

    /// JSON with everything the table has.
    pub fn json(&self) -> String {
        format!("{:#}", serde_json::json!(self))
    }

    /// A table for a terminal.
    pub fn table(&self) -> String {
        let mut text = format!(
            "CPython {} ({}), all of CPython's suite\n\n{:<12} {:>6} {:>8} {:>8} {:>8}\n",
            self.release, self.profile, "build", "files", "passed", "failed", "skipped"
        );
        for total in &self.runs {
            let _ = writeln!(
                text,
                "{:<12} {:>6} {:>8} {:>8} {:>8}",
                total.configuration,
                total.files,
                total.counts.passed,
                total.counts.failed,
                total.counts.skipped
            );
        }
        text.push('\n');
        for Exempt { how, name, why } in &self.exempt {
            let _ = writeln!(text, "{how:<9} {name}: {why}");
        }
        for (verdict, case, configurations) in self.rows() {
            let _ = writeln!(text, "{:<9} {case} [{configurations}]", word(verdict));
        }
        let _ = write!(text, "\n{}", self.sentence());
        text
    }

    /// A report for people.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# CPython's test suite: {} ({}) against pristine\n\n{}\n\n\
             | build | files | passed | failed | skipped |\n|---|---:|---:|---:|---:|\n",
            self.release,
            self.profile,
            self.sentence()
        );
        for total in &self.runs {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                total.configuration,
                total.files,
                total.counts.passed,
                total.counts.failed,
                total.counts.skipped
            );
        }
        if !self.exempt.is_empty() {
            text.push_str("\n| not as the rest | how | why |\n|---|---|---|\n");
        }
        for Exempt { how, name, why } in &self.exempt {
            let _ = writeln!(text, "| `{name}` | {how} | {why} |");
        }
        let rows = self.rows();
        if !rows.is_empty() {
            text.push_str("\n| whose | case | in |\n|---|---|---|\n");
        }
        for (verdict, case, configurations) in rows {
            let _ = writeln!(text, "| {} | `{case}` | {configurations} |", word(verdict));
        }
        text.push_str(
            "\n*ours*: fails in the patched build only, also alone. *lost*: passes in the pristine build and does not run in \
             the patched one. *flaky*: was fine when run again alone. *upstream*: fails in the pristine build too.\n",
        );
        text
    }

    /// Findings with the configurations they were seen in.
    fn rows(&self) -> Vec<(Verdict, &str, String)> {
        let mut rows: BTreeMap<(Verdict, &str), Vec<&str>> = BTreeMap::new();
        for finding in &self.findings {
            rows.entry((finding.verdict, &finding.case))
                .or_default()
                .push(finding.configuration);
        }
        rows.into_iter()
            .map(|((verdict, case), configurations)| (verdict, case, configurations.join(", ")))
            .collect()
    }

    fn sentence(&self) -> String {
        let number = |verdict| {
            self.rows()
                .iter()
                .filter(|(row, _, _)| *row == verdict)
                .count()
        };
        format!(
            "{} ours, {} lost, {} flaky, {} upstream",
            number(Verdict::Ours),
            number(Verdict::Lost),
            number(Verdict::Flaky),
            number(Verdict::Upstream)
        )
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ours => "ours",
        Verdict::Lost => "lost",
        Verdict::Flaky => "flaky",
        Verdict::Upstream => "upstream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(verdicts: &[(&str, &'static str, Verdict)]) -> Comparison {
        let findings = verdicts
            .iter()
            .map(|(case, configuration, verdict)| Finding {
                case: (*case).to_owned(),
                configuration,
                verdict: *verdict,
            })
            .collect();
        let run = Run::default();
        let runs = [("pristine", &run)].into_iter();
        Comparison::new("3.13.15", "dev", runs, findings, Vec::new())
    }

    #[test]
    fn only_ours_and_lost_are_unclean() {
        assert!(
            comparison(&[
                ("a", "archive", Verdict::Flaky),
                ("b", "archive", Verdict::Upstream)
            ])
            .is_clean()
        );
        assert!(!comparison(&[("a", "archive", Verdict::Ours)]).is_clean());
        assert!(!comparison(&[("a", "no client", Verdict::Lost)]).is_clean());
    }

    #[test]
    fn a_case_is_one_row_whose_worst_verdict_comes_first() {
        let comparison = comparison(&[
            ("b", "no client", Verdict::Upstream),
            ("b", "archive", Verdict::Upstream),
            ("a", "archive", Verdict::Ours),
        ]);
        let table = comparison.table();
        let rows: Vec<&str> = table.lines().filter(|line| line.ends_with(']')).collect();
        assert_eq!(
            rows,
            ["ours      a [archive]", "upstream  b [no client, archive]"]
        );
        assert!(table.ends_with("1 ours, 0 lost, 0 flaky, 1 upstream"));
        assert!(comparison.markdown().contains("| ours | `a` | archive |"));
    }
}
