//! Compares what two interpreters left of the same command.

use super::runs::Left;
use regex::Regex;
use similar::TextDiff;

/// How many lines of a difference are shown.
const SHOWN: usize = 30;

/// How `found` differs from `wanted`, if it does; what `hide` matches may differ.
pub fn difference(wanted: &Left, found: &Left, hide: &[Regex]) -> Option<String> {
    let statuses = statuses(wanted, found);
    let text = |left: &Left| {
        let result = left.result.as_deref();
        let parts = [
            ("exit status", left.status.as_str()),
            ("standard output", &left.output),
            ("standard error", &left.errors),
            ("result", result.unwrap_or_default()),
        ];
        let mut text = String::new();
        for (name, part) in parts {
            if !part.is_empty() {
                text += &format!("[{name}]\n{}\n", part.trim_end());
            }
        }
        for pattern in hide {
            text = pattern.replace_all(&text, "…").into_owned();
        }
        text
    };
    let (wanted, found) = (text(wanted), text(found));
    if wanted == found {
        return None;
    }
    let diff = TextDiff::from_lines(&wanted, &found);
    let diff = diff.unified_diff().context_radius(1).to_string();
    let mut lines: Vec<_> = diff.lines().collect();
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    let mut shown = lines.join("\n");
    if more > 0 {
        shown += &format!("\n… and {more} lines more");
    }
    Some(match statuses {
        Some(statuses) => format!("{statuses}\n{shown}"),
        None => shown,
    })
}

/// How the exit statuses differ, if they do: all that can be compared between releases of CPython.
pub fn statuses(wanted: &Left, found: &Left) -> Option<String> {
    (wanted.status != found.status).then(|| {
        let last = found.errors.lines().last().unwrap_or_default();
        format!("{} instead of {}: {last}", found.status, wanted.status)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(status: &str, output: &str) -> Left {
        Left {
            status: status.into(),
            success: status == "exit status: 0",
            output: output.into(),
            errors: String::new(),
            result: None,
        }
    }

    #[test]
    fn what_is_hidden_may_differ_and_nothing_else() {
        let hide = [Regex::new(r"\d+\.\d+s").unwrap()];
        let a = left("exit status: 0", "1 passed in 0.01s\n");
        let b = left("exit status: 0", "1 passed in 0.12s\n");
        assert_eq!(difference(&a, &b, &hide), None);
        let shown = difference(&a, &b, &[]).unwrap();
        assert!(
            shown.contains("-1 passed in 0.01s\n+1 passed in 0.12s"),
            "{shown}"
        );
    }

    #[test]
    fn a_status_is_part_of_what_a_program_does() {
        let a = left("exit status: 0", "x\n");
        let b = left("exit status: 1", "x\n");
        assert!(difference(&a, &b, &[]).unwrap().contains("+exit status: 1"));
        assert_eq!(statuses(&a, &a), None);
        assert_eq!(
            statuses(&a, &b).unwrap(),
            "exit status: 1 instead of exit status: 0: "
        );
    }

    #[test]
    fn a_missing_result_is_a_difference() {
        let mut a = left("exit status: 0", "");
        let mut b = a.clone();
        a.result = Some("text\n".into());
        b.result = Some("(no file)\n".into());
        assert!(difference(&a, &b, &[]).unwrap().contains("+(no file)"));
    }
}
