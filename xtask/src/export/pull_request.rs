//! The text of a pull request, which a person reads and sends.

use super::cover::Cover;
use super::{Finding, Level, Topic};
use crate::series::{Series, split};
use std::fmt::Write;
use std::path::Path;

/// What the text is made of.
pub struct Content<'a> {
    /// The topic.
    pub topic: &'a Topic,
    /// Its cover letter; a single patch has none, as its message says all.
    pub cover: Option<&'a Cover>,
    /// Its patches, with the messages upstream gets.
    pub series: &'a Series,
    /// What the lints say about the series.
    pub findings: &'a [Finding],
    /// Release it was applied to.
    pub release: &'a str,
    /// Its branch.
    pub branch: &'a str,
    /// Where the branch is.
    pub database: &'a Path,
}

/// The text of `PULL_REQUEST.md`.
pub fn text(content: &Content) -> String {
    let patches = content.series.patches();
    let title = match (content.cover, patches) {
        (Some(cover), _) => &cover.title,
        (None, [only]) => only.subject(),
        (None, _) => &content.topic.title,
    };
    let mut text = format!("# {title}\n\n<!-- Delete this comment and \"Before sending\". -->\n\n");
    if let Some(cover) = content.cover {
        let _ = write!(text, "{}\n\n## Patches\n\n", cover.body);
    }
    for patch in patches {
        let (message, _) = split(&patch.message.text);
        let (subject, body) = message.split_once('\n').unwrap_or((message, ""));
        let _ = write!(text, "### {subject}\n\n{}\n\n", body.trim());
    }
    text.push_str("## Before sending\n\n");
    for finding in content.findings {
        if patches.iter().any(|patch| patch.slug == finding.patch) {
            let word = match finding.level {
                Level::Error => "correct",
                Level::Pending => "supply",
            };
            let _ = writeln!(
                text,
                "- [ ] {word}: {} ({}, {})",
                finding.message, finding.patch, finding.lint
            );
        }
    }
    let _ = write!(
        text,
        "- [ ] the issue upstream exists and names the measurements\n\
         - [ ] the patches apply to upstream's main branch; these were applied to CPython {release}\n\
         - [ ] the tests pass there: `./python -m test`\n\
         - [ ] you have signed the contributor agreement\n\n\
         In a clone of https://github.com/python/cpython:\n\n\
         ```\n\
         git switch -c {branch} v{release}\n\
         git am {count} of this folder, in order\n\
         ```\n\n\
         The same commits, on a root commit with the sources of {release}, are a branch here:\n\n\
         ```\n\
         git fetch {database} {branch}\n\
         ```\n",
        release = content.release,
        branch = content.branch,
        count = format_args!(
            "--empty=drop 0*.patch  # the cover letter and {} mails",
            patches.len()
        ),
        database = content.database.display(),
    );
    text
}
