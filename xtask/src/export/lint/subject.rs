//! The subject is `gh-N: Summary`, N being the number of the issue.

use super::{Change, Finding, Level};

const NAME: &str = "subject";

/// Longest subject that GitHub does not cut in two.
const LONGEST: usize = 72;

pub fn lint(change: &Change) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = change.patch.subject();
    let (number, summary) = split(subject);
    match (change.trailers.issue, number) {
        (None, _) => findings.push(Finding {
            level: Level::Pending,
            ..change.error(
                NAME,
                1,
                "no issue is named: open one at https://github.com/python/cpython/issues and add `Upstream-Issue: gh-N`",
            )
        }),
        (Some(issue), Some(number)) if number != issue => findings.push(change.error(
            NAME,
            1,
            format!("the subject names gh-{number}, Upstream-Issue gh-{issue}"),
        )),
        _ => {}
    }
    if !summary.starts_with(|c: char| !c.is_lowercase()) {
        findings.push(change.error(NAME, 1, "the summary does not begin with a capital letter"));
    }
    if summary.ends_with('.') {
        findings.push(change.error(NAME, 1, "the summary ends with a full stop"));
    }
    if subject.chars().count() > LONGEST {
        findings.push(change.error(
            NAME,
            1,
            format!("the subject has more than {LONGEST} characters"),
        ));
    }
    findings
}

/// The issue's number, if the subject has one, and the summary.
pub fn split(subject: &str) -> (Option<u64>, &str) {
    subject
        .strip_prefix("gh-")
        .and_then(|rest| rest.split_once(": "))
        .and_then(|(number, summary)| Some((Some(number.parse().ok()?), summary)))
        .unwrap_or((None, subject))
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::*;

    fn found(subject: &str, trailers: &str) -> Vec<(Level, String)> {
        findings(lint, subject, trailers, &[("a", "b")], &[])
            .into_iter()
            .map(|finding| (finding.level, finding.message))
            .collect()
    }

    #[test]
    fn a_good_subject_passes() {
        assert_eq!(
            found("gh-12: Add a hook", "News: none [x]\nUpstream-Issue: gh-12"),
            []
        );
        assert_eq!(
            found("Add a hook", "News: none [x]\nUpstream-Issue: gh-12"),
            []
        );
    }

    #[test]
    fn a_missing_issue_is_for_a_person() {
        let found = found("Add a hook", "News: none [x]");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Level::Pending);
        assert!(found[0].1.contains("Upstream-Issue: gh-N"));
    }

    #[test]
    fn a_bad_subject_fails() {
        let trailers = "News: none [x]\nUpstream-Issue: gh-12";
        assert!(found("gh-13: Add", trailers)[0].1.contains("gh-13"));
        assert!(found("add a hook", trailers)[0].1.contains("capital"));
        assert!(found("Add a hook.", trailers)[0].1.contains("full stop"));
        assert!(
            found(&format!("Add {}", "x".repeat(80)), trailers)[0]
                .1
                .contains("72")
        );
    }
}
