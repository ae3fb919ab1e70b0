//! The `series` file: names of patches in order, in quilt's syntax, under `#` titles.

use crate::error::{Failure, Result};
use std::path::Path;

/// The lines of a `series` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// An empty line, a title or another comment.
    Text(String),
    /// A patch.
    Patch(String),
}

impl List {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// When a line names no patch or a patch stands there twice.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        let mut lines: Vec<Line> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong =
                |what: String| Failure::check(what).at(format!("{}:{number}", file.display()));
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                lines.push(Line::Text(line.trim_end().to_owned()));
                continue;
            }
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default();
            let slug = name
                .strip_suffix(".patch")
                .ok_or_else(|| wrong(format!("{name} does not end in .patch")))?;
            match words.next() {
                None | Some("-p1") => {}
                Some(word) if word.starts_with('#') => {}
                Some(word) => {
                    return Err(wrong(format!(
                        "{word} is not supported: patches are applied with -p1"
                    )));
                }
            }
            let line = Line::Patch(slug.to_owned());
            if lines.contains(&line) {
                return Err(wrong(format!("{name} stands in the series twice")));
            }
            lines.push(line);
        }
        Ok(Self { lines })
    }

    /// The patches in order.
    pub fn slugs(&self) -> Vec<&str> {
        let patches = self.lines.iter().filter_map(|line| match line {
            Line::Patch(slug) => Some(slug.as_str()),
            Line::Text(_) => None,
        });
        patches.collect()
    }

    /// The `#` title a patch stands under.
    pub fn group(&self, slug: &str) -> Option<&str> {
        let at = self
            .lines
            .iter()
            .position(|line| matches!(line, Line::Patch(name) if name == slug))?;
        self.lines[..at].iter().rev().find_map(|line| match line {
            Line::Text(text) => text.trim().strip_prefix('#').map(str::trim),
            Line::Patch(_) => None,
        })
    }

    /// The list with the patches `slugs` in that order. Patches that stay in order stay on their lines, a new or moved
    /// one comes after the one it follows, and `renamed` (old, new) keep their line.
    pub fn with(&self, slugs: &[String], renamed: &[(String, String)]) -> Self {
        let mut lines = self.lines.clone();
        for line in &mut lines {
            if let Line::Patch(slug) = line
                && let Some((_, new)) = renamed.iter().find(|(old, _)| old == slug)
            {
                *slug = new.clone();
            }
        }
        let mut list = Self { lines };
        let old: Vec<String> = list.slugs().into_iter().map(str::to_owned).collect();
        let mut staying = std::collections::HashSet::new();
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, &old, slugs) {
            if let similar::DiffOp::Equal { old_index, len, .. } = op {
                staying.extend(old[old_index..old_index + len].iter().cloned());
            }
        }
        list.lines.retain(|line| {
            matches!(line, Line::Text(_))
                || matches!(line, Line::Patch(slug) if staying.contains(slug))
        });
        let mut after = None;
        for slug in slugs {
            let line = Line::Patch(slug.clone());
            let at = list.lines.iter().position(|other| *other == line);
            after = Some(match at {
                Some(at) => at,
                None => {
                    let first = list
                        .lines
                        .iter()
                        .position(|other| matches!(other, Line::Patch(_)));
                    let at =
                        after.map_or(first.unwrap_or(list.lines.len()), |after: usize| after + 1);
                    list.lines.insert(at, line);
                    at
                }
            });
        }
        list
    }

    /// The file's text.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line) => text += line,
                Line::Patch(slug) => text += &format!("{slug}.patch"),
            }
            text.push('\n');
        }
        text
    }
}
