//! Explains why a patch does not apply: which line of the patch wanted what, where the nearest match is, and which
//! release or earlier patch changed it.

use super::relocate::{places, split};
use super::{FileDiff, Hunk, Patch};
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

/// Where a patch was to go.
pub struct Scene<'a> {
    /// The object database.
    pub db: &'a Database,
    /// The port.
    pub port: &'a Port,
    /// Release the patch was made on.
    pub before: &'a Release,
    /// Release it was to go on.
    pub release: &'a Release,
    /// Tree of that release.
    pub base: Oid,
    /// Tree after the patches before it.
    pub tree: Oid,
    /// The patches before it.
    pub earlier: Vec<&'a Patch>,
    /// A clone of upstream's repository.
    pub history: Option<&'a Path>,
}

/// Makes the failure of a patch that does not go where it was to go; `reason` is said when nothing better is found.
pub fn explain(scene: &Scene, patch: &Patch, reason: &str) -> Failure {
    let failure = Failure::person(format!(
        "patch {} does not apply to CPython {}",
        patch.slug, scene.release.version
    ));
    let Some(misfit) = misfit(scene.db, scene.tree, patch) else {
        return failure.at(patch.file.display()).because(reason);
    };
    let path = misfit.file.path();
    let mut failure = match misfit.hunk {
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
    failure = failure.because(misfit.why);
    for cause in causes(scene, misfit.file, misfit.hunk) {
        failure = failure.because(cause);
    }
    failure
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
                let lines = split(text);
                if let Err(hunk) = places(&lines, file) {
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

/// A file of a tree as text.
pub fn text(db: &Database, tree: Oid, path: &str) -> Option<String> {
    let entry = db.entry(tree, Path::new(path)).ok()??;
    let bytes = db.blob(entry.id).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
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
fn causes(scene: &Scene, file: &FileDiff, hunk: Option<&Hunk>) -> Vec<String> {
    let path = file.path();
    let mut causes = Vec::new();
    let here = text(scene.db, scene.base, path).unwrap_or_default();
    let others = scene.port.releases.iter().filter(|other| {
        other.version != scene.release.version
            && (scene.before.version == scene.release.version
                || other.version == scene.before.version)
    });
    for other in others {
        let Ok(tree) = Oid::from_str(&other.tree) else {
            continue;
        };
        if !scene.db.has(tree) {
            continue;
        }
        let there = text(scene.db, tree, path).unwrap_or_default();
        let changes = changes_near(&there, &here, hunk);
        if there == here || changes.is_empty() {
            continue;
        }
        causes.push(format!(
            "upstream changed these lines between CPython {} (-) and {} (+):\n{changes}",
            other.version, scene.release.version
        ));
        causes.extend(commits(scene, other, path, hunk));
    }
    let earlier: Vec<_> = scene
        .earlier
        .iter()
        .filter(|other| other.files.iter().any(|file| file.path() == path))
        .map(|other| other.slug.as_str())
        .collect();
    if !earlier.is_empty() {
        causes.push(format!(
            "earlier patches change {path} too: {}",
            earlier.join(", ")
        ));
    }
    causes
}

/// Upstream's commits between two releases that changed lines a hunk expects.
fn commits(scene: &Scene, other: &Release, path: &str, hunk: Option<&Hunk>) -> Option<String> {
    let tag = |release: &Release| release.git.as_ref().map(|git| git.tag.clone());
    let range = format!("{}...{}", tag(other)?, tag(scene.release)?);
    let Some(history) = scene.history else {
        return Some(format!(
            "`--history DIR`, with DIR a clone of {}, names the commits that did",
            scene.release.git.as_ref()?.remote
        ));
    };
    let mut command = crate::git::command::git(history).ok()?;
    command.args([
        "log",
        "--no-merges",
        "--format=commit %h %s (%an, %as)",
        "--unified=0",
        "--patch",
    ]);
    let text = crate::git::command::run(command.args([&range, "--", path])).ok()?;
    let wanted = hunk.map(Hunk::before).unwrap_or_default();
    let mut named: Vec<&str> = Vec::new();
    let mut commit = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("commit ") {
            commit = name;
        } else if line
            .strip_prefix('-')
            .is_some_and(|line| !line.trim().is_empty() && wanted.contains(&line))
            && !named.contains(&commit)
        {
            named.push(commit);
        }
    }
    (!named.is_empty()).then(|| format!("upstream's commits that did:\n{}", named.join("\n")))
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
