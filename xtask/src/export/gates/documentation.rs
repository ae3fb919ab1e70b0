//! CPython's documentation, built with Sphinx: the pages and NEWS entries that a topic touches give no new warnings.
//!
//! Sphinx reads all pages, once, and afterwards those that changed. It resolves the references of the pages that were
//! touched; what those of others lead to is not looked at again. `--nitpick` is what upstream's CI builds with.

use super::{Complaint, Gate, Sources, Time};
use crate::error::{Context, Result};
use crate::files::remove_if_there;
use crate::pip::{self, Packages};
use regex::Regex;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub const GATE: Gate = Gate {
    name: "docs-build",
    tool: "Doc/conf.py",
    time: Time::Minutes,
    run,
};

/// Entries of NEWS, which are part of one page.
const NEWS: &str = "Misc/NEWS.d/";
const CHANGELOG: &str = "Doc/whatsnew/changelog.rst";
/// What all entries are put together in, for that page.
const MERGED: &str = "Doc/build/NEWS";

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let mut pages = sources.changed(is_page);
    if !sources.changed(|path| path.starts_with(NEWS)).is_empty() {
        pages.push(CHANGELOG);
    }
    pages.retain(|page| sources.files.contains_key(*page));
    if pages.is_empty() {
        return Ok(Vec::new());
    }
    let packages = install(sources)?;
    let doc = sources.folder.join("Doc");
    let build = doc.join("build");
    std::fs::create_dir_all(&build).doing("make a folder", &build)?;
    merge_news(sources)?;
    // A page that is not read anew has no warnings, whether or not it deserves them.
    for page in &pages {
        let name = page.trim_start_matches("Doc/").trim_end_matches(".rst");
        remove_if_there(&build.join("doctrees").join(format!("{name}.doctree")))?;
    }
    let warnings = build.join("warnings");
    remove_if_there(&warnings)?;
    let mut command = sources.command(&doc);
    command
        .env("PYTHONPATH", &packages)
        .args(["-m", "sphinx", "--builder", "dummy", "--nitpick", "--quiet"])
        .args(["--jobs", "auto", "--doctree-dir", "build/doctrees"])
        .args(["--warning-file", "build/warnings", ".", "build/dummy"])
        .args(pages.iter().map(|page| page.trim_start_matches("Doc/")));
    let output = sources.output(&mut command)?;
    if !output.status.success() || !warnings.exists() {
        return Err(sources.broken("sphinx", output));
    }
    let text = std::fs::read_to_string(&warnings).doing("read", &warnings)?;
    let root = std::fs::canonicalize(sources.folder).doing("find", sources.folder)?;
    Ok(read(&text, &root, &pages))
}

fn is_page(path: &str) -> bool {
    path.starts_with("Doc/")
        && path.ends_with(".rst")
        && !path.starts_with("Doc/includes/")
        && path != "Doc/README.rst"
}

/// Sphinx and what it needs, pinned; returns their folder.
fn install(sources: &Sources) -> Result<PathBuf> {
    let file = sources.workspace.ports().join(sources.port);
    let file = file.join("docs").join("requirements.txt");
    let requirements = std::fs::read_to_string(&file).doing("read", &file)?;
    let folder = sources.folder.with_file_name("docs-packages");
    let python: OsString = sources.python.into();
    Packages {
        folder: folder.clone(),
        name: "what CPython's documentation is built with",
        requirements: &requirements,
        pip: vec![python, "-m".into(), "pip".into()],
        sources: pip::Sources::Refuse,
    }
    .install(sources.workspace)?;
    Ok(folder)
}

/// Writes the entries of NEWS into one file as they are in upstream's; the port's releases have none of their own. blurb itself
/// refuses entries whose issue has no number yet.
fn merge_news(sources: &Sources) -> Result<()> {
    let mut text = String::from("Next\n====\n\n");
    let entries = sources.files.keys().filter(|path| path.starts_with(NEWS));
    for path in entries.filter(|path| path.ends_with(".rst")) {
        let file = sources.folder.join(path);
        let entry = std::fs::read_to_string(&file).doing("read", &file)?;
        text += &as_item(&entry);
    }
    let file = sources.folder.join(MERGED);
    std::fs::write(&file, text).doing("write", &file)
}

/// An entry as an item of a list.
fn as_item(entry: &str) -> String {
    let lines: Vec<&str> = entry.trim().lines().collect();
    format!("- {}\n\n", lines.join("\n  ")).replace("\n  \n", "\n\n")
}

/// What Sphinx says of some pages.
fn read(text: &str, root: &Path, pages: &[&str]) -> Vec<Complaint> {
    let line = Regex::new(r"^(/.*?)(?::\d+)?: (?:WARNING|ERROR|CRITICAL|SEVERE): (.*)$")
        .expect("a valid expression");
    let mut complaints = Vec::new();
    for found in text.lines().filter_map(|text| line.captures(text)) {
        let path = Path::new(&found[1]);
        let path = path.strip_prefix(root).unwrap_or(path);
        let path = path.to_string_lossy().into_owned();
        let is_news = path == MERGED && pages.contains(&CHANGELOG);
        if is_news || pages.contains(&path.as_str()) {
            complaints.push(Complaint {
                path: if is_news { NEWS.to_owned() } else { path },
                message: format!("the documentation's build says: {}", &found[2]),
            });
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_touched_pages_are_read_without_their_line() {
        let text = "/t/Doc/library/a.rst:12: WARNING: py:func reference target not found: f [ref.func]\n\
                    /t/Doc/library/a.rst: WARNING: document isn't included in any toctree\n\
                    /t/Doc/library/b.rst:1: WARNING: old\n\
                    /t/Doc/build/NEWS:4: WARNING: bad entry\ncontinued\n";
        let found = |pages: &[&str]| -> Vec<String> {
            read(text, Path::new("/t"), pages)
                .into_iter()
                .map(|complaint| format!("{} {}", complaint.path, complaint.message))
                .collect()
        };
        assert_eq!(
            found(&["Doc/library/a.rst"]),
            [
                "Doc/library/a.rst the documentation's build says: py:func reference target not found: f [ref.func]",
                "Doc/library/a.rst the documentation's build says: document isn't included in any toctree",
            ]
        );
        assert_eq!(
            found(&[CHANGELOG]),
            ["Misc/NEWS.d/ the documentation's build says: bad entry"]
        );
    }

    #[test]
    fn entries_are_items() {
        assert_eq!(
            as_item("One.\nTwo.\n\nThree.\n"),
            "- One.\n  Two.\n\n  Three.\n\n"
        );
    }

    #[test]
    fn what_is_included_elsewhere_is_no_page() {
        assert!(is_page("Doc/library/sys.rst"));
        assert!(
            !is_page("Doc/includes/x.rst") && !is_page("Doc/README.rst") && !is_page("Lib/x.rst")
        );
    }
}
