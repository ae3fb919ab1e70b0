//! Checks that relative links and anchors of the pages lead somewhere, and that the summary lists each page once.
//!
//! Addresses with a scheme are not looked at: the check needs no network.

use super::FOLDER;
use super::page::Page;
use crate::error::{Context, Failure, Result};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The table of contents of the site.
const SUMMARY: &str = "SUMMARY.md";

/// Pages at the top of the repository, which are not part of the site.
const TOP: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

/// Checks all pages of the repository; returns how many there are.
///
/// # Errors
/// When a page cannot be read, or with each link that leads nowhere and each page that the summary does not list.
pub fn check(root: &Path) -> Result<usize> {
    let pages = read(root)?;
    let mut problems = Vec::new();
    for (file, page) in &pages {
        for link in &page.links {
            if let Err(why) = follow(root, &pages, file, &link.target) {
                problems.push(format!(
                    "{}:{}: {}: {why}",
                    file.display(),
                    link.line,
                    link.target
                ));
            }
        }
    }
    problems.extend(unlisted(&pages));
    if problems.is_empty() {
        return Ok(pages.len());
    }
    let failure = Failure::check("the pages do not hold together")
        .at(FOLDER)
        .next("correct what is named, then `cargo xtask docs --check`");
    Err(problems.iter().fold(failure, |failure, problem| {
        failure.because(problem.as_str())
    }))
}

fn read(root: &Path) -> Result<BTreeMap<PathBuf, Page>> {
    let mut files: Vec<PathBuf> = TOP.map(PathBuf::from).to_vec();
    let folder = root.join(FOLDER);
    for entry in walkdir::WalkDir::new(&folder) {
        let path = entry.doing("list", &folder)?.into_path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    let mut pages = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(root.join(&file)).doing("read", &file)?;
        pages.insert(file, Page::parse(&text));
    }
    Ok(pages)
}

/// Whether a link of the page `from` leads somewhere; says why not.
fn follow(
    root: &Path,
    pages: &BTreeMap<PathBuf, Page>,
    from: &Path,
    target: &str,
) -> Result<(), &'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let file = if path.is_empty() {
        from.to_owned()
    } else {
        let folder = from.parent().unwrap_or(Path::new(""));
        normal(&folder.join(path)).ok_or("leads out of the repository")?
    };
    if from.starts_with(FOLDER) && !file.starts_with(FOLDER) {
        return Err("leads out of the site");
    }
    if !root.join(&file).exists() {
        return Err("there is no such file");
    }
    let known = |anchor: &str| {
        let page = pages.get(&file);
        page.is_some_and(|page| page.anchors.contains(anchor))
    };
    match anchor {
        Some(anchor) if !known(anchor) => Err("there is no such heading"),
        _ => Ok(()),
    }
}

/// The path without `.` and `..`; none if it leads above its beginning.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    Some(out)
}

/// Pages of the site that the summary does not list exactly once.
fn unlisted(pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let summary = Path::new(FOLDER).join(SUMMARY);
    let Some(listed) = pages.get(&summary) else {
        return vec![format!("there is no {}", summary.display())];
    };
    let times = |file: &Path| {
        let same = |target: &str| Path::new(FOLDER).join(target) == file;
        listed
            .links
            .iter()
            .filter(|link| same(&link.target))
            .count()
    };
    pages
        .keys()
        .filter(|file| file.starts_with(FOLDER) && **file != summary)
        .filter_map(|file| match times(file) {
            1 => None,
            0 => Some(format!(
                "{} does not list {}",
                summary.display(),
                file.display()
            )),
            _ => Some(format!(
                "{} lists {} twice",
                summary.display(),
                file.display()
            )),
        })
        .collect()
}
