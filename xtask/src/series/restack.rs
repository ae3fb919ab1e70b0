//! Puts changes on top of another tree, by three-way merges in the object database.
//!
//! Generated files are never merged: a change goes in without them, and they are made anew after it.

use super::generate::Generator;
use crate::error::Result;
use crate::git::{Database, Message};
use git2::{DiffOptions, MergeOptions, Oid};

/// A change that is to be a patch.
#[derive(Debug, Clone)]
pub struct Change {
    /// The patch it was, if it was one.
    pub slug: Option<String>,
    /// Author, date and message.
    pub message: Message,
    /// Tree it was made on.
    pub before: Oid,
    /// Tree it made.
    pub after: Oid,
}

/// A change in its new place.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The patch it was, if it was one.
    pub slug: Option<String>,
    /// Author, date and message.
    pub message: Message,
    /// Tree it gives, generated files included.
    pub tree: Oid,
}

/// What came of putting one change on a tree.
pub enum Outcome {
    /// The tree with the change.
    Tree(Oid),
    /// The tree has the change already.
    AlreadyThere,
    /// A person has to decide.
    Conflict,
}

/// Puts `change` on `parent`.
///
/// # Errors
/// When a generator fails or the database cannot be written.
pub fn place(
    db: &Database,
    generator: &Generator,
    parent: Oid,
    change: &Change,
) -> Result<Outcome> {
    let after = generator.with_files_of(change.after, change.before)?;
    if after == change.before {
        return Ok(Outcome::AlreadyThere);
    }
    let merged = if change.before == parent {
        after
    } else {
        match merge(db, change.before, parent, after)? {
            Some(tree) => tree,
            None if is_there(db, parent, change.before, after)? => {
                return Ok(Outcome::AlreadyThere);
            }
            None => return Ok(Outcome::Conflict),
        }
    };
    if merged == parent {
        return Ok(Outcome::AlreadyThere);
    }
    generator.run(parent, merged).map(Outcome::Tree)
}

fn merge(db: &Database, ancestor: Oid, ours: Oid, theirs: Oid) -> Result<Option<Oid>> {
    let mut options = MergeOptions::new();
    options.find_renames(false);
    let mut index = db
        .repository()
        .merge_trees(
            &db.tree(ancestor)?,
            &db.tree(ours)?,
            &db.tree(theirs)?,
            Some(&options),
        )
        .map_err(|error| db.failed("merge trees", error))?;
    if index.has_conflicts() {
        return Ok(None);
    }
    index
        .write_tree_to(db.repository())
        .map(Some)
        .map_err(|error| db.failed("store a tree", error))
}

/// Whether taking the change from `before` to `after` back applies to `tree`: then `tree` has it.
fn is_there(db: &Database, tree: Oid, before: Oid, after: Oid) -> Result<bool> {
    let mut options = DiffOptions::new();
    options.reverse(true);
    let (before, after) = (db.tree(before)?, db.tree(after)?);
    let diff = db
        .repository()
        .diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))
        .map_err(|error| db.failed("compare trees", error))?;
    Ok(db
        .repository()
        .apply_to_tree(&db.tree(tree)?, &diff, None)
        .is_ok())
}
