//! The page that tells where each patch stands upstream, made of the series.

use super::FOLDER;
use crate::error::{Failure, Result};
use crate::files::write_atomically;
use crate::series::Series;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The page's file.
const FILE: &str = "patch-status.md";

/// Writes the page.
///
/// # Errors
/// When a patch has no valid trailers, or the page cannot be written.
pub fn write(root: &Path, series: &Series) -> Result<PathBuf> {
    let file = root.join(FOLDER).join(FILE);
    write_atomically(&file, page(series)?.as_bytes())?;
    Ok(file)
}

/// Checks that the page is what the series makes of it.
///
/// # Errors
/// When it is not.
pub fn check(root: &Path, series: &Series) -> Result<()> {
    let file = root.join(FOLDER).join(FILE);
    // One that is missing is written by the same command.
    if std::fs::read_to_string(&file).ok() == Some(page(series)?) {
        return Ok(());
    }
    Err(
        Failure::check("the page of the patches' status is out of date")
            .at(file.display())
            .because("the series makes another one")
            .next("`cargo xtask docs`, and commit the page"),
    )
}

fn page(series: &Series) -> Result<String> {
    let mut tables = String::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut group = None;
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for (number, patch) in (1..).zip(series.patches()) {
        numbers.insert(&patch.slug, number);
        let trailers = patch.trailers()?;
        let title = series.list().group(&patch.slug);
        if title != group {
            let _ = write!(
                tables,
                "\n## {}\n\n| | patch | area | upstream | issue | needs |\n|---:|---|---|---|---|---|\n",
                capitalized(title.unwrap_or("others"))
            );
            group = title;
        }
        let status = trailers.status.to_string();
        let word = status.split(' ').next().unwrap_or_default();
        *counts.entry(word.to_owned()).or_default() += 1;
        let issue = match trailers.issue {
            Some(number) => {
                format!("[gh-{number}](https://github.com/python/cpython/issues/{number})")
            }
            None => "none yet".to_owned(),
        };
        let needed = trailers.depends_on.iter();
        let needed: Vec<_> = needed
            .filter_map(|slug| numbers.get(slug.as_str()))
            .map(usize::to_string)
            .collect();
        let _ = writeln!(
            tables,
            "| {number} | {} | {} | {} | {issue} | {} |",
            cell(patch.subject()),
            trailers.area,
            cell(&status),
            needed.join(", ")
        );
    }
    let sum: Vec<_> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    Ok(format!(
        "# Where the patches stand upstream\n\n\
         Made by `cargo xtask docs` of the trailers of the patches; do not edit it. What the words mean is told in\n\
         [upstreaming.md](upstreaming.md).\n\n\
         {} patches: {}.\n{tables}",
        series.patches().len(),
        sum.join(", ")
    ))
}

fn capitalized(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
