//! A patch's message as upstream gets it.

use super::lint::split_subject;
use crate::error::Result;
use crate::series::{OURS, Patch, split};

/// The message without our trailers, its subject beginning with the issue's number.
///
/// # Errors
/// When the trailers are not valid.
pub fn for_upstream(patch: &Patch) -> Result<String> {
    let issue = patch.trailers()?.issue;
    Ok(strip(&patch.message.text, issue))
}

fn strip(message: &str, issue: Option<u64>) -> String {
    let (text, trailers) = split(message);
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    let subject = match (issue, split_subject(subject)) {
        (Some(issue), (None, summary)) => format!("gh-{issue}: {summary}"),
        _ => subject.to_owned(),
    };
    let mut message = format!("{subject}\n{}\n", body.trim_end());
    let others: Vec<String> = trailers
        .iter()
        .filter(|line| !line.key.is_empty() && !OURS.contains(&line.key))
        .map(|line| format!("{}: {}\n", line.key, line.value))
        .collect();
    if !others.is_empty() {
        message.push('\n');
        message.extend(others);
    }
    format!("{}\n", message.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_trailers_go_and_others_stay() {
        let message = "Add a hook\n\nWhy.\n\nUpstream-Status: Pending\nSigned-off-by: A <a@example.org>\nArea: eval\n";
        assert_eq!(
            strip(message, Some(12)),
            "gh-12: Add a hook\n\nWhy.\n\nSigned-off-by: A <a@example.org>\n"
        );
    }

    #[test]
    fn a_message_without_body_is_its_subject() {
        let message = "gh-12: Add a hook\n\nUpstream-Status: Pending\nArea: eval\n";
        assert_eq!(strip(message, Some(12)), "gh-12: Add a hook\n");
        assert_eq!(strip("Add a hook\n\nArea: eval\n", None), "Add a hook\n");
    }
}
