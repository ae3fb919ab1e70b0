//! Added C lines keep to PEP 7: spaces, 79 columns, braces around every branch, `else` on a line of its own.

use super::{Added, Change, Finding, is_c};

const NAME: &str = "pep7";
const WIDTH: usize = 79;

pub fn lint(change: &Change) -> Vec<Finding> {
    let written = |path: &str| {
        is_c(path) && !path.ends_with(".c.h") && !change.generated.iter().any(|file| file == path)
    };
    change
        .added(written)
        .iter()
        .flat_map(|line| remarks(line.text).map(|remark| finding(change, line, remark)))
        .collect()
}

fn finding(change: &Change, line: &Added, remark: &str) -> Finding {
    change.error(
        NAME,
        line.patch_line,
        format!("{}:{}: {remark}", line.path, line.line),
    )
}

fn remarks(text: &str) -> impl Iterator<Item = &'static str> {
    let bare = text.trim_end_matches('\\').trim();
    [
        text.contains('\t').then_some("has a tab"),
        (text.chars().count() > WIDTH).then_some("has more than 79 columns"),
        text.ends_with([' ', '\t']).then_some("ends with a space"),
        unbraced(bare).then_some("has no brace after its condition"),
        (bare.starts_with('}') && bare.trim_start_matches(['}', ' ']).starts_with("else"))
            .then_some("has `else` on the line of a closing brace"),
    ]
    .into_iter()
    .flatten()
}

/// Whether a branch or loop begins and, in the same line, ends its condition without a brace.
fn unbraced(line: &str) -> bool {
    if line == "else" {
        return true;
    }
    let line = line.strip_prefix("else ").unwrap_or(line).trim_start();
    let Some(condition) = ["if (", "for (", "while ("]
        .iter()
        .find_map(|word| line.strip_prefix(word))
    else {
        return false;
    };
    let mut depth = 1;
    for (at, character) in condition.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let rest = condition[at + 1..].trim();
            // A loop with an empty body ends with a semicolon.
            return !(rest.starts_with('{') || rest == ";");
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::testing::messages;
    use super::*;

    #[test]
    fn good_lines_pass() {
        let text = "int\nf(void)\n{\n    if (a(b)) {\n        x();\n    }\n    else {\n        y();\n    }\n    \
                    while (n--);\n    for (int i = 0; i < n; i++) {\n    }\n#define M(x) \\\n    do { \\\n    } while (0)\n    \
                    if (a &&\n        b)\n    {\n    }\n}\n";
        assert_eq!(messages(lint, &[("Python/x.c", text)]), [""; 0]);
        assert_eq!(messages(lint, &[("Lib/x.py", "\tif (x) y")]), [""; 0]);
        assert_eq!(messages(lint, &[("Python/made.h", "\tx")]), [""; 0]);
    }

    #[test]
    fn each_rule_is_found_with_its_line() {
        let found = |text: &str| messages(lint, &[("Python/x.c", text)]);
        assert_eq!(
            found("int a;\n\tint b;"),
            ["x.patch:17 Python/x.c:2: has a tab"]
        );
        assert!(found(&format!("int {};", "x".repeat(80)))[0].contains("79 columns"));
        assert!(found("int a; ")[0].contains("ends with a space"));
        assert!(found("    if (a(b))")[0].contains("no brace"));
        assert!(found("    else if (a) return;")[0].contains("no brace"));
        assert!(found("    else")[0].contains("no brace"));
        assert!(found("    } else {")[0].contains("`else`"));
    }
}
