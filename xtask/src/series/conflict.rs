//! Explains why a patch does not apply: which line of the patch wanted what, where the nearest match is, and which
//! release or earlier patch changed it.

use super::{FileDiff, Hunk, Patch, Series, Stack};
use crate::error::Failure;
use crate::git::Database;
use crate::port::{Port, Release};
use git2::Oid;
use similar::TextDiff;
use std::path::Path;

/// The first place of a patch that a tree has no room for.
pub struct Misfit<'a> {
    file: &'a FileDiff,
    hunk: Option<&'a Hunk>,
    why: String,
}

/// Makes the failure of a patch that does not apply on top of `stack`.
pub fn explain(
    db: &Database,
    port: &Port,
    release: &Release,
    stack: &Stack,
    series: &Series,
    patch: &Patch,
    reason: &str,
) -> Failure {
    let failure = Failure::person(format!(
        "patch {} does not apply to CPython {}",
        patch.slug, release.version
    ));
    let tree = stack.tip_tree();
    let Some(misfit) = misfit(db, tree, patch) else {
        return failure.at(patch.file.display()).because(reason);
    };
    let path = misfit.file.path();
    let failure = match misfit.hunk {
        Some(hunk) => failure.at(format!(
            "{}:{} wants {path}:{}",
            patch.file.display(),
            hunk.line,
            hunk.old_start
        )),
        None => failure.at(format!(
            "{}:{} wants {path}",
            patch.file.display(),
            misfit.file.line
        )),
    };
    let mut failure = failure.because(misfit.why);
    for cause in causes(
        db,
        port,
        release,
        stack,
        series,
        patch,
        misfit.file,
        misfit.hunk,
    ) {
        failure = failure.because(cause);
    }
    failure
        .next(format!(
            "`cargo xtask patch edit {}` to change it in a git work tree with the conflict, then `cargo xtask patch refresh`",
            patch.slug
        ))
        .next(format!("`cargo xtask patch drop {}` if it is not needed any more", patch.slug))
}

/// Looks for the first place that does not fit.
pub fn misfit<'a>(db: &Database, tree: Oid, patch: &'a Patch) -> Option<Misfit<'a>> {
    for file in &patch.files {
        let text = text(db, tree, file.old.as_deref().unwrap_or(file.path()));
        match (&file.old, &text) {
            (None, Some(_)) => {
                return Some(Misfit {
                    file,
                    hunk: None,
                    why: format!("the patch makes {}, which is there already", file.path()),
                });
            }
            (Some(old), None) => {
                return Some(Misfit {
                    file,
                    hunk: None,
                    why: format!("there is no {old}"),
                });
            }
            (None, None) => continue,
            (Some(_), Some(text)) => {
                let lines: Vec<&str> = text.lines().collect();
                if let Some(hunk) = file
                    .hunks
                    .iter()
                    .find(|hunk| find(&lines, &hunk.before()).is_none())
                {
                    return Some(Misfit {
                        file,
                        hunk: Some(hunk),
                        why: nearest(file.path(), &lines, hunk),
                    });
                }
            }
        }
    }
    None
}

/// Whether the tree already has what the patch would do.
pub fn is_there(db: &Database, tree: Oid, patch: &Patch) -> bool {
    patch.files.iter().all(|file| {
        let text = text(db, tree, file.path());
        match (&file.new, &text) {
            (None, None) => true,
            (Some(_), Some(text)) => {
                let lines: Vec<&str> = text.lines().collect();
                !file.hunks.is_empty()
                    && file
                        .hunks
                        .iter()
                        .all(|hunk| find(&lines, &hunk.after()).is_some())
            }
            _ => false,
        }
    })
}

fn text(db: &Database, tree: Oid, path: &str) -> Option<String> {
    let entry = db.entry(tree, Path::new(path)).ok()??;
    let bytes = db.blob(entry.id).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Position of `wanted` in `lines`.
fn find(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    lines
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Says where the most similar lines are and how they differ.
fn nearest(path: &str, lines: &[&str], hunk: &Hunk) -> String {
    let wanted = hunk.before();
    let Some((start, window)) = most_similar(lines, &wanted) else {
        return format!(
            "nothing in {path} is like the lines it expects, which begin with:\n{}",
            wanted.join("\n")
        );
    };
    let expected = wanted.join("\n") + "\n";
    let there = window.join("\n") + "\n";
    let diff = TextDiff::from_lines(&expected, &there);
    let mut shown = format!(
        "the nearest match is {path}:{} (- the patch expects, + is there):",
        start + 1
    );
    for change in diff.iter_all_changes() {
        shown += &format!(
            "\n{}{}",
            change.tag(),
            change.value().trim_end_matches('\n')
        );
    }
    shown
}

/// The lines most like `wanted`, among those that share a line with it.
fn most_similar<'t>(lines: &'t [&'t str], wanted: &[&str]) -> Option<(usize, &'t [&'t str])> {
    let size = wanted.len().min(lines.len());
    if size == 0 {
        return None;
    }
    let mut best = None;
    let mut most = 0.0;
    for (start, window) in lines.windows(size).enumerate() {
        let shared = window
            .iter()
            .filter(|line| !line.trim().is_empty() && wanted.contains(line))
            .count();
        if shared == 0 {
            continue;
        }
        let ratio = TextDiff::from_slices(wanted, window).ratio();
        if ratio > most {
            most = ratio;
            best = Some((start, window));
        }
    }
    best
}

/// Who changed the place: other releases' sources, or earlier patches.
#[allow(clippy::too_many_arguments)]
fn causes(
    db: &Database,
    port: &Port,
    release: &Release,
    stack: &Stack,
    series: &Series,
    patch: &Patch,
    file: &FileDiff,
    hunk: Option<&Hunk>,
) -> Vec<String> {
    let path = file.path();
    let mut causes = Vec::new();
    let earlier = series
        .patches()
        .iter()
        .take_while(|other| other.slug != patch.slug)
        .filter(|other| other.files.iter().any(|f| f.path() == path));
    let here = text(db, stack.base_tree, path).unwrap_or_default();
    for other in &port.releases {
        let Ok(tree) = Oid::from_str(&other.tree) else {
            continue;
        };
        if other.version == release.version || !db.has(tree) {
            continue;
        }
        let there = text(db, tree, path).unwrap_or_default();
        if there == here {
            continue;
        }
        let changes = changes_near(&there, &here, hunk);
        if !changes.is_empty() {
            causes.push(format!(
                "CPython {} (-) and {} (+) differ there:\n{changes}",
                other.version, release.version
            ));
        }
    }
    let earlier: Vec<_> = earlier.map(|other| other.slug.as_str()).collect();
    if !earlier.is_empty() {
        causes.push(format!(
            "earlier patches that change {path}: {}",
            earlier.join(", ")
        ));
    }
    causes
}

/// The differences of two texts that touch the lines a hunk expects.
pub fn changes_near(old: &str, new: &str, hunk: Option<&Hunk>) -> String {
    let diff = TextDiff::from_lines(old, new);
    let wanted = hunk.map(Hunk::before).unwrap_or_default();
    let mut shown = String::new();
    for part in diff.unified_diff().context_radius(2).iter_hunks() {
        let touches = part.iter_changes().any(|change| {
            let line = change.value().trim_end_matches('\n');
            change.tag() == similar::ChangeTag::Delete
                && !line.trim().is_empty()
                && wanted.contains(&line)
        });
        if touches || (hunk.is_none() && shown.is_empty()) {
            shown += &part.to_string();
        }
    }
    shown.trim_end().to_owned()
}
