//! New public C API is documented, and what is documented as new says `next` for its version.

use super::{Change, Finding, declared};

const NAME: &str = "docs";

pub fn lint(change: &Change) -> Vec<Finding> {
    let documentation = change.added(|path| path.starts_with("Doc/") && path.ends_with(".rst"));
    let mut findings = Vec::new();
    for (name, line) in declared(change, |path| !path.contains("/internal/")) {
        if name.starts_with('_') {
            continue;
        }
        if !documentation.iter().any(|added| added.text.contains(name)) {
            findings.push(change.error(
                NAME,
                line.patch_line,
                format!(
                    "{}:{}: {name} is public and not documented under Doc/",
                    line.path, line.line
                ),
            ));
        }
    }
    if !findings.is_empty() || documentation.is_empty() {
        return findings;
    }
    let directives = documentation.iter().filter_map(|added| {
        let text = added.text.trim();
        ["versionadded::", "versionchanged::", "deprecated::"]
            .iter()
            .find_map(|word| text.strip_prefix(".. ")?.strip_prefix(word))
            .map(|version| (added, version.trim()))
    });
    let mut versioned = false;
    for (added, version) in directives {
        versioned = true;
        if version != "next" {
            findings.push(change.error(
                NAME,
                added.patch_line,
                format!(
                    "{}:{}: the version is `{version}`, not `next`",
                    added.path, added.line
                ),
            ));
        }
    }
    let introduced = documentation.iter().find(|added| {
        let text = added.text.trim_start();
        text.starts_with(".. c:")
            || text.starts_with(".. function::")
            || text.starts_with(".. class::")
    });
    if let (Some(added), false) = (introduced, versioned) {
        findings.push(change.error(
            NAME,
            added.patch_line,
            format!(
                "{}:{}: no `.. versionadded:: next` comes with it",
                added.path, added.line
            ),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::messages;
    use super::*;

    const HEADER: (&str, &str) = (
        "Include/cpython/x.h",
        "PyAPI_FUNC(int) PyUnstable_Eval_Set(void);",
    );

    #[test]
    fn documented_api_passes() {
        let doc = (
            "Doc/c-api/x.rst",
            ".. c:function:: int PyUnstable_Eval_Set()\n\n   .. versionadded:: next",
        );
        assert_eq!(messages(lint, &[HEADER, doc]), [""; 0]);
        let private = ("Include/cpython/x.h", "PyAPI_FUNC(int) _PyEval_Set(void);");
        assert_eq!(messages(lint, &[private]), [""; 0]);
        let internal = ("Include/internal/x.h", "PyAPI_FUNC(int) PyEval_Set(void);");
        assert_eq!(messages(lint, &[internal]), [""; 0]);
    }

    #[test]
    fn undocumented_api_is_found() {
        let found = messages(lint, &[HEADER]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("Include/cpython/x.h:1: PyUnstable_Eval_Set is public"));
    }

    #[test]
    fn a_version_number_or_no_version_is_found() {
        let number = (
            "Doc/c-api/x.rst",
            ".. c:function:: int PyUnstable_Eval_Set()\n\n   .. versionadded:: 3.14",
        );
        assert!(messages(lint, &[HEADER, number])[0].contains("the version is `3.14`"));
        let none = (
            "Doc/c-api/x.rst",
            ".. c:function:: int PyUnstable_Eval_Set()",
        );
        assert!(messages(lint, &[HEADER, none])[0].contains("no `.. versionadded:: next`"));
    }
}
