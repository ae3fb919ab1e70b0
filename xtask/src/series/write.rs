//! Writes a series to its folder: only files that differ, each at once, the lock last.

use super::apply::inconsistent;
use super::generate::Generator;
use super::journal::Journal;
use super::lock_file::{LockFile, sha256};
use super::restack::Placed;
use super::{List, Patch, Series, Stack, apply, slug};
use crate::commands::SourceOptions;
use crate::error::{Context, Failure, Kind, Result};
use crate::git::Database;
use crate::port::{Port, Release};
use crate::workspace::Workspace;
use git2::{DiffOptions, Oid};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files a series is to have.
pub struct Plan {
    /// The series as the files will say.
    pub series: Series,
    /// The series on the release that the files are made for.
    pub stack: Stack,
    /// Content of each file by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Releases to which it does not apply.
    pub misfits: Vec<Failure>,
}

/// Makes the files of a series whose patches are `placed` on `base_tree`.
///
/// # Errors
/// When two patches have one name, or the files would not give the trees they are made from.
pub fn plan(
    workspace: &Workspace,
    db: &Database,
    port: &Port,
    release: &Release,
    base_tree: Oid,
    placed: &[Placed],
    old: &List,
) -> Result<Plan> {
    let patches = patches(workspace, db, port, base_tree, placed)?;
    let names: Vec<String> = patches.iter().map(|patch| patch.slug.clone()).collect();
    let folder = workspace.root().join(&port.series);
    let list = old.with(&names, &renamed(placed));
    let series = Series::new(&folder, list, patches);
    let stack = apply(db, port, release, base_tree, &series, None)?;
    for (one, applied) in placed.iter().zip(&stack.applied) {
        if one.tree != applied.tree {
            return Err(inconsistent(format!(
                "patch {} does not give the tree it was made from",
                applied.slug
            ))
            .because(format!(
                "it was made from {}, it gives {}",
                one.tree, applied.tree
            )));
        }
    }

    let mut misfits = Vec::new();
    let mut stacks = BTreeMap::from([(release.version.clone(), stack.clone())]);
    for other in port
        .releases
        .iter()
        .filter(|other| other.version != release.version)
    {
        let Some(tree) = at_hand(workspace, port, other)? else {
            crate::ui::warn(format_args!(
                "CPython {} is not on this machine, so series.lock says nothing of it; `cargo xtask fetch --release {}`",
                other.version, other.version
            ));
            continue;
        };
        match apply(db, port, other, tree, &series, None) {
            Ok(stack) => {
                stacks.insert(other.version.clone(), stack);
            }
            Err(failure) if failure.kind == Kind::Person => misfits.push(failure),
            Err(failure) => return Err(failure),
        }
    }
    let lock = LockFile::of(&release.version, &series, &stacks)?;
    let mut files: BTreeMap<String, Vec<u8>> = series
        .patches()
        .iter()
        .map(|patch| (format!("{}.patch", patch.slug), patch.raw.clone()))
        .collect();
    files.insert("series".into(), series.list().print().into_bytes());
    files.insert("series.lock".into(), lock.print().into_bytes());
    Ok(Plan {
        series,
        stack,
        files,
        misfits,
    })
}

/// The patch files of what is `placed` on `base_tree`.
///
/// # Errors
/// When two patches have one name, or the database cannot be read.
pub fn patches(
    workspace: &Workspace,
    db: &Database,
    port: &Port,
    base_tree: Oid,
    placed: &[Placed],
) -> Result<Vec<Patch>> {
    let folder = workspace.root().join(&port.series);
    let generator = Generator::new(db, port)?;
    let renamed = renamed(placed);
    let mut patches = Vec::new();
    let mut seen = BTreeSet::new();
    let mut parent = base_tree;
    for one in placed {
        let name = slug(one.message.subject());
        if name.is_empty() || !seen.insert(name.clone()) {
            return Err(
                Failure::environment(format!("two patches would be called {name}.patch"))
                    .because(format!(
                        "the name is made from the subject `{}`",
                        one.message.subject()
                    ))
                    .next("give one of them another subject"),
            );
        }
        let mut message = one.message.clone();
        message.text = rename_dependencies(&message.text, &renamed);
        let mail = message.mail(&diff(db, &generator, parent, one.tree)?);
        let file = folder.join(format!("{name}.patch"));
        patches.push(Patch::parse(&name, &file, mail)?);
        parent = one.tree;
    }
    Ok(patches)
}

/// Old and new names of patches whose subject has another name than their file.
fn renamed(placed: &[Placed]) -> Vec<(String, String)> {
    let pairs = placed
        .iter()
        .filter_map(|one| Some((one.slug.clone()?, slug(one.message.subject()))));
    pairs.filter(|(old, new)| old != new).collect()
}

