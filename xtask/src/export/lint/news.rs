//! A patch brings the NEWS entry that its `News` trailer says, under the name and in the form that blurb gives it.

use super::{Change, Finding};
use crate::series::News;

const NAME: &str = "news";
const FOLDER: &str = "Misc/NEWS.d/next/";

/// blurb refuses shorter entries.
const SHORTEST: usize = 30;

pub fn lint(change: &Change) -> Vec<Finding> {
    let entries: Vec<(&str, usize)> = change
        .new_files()
        .filter(|(path, _)| path.starts_with(FOLDER))
        .collect();
    let section = match &change.trailers.news {
        News::None(_) => {
            return entries
                .into_iter()
                .map(|(path, line)| {
                    change.error(
                        NAME,
                        line,
                        format!("`News` is none, but the patch adds {path}"),
                    )
                })
                .collect();
        }
        News::Section(section) => section,
    };
    let folder = format!("{FOLDER}{}/", section.replace('/', "-").replace(' ', "_"));
    let [(path, line)] = entries.as_slice() else {
        let message = format!(
            "`News: {section}` needs one new file in {folder}, not {}",
            entries.len()
        );
        return vec![change.error(NAME, 1, message)];
    };
    let Some(name) = path.strip_prefix(&folder) else {
        return vec![change.error(
            NAME,
            *line,
            format!("{path} is not in {folder}, where `News: {section}` belongs"),
        )];
    };
    let mut findings = Vec::new();
    match issue(name) {
        None => findings.push(change.error(
            NAME,
            *line,
            format!("{name} is not called YYYY-MM-DD-hh-mm-ss.gh-issue-N.NONCE.rst"),
        )),
        Some(number) => {
            if let Some(issue) = change.trailers.issue
                && number != issue
            {
                findings.push(change.error(
                    NAME,
                    *line,
                    format!("{name} names issue {number}, Upstream-Issue gh-{issue}"),
                ));
            }
        }
    }
    let text = change.files.read(path).unwrap_or_default();
    if text.trim().len() < SHORTEST {
        findings.push(change.error(
            NAME,
            *line,
            format!("the entry has less than {SHORTEST} characters"),
        ));
    }
    if text.trim_start().starts_with(['-', '*']) {
        findings.push(change.error(
            NAME,
            *line,
            "the entry begins with a bullet, which blurb adds itself",
        ));
    }
    findings
}

/// The issue in `2025-03-01-10-00-00.gh-issue-12.aBc123.rst`.
fn issue(name: &str) -> Option<u64> {
    let mut parts = name.strip_suffix(".rst")?.split('.');
    let (date, issue, nonce) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths: Vec<usize> = date.split('-').map(str::len).collect();
    let dated =
        lengths == [4, 2, 2, 2, 2, 2] && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let nonced = !nonce.is_empty()
        && nonce
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !dated || !nonced || parts.next().is_some() {
        return None;
    }
    issue.strip_prefix("gh-issue-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::*;

    const GOOD: &str =
        "Misc/NEWS.d/next/Core_and_Builtins/2025-03-01-10-00-00.gh-issue-12.aBc123.rst";
    const TEXT: &str = "Add hooks to the evaluation loop for clients.";

    fn found(trailers: &str, new: &[(&str, &str)]) -> Vec<String> {
        findings(lint, "Add x", trailers, new, &[])
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn the_right_entry_passes() {
        let trailers = "News: Core and Builtins\nUpstream-Issue: gh-12";
        assert!(found(trailers, &[(GOOD, TEXT)]).is_empty());
        assert!(found("News: none [internal]", &[("a.c", "x")]).is_empty());
    }

    #[test]
    fn a_missing_or_unwanted_entry_is_found() {
        assert!(found("News: Library", &[("a.c", "x")])[0].contains("Misc/NEWS.d/next/Library/"));
        assert!(found("News: none [internal]", &[(GOOD, TEXT)])[0].contains("is none"));
        assert!(found("News: Library", &[(GOOD, TEXT)])[0].contains("is not in"));
    }

    #[test]
    fn a_wrong_name_or_text_is_found() {
        let trailers = "News: Core and Builtins\nUpstream-Issue: gh-13";
        assert!(found(trailers, &[(GOOD, TEXT)])[0].contains("names issue 12"));
        let odd = "Misc/NEWS.d/next/Core_and_Builtins/hooks.rst";
        assert!(found("News: Core and Builtins", &[(odd, TEXT)])[0].contains("gh-issue-N"));
        assert!(found("News: Core and Builtins", &[(GOOD, "Add.")])[0].contains("less than"));
        let bullet = format!("- {TEXT}");
        assert!(found("News: Core and Builtins", &[(GOOD, &bullet)])[0].contains("bullet"));
    }
}
