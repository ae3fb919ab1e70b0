//! The patch series of a port: its files, and what comes out of applying it.
//!
//! A series is applied in the object database, strictly (exact context, other line numbers allowed), and a patch's commit
//! holds the files generated from what it changed. No work tree is touched before all of it is there.

mod apply;
pub mod check;
mod conflict;
mod diff;
mod editing;
mod generate;
mod incoming;
mod journal;
mod list;
mod lock_file;
mod mail;
mod relocate;
mod restack;
mod session;
mod trailers;
mod workflow;
mod write;

pub use apply::{Applied, Stack, apply};
pub use diff::{FileDiff, Hunk};
pub use list::List;
pub use lock_file::LockFile;
pub use mail::{Patch, slug};
pub use trailers::{AREAS, News, OURS, Status, Trailers, split};
pub use workflow::{Report, Workshop};
pub use write::whole_diff;

use crate::error::{Context, Failure, Result};
use crate::git::Database;
use crate::port::Port;
use crate::workspace::Workspace;
use journal::Journal;
use std::path::{Path, PathBuf};

/// A port's patches in order.
#[derive(Debug, Clone)]
pub struct Series {
    folder: PathBuf,
    list: List,
    patches: Vec<Patch>,
}

impl Series {
    /// Reads the series of a port. A folder without a `series` file is a series without patches.
    ///
    /// # Errors
    /// When a file cannot be read or is not a patch.
    pub fn load(workspace: &Workspace, port: &Port) -> Result<Self> {
        let journal = Journal::path(workspace, &port.name);
        if journal.exists() {
            // Either somebody is writing right now, or somebody was killed while writing.
            let _place = session::Place::take(workspace, &port.name)?;
            Journal::recover(&Database::open(workspace, &port.name)?, &journal)?;
        }
        Self::read(workspace.root().join(&port.series))
    }

    /// Reads the series of a folder.
    ///
    /// # Errors
    /// When a file cannot be read or is not a patch.
    pub fn read(folder: PathBuf) -> Result<Self> {
        let file = folder.join("series");
        let text = if file.exists() {
            std::fs::read_to_string(&file).doing("read the series", &file)?
        } else {
            String::new()
        };
        let list = List::parse(&text, &file)?;
        let mut patches = Vec::new();
        for slug in list.slugs() {
            let file = folder.join(format!("{slug}.patch"));
            let raw = std::fs::read(&file).map_err(|error| {
                Failure::check(format!("patch {slug} cannot be read"))
                    .at(file.display())
                    .because(error)
                    .next(format!(
                        "restore the file, or take its line out of {}",
                        folder.join("series").display()
                    ))
            })?;
            patches.push(Patch::parse(slug, &file, raw)?);
        }
        Ok(Self {
            folder,
            list,
            patches,
        })
    }

    /// A series that is in no file yet.
    pub fn new(folder: &Path, list: List, patches: Vec<Patch>) -> Self {
        Self {
            folder: folder.to_owned(),
            list,
            patches,
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its `series` file.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// Its patches in order.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Position of a patch.
    ///
    /// # Errors
    /// When there is no such patch.
    pub fn position(&self, slug: &str) -> Result<usize> {
        let slug = slug.strip_suffix(".patch").unwrap_or(slug);
        self.patches
            .iter()
            .position(|patch| patch.slug == slug)
            .ok_or_else(|| {
                let known: Vec<_> = self
                    .patches
                    .iter()
                    .map(|patch| patch.slug.as_str())
                    .collect();
                let failure = Failure::environment(format!("there is no patch called {slug}"))
                    .at(self.folder.join("series").display());
                match similar::get_close_matches(slug, &known, 1, 0.5).first() {
                    Some(near) => failure.next(format!("did you mean {near}?")),
                    None => failure.next("`cargo xtask patch list` shows all patches"),
                }
            })
    }
}