/// Tree of a release, if it can be had without a network.
fn at_hand(workspace: &Workspace, port: &Port, release: &Release) -> Result<Option<Oid>> {
    let options = SourceOptions {
        port: port.name.clone(),
        release: Some(release.version.clone()),
        source: None,
        offline: true,
    };
    match crate::source::obtain(workspace, port, &options) {
        Ok(obtained) => Ok(Some(obtained.tree)),
        Err(failure) if failure.kind == Kind::Environment => Ok(None),
        Err(failure) => Err(failure),
    }
}

impl Plan {
    /// Writes the files that differ, removes the patches in `gone`, and returns the names of all of these.
    ///
    /// # Errors
    /// When a file cannot be written; the next command finishes it.
    pub fn write(
        &self,
        workspace: &Workspace,
        db: &Database,
        port: &Port,
        gone: &[String],
    ) -> Result<Vec<String>> {
        let mut contents: BTreeMap<_, _> = gone
            .iter()
            .map(|slug| (format!("{slug}.patch"), None))
            .collect();
        for (name, content) in &self.files {
            contents.insert(name.clone(), Some(content.clone()));
        }
        Journal::plan(db, self.series.folder(), &contents)?
            .write(db, &Journal::path(workspace, &port.name))
    }

    /// SHA-256 of each file.
    pub fn sums(&self) -> BTreeMap<String, String> {
        self.files
            .iter()
            .map(|(name, content)| (name.clone(), sha256(content)))
            .collect()
    }
}

/// SHA-256 of the files a series has now.
///
/// # Errors
/// When one cannot be read.
pub fn sums(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(sums);
    }
    for entry in std::fs::read_dir(folder).doing("list", folder)? {
        let name = entry
            .doing("list", folder)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".patch") || name == "series" {
            let file = folder.join(&name);
            sums.insert(name, sha256(&std::fs::read(&file).doing("read", &file)?));
        }
    }
    Ok(sums)
}

/// The diff of two trees as patches have it: without generated files, with whole blob ids, and binary where a line ends
/// in CR LF, because `git am` takes the CR for the mail's.
///
/// # Errors
/// When the database cannot be read.
pub fn diff(db: &Database, generator: &Generator, parent: Oid, tree: Oid) -> Result<Vec<u8>> {
    whole_diff(db, parent, generator.with_files_of(tree, parent)?)
}

/// The diff of two trees in the same form, with all files.
///
/// # Errors
/// When the database cannot be read.
pub fn whole_diff(db: &Database, parent: Oid, tree: Oid) -> Result<Vec<u8>> {
    let (parent, tree) = (db.tree(parent)?, db.tree(tree)?);
    let print =
        |options: &mut DiffOptions| -> std::result::Result<Vec<(String, Vec<u8>)>, git2::Error> {
            let diff =
                db.repository()
                    .diff_tree_to_tree(Some(&parent), Some(&tree), Some(options))?;
            let mut files = Vec::new();
            for (position, delta) in diff.deltas().enumerate() {
                let path = delta.new_file().path().or(delta.old_file().path());
                let path = path
                    .map(|path| path.to_string_lossy().into_owned())
                    .unwrap_or_default();
                if let Some(mut patch) = git2::Patch::from_diff(&diff, position)? {
                    files.push((path, patch.to_buf()?.to_vec()));
                }
            }
            Ok(files)
        };
    let failed = |error: git2::Error| db.failed("make a diff", error);
    let mut text = Vec::new();
    for (path, patch) in print(&mut options()).map_err(failed)? {
        if patch.windows(2).any(|bytes| bytes == b"\r\n") {
            let mut binary = options();
            binary
                .force_binary(true)
                .disable_pathspec_match(true)
                .pathspec(&path);
            for (_, patch) in print(&mut binary).map_err(failed)? {
                text.extend(patch);
            }
        } else {
            text.extend(patch);
        }
    }
    Ok(text)
}

fn options() -> DiffOptions {
    let mut options = DiffOptions::new();
    options
        .context_lines(3)
        .interhunk_lines(0)
        .id_abbrev(40)
        .old_prefix("a")
        .new_prefix("b")
        .show_binary(true)
        .indent_heuristic(true);
    options
}

/// A message in which patches it depends on have their new names.
fn rename_dependencies(text: &str, renamed: &[(String, String)]) -> String {
    let lines = text.lines().map(|line| {
        let renamed = line.strip_prefix("Depends-On: ").and_then(|slug| {
            let (_, new) = renamed.iter().find(|(old, _)| old == slug.trim())?;
            Some(format!("Depends-On: {new}"))
        });
        renamed.unwrap_or_else(|| line.to_owned()) + "\n"
    });
    lines.collect()
}
