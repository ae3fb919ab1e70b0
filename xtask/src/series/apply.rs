//! Applies a series to a release in the object database.

use super::conflict::{self, Scene};
use super::generate::Generator;
use super::relocate::relocated;
use super::{LockFile, Patch, Series};
use crate::error::{Failure, Result};
use crate::git::Database;
use crate::port::{Port, Release};
use git2::{ApplyOptions, Diff, Oid};

/// A series on top of a release.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Root commit with the release's sources.
    pub base: Oid,
    /// Tree of the base.
    pub base_tree: Oid,
    /// The patches' commits in order.
    pub applied: Vec<Applied>,
}

/// A patch's commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Name of the patch.
    pub slug: String,
    /// Its commit.
    pub commit: Oid,
    /// The commit's tree, generated files included.
    pub tree: Oid,
}

impl Stack {
    /// Tree of the last patch.
    pub fn tip_tree(&self) -> Oid {
        self.applied.last().map_or(self.base_tree, |last| last.tree)
    }

    /// Commit of the last patch.
    pub fn tip(&self) -> Oid {
        self.applied.last().map_or(self.base, |last| last.commit)
    }

    /// Tree that the patch at `position` was applied to.
    pub fn parent_tree(&self, position: usize) -> Oid {
        match position.checked_sub(1) {
            Some(before) => self.applied[before].tree,
            None => self.base_tree,
        }
    }
}

/// Applies the patches of `series`, up to the one called `through`, to the sources in `base_tree`.
///
/// # Errors
/// When a patch does not apply: the failure names the patch's line and the target's. When a generator fails.
pub fn apply(
    db: &Database,
    port: &Port,
    release: &Release,
    base_tree: Oid,
    series: &Series,
    through: Option<&str>,
) -> Result<Stack> {
    let last = match through {
        Some(slug) => series.position(slug)? + 1,
        None => series.patches().len(),
    };
    let generator = Generator::new(db, port)?;
    let base = db.base(release, base_tree)?;
    let mut stack = Stack {
        base,
        base_tree,
        applied: Vec::new(),
    };
    for patch in &series.patches()[..last] {
        let tree = apply_one(db, &generator, stack.tip_tree(), patch).map_err(|reason| {
            let scene = Scene {
                db,
                port,
                before: release,
                release,
                base: base_tree,
                tree: stack.tip_tree(),
                earlier: series.patches()[..stack.applied.len()].iter().collect(),
                history: None,
            };
            let failure = conflict::explain(&scene, patch, &reason);
            let made_for = LockFile::load(series.folder()).ok().flatten();
            let failure = match made_for.filter(|lock| lock.release != release.version) {
                Some(lock) => failure
                    .because(format!(
                        "the patch files are made for CPython {}",
                        lock.release
                    ))
                    .next(format!(
                        "`cargo xtask bump --to {}` moves them",
                        release.version
                    )),
                None => failure,
            };
            failure
                .next(format!("correct {} by hand", patch.file.display()))
                .next("or take its line out of `series`, and then `cargo xtask patch refresh`")
        })?;
        let tree = generator
            .run(stack.tip_tree(), tree)
            .map_err(|mut failure| {
                failure.what = format!("patch {}: {}", patch.slug, failure.what);
                failure
            })?;
        let commit = db.commit(&patch.message, tree, Some(stack.tip()))?;
        stack.applied.push(Applied {
            slug: patch.slug.clone(),
            commit,
            tree,
        });
    }
    if through.is_none() {
        db.keep(&format!("stack/{}", release.version), stack.tip())?;
    }
    Ok(stack)
}

/// Applies the diff of one patch, without files that are generated, to a tree; on failure returns git's reason.
pub(super) fn apply_one(
    db: &Database,
    generator: &Generator,
    tree: Oid,
    patch: &Patch,
) -> std::result::Result<Oid, String> {
    let run = || -> std::result::Result<Oid, git2::Error> {
        let text = relocated(patch, |path| conflict::text(db, tree, path));
        let diff = Diff::from_buffer(&text)?;
        let tree = db.repository().find_tree(tree)?;
        let mut options = ApplyOptions::new();
        options.delta_callback(|delta| {
            let path = delta.and_then(|delta| {
                delta
                    .new_file()
                    .path()
                    .or(delta.old_file().path())
                    .map(ToOwned::to_owned)
            });
            !path.is_some_and(|path| generator.makes(&path.to_string_lossy()))
        });
        let mut index = db
            .repository()
            .apply_to_tree(&tree, &diff, Some(&mut options))?;
        index.write_tree_to(db.repository())
    };
    run().map_err(|error| error.message().to_owned())
}

/// The failure of something that cannot be.
pub(super) fn inconsistent(what: String) -> Failure {
    Failure::integrity(what).next("please report this with the series that shows it")
}
