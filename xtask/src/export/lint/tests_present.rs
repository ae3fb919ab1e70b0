//! A patch that changes code brings tests.

use super::{Change, Finding, is_c};

const NAME: &str = "tests";

/// Areas whose patches are tested by what is there already.
const UNTESTED: [&str; 3] = ["docs", "build", "test"];

pub fn lint(change: &Change) -> Vec<Finding> {
    if UNTESTED.contains(&change.trailers.area.as_str()) {
        return Vec::new();
    }
    let is_test = |path: &str| path.starts_with("Lib/test/");
    if change.changed_files().any(|(path, _)| is_test(path)) {
        return Vec::new();
    }
    change
        .changed_files()
        .find(|(path, _)| is_c(path) || path.ends_with(".py"))
        .map(|(path, line)| {
            change.error(
                NAME,
                line,
                format!("{path} is changed, and no file under Lib/test/ tests it"),
            )
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{findings, messages};
    use super::*;

    #[test]
    fn code_with_tests_and_text_alone_pass() {
        assert_eq!(
            messages(lint, &[("Python/a.c", "x"), ("Lib/test/test_a.py", "y")]),
            [""; 0]
        );
        assert_eq!(messages(lint, &[("Doc/a.rst", "x")]), [""; 0]);
    }

    #[test]
    fn code_without_tests_is_found() {
        assert!(messages(lint, &[("Python/a.c", "x")])[0].contains("Python/a.c is changed"));
        let found = findings(lint, "Add", "News: none [x]", &[("Lib/a.py", "x")], &[]);
        assert_eq!(found.len(), 1);
    }
}
