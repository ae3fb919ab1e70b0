//! Writes several files as if they were one: a write that was killed is finished by whoever comes next.
//!
//! The contents are put into the object database and listed in `target/clinker/edit/<port>.writing.json`; then the files
//! are written and the list is removed. A file that somebody changed in between is not overwritten.

use super::lock_file::sha256;
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::git::Database;
use crate::workspace::Workspace;
use git2::Oid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that are being written into a folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    folder: PathBuf,
    files: BTreeMap<String, Step>,
}

/// One file: what it was and what it is to be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// SHA-256 before; none when there was no file.
    before: Option<String>,
    /// Blob with the content after; none when the file is removed.
    after: Option<String>,
}

impl Journal {
    /// Where the journal of a port is.
    pub fn path(workspace: &Workspace, port: &str) -> PathBuf {
        workspace
            .output()
            .join("edit")
            .join(format!("{port}.writing.json"))
    }

    /// Plans to give the files of `folder` these contents; those without one are removed.
    ///
    /// # Errors
    /// When a file cannot be read or the database not be written.
    pub fn plan(
        db: &Database,
        folder: &Path,
        contents: &BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (name, content) in contents {
            let before = sum(&folder.join(name))?;
            if before == content.as_deref().map(sha256) {
                continue;
            }
            let blob = content
                .as_deref()
                .map(|content| db.repository().blob(content));
            let blob = blob
                .transpose()
                .map_err(|error| db.failed("store a file", error))?;
            let after = blob.map(|id| id.to_string());
            files.insert(name.clone(), Step { before, after });
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
        })
    }

    /// Writes the files and returns the names of those that changed.
    ///
    /// # Errors
    /// When a file cannot be written; the next command finishes it.
    pub fn write(self, db: &Database, journal: &Path) -> Result<Vec<String>> {
        if self.files.is_empty() {
            return Ok(Vec::new());
        }
        let text = serde_json::to_vec_pretty(&self).doing("write", journal)?;
        write_atomically(journal, &text)?;
        self.replay(db, journal)?;
        Ok(self.files.into_keys().collect())
    }

    /// Finishes a write that was killed. Returns the names of the files that it was to remove.
    ///
    /// # Errors
    /// When a file was changed since, or cannot be written.
    pub fn recover(db: &Database, journal: &Path) -> Result<Vec<String>> {
        if !journal.exists() {
            return Ok(Vec::new());
        }
        let text = std::fs::read(journal).doing("read", journal)?;
        let plan: Self = serde_json::from_slice(&text).doing("read", journal)?;
        crate::ui::say(
            "Finishing",
            format_args!("the interrupted write of {}", plan.folder.display()),
        );
        plan.replay(db, journal)?;
        let files = plan.files.into_iter();
        Ok(files
            .filter(|(_, step)| step.after.is_none())
            .map(|(name, _)| name)
            .collect())
    }

    fn replay(&self, db: &Database, journal: &Path) -> Result<()> {
        let mut todo = Vec::new();
        for (name, step) in &self.files {
            let file = self.folder.join(name);
            let after = match &step.after {
                Some(id) => Some(db.blob(Oid::from_str(id).doing("read", journal)?)?),
                None => None,
            };
            let now = sum(&file)?;
            if now == after.as_deref().map(sha256) {
                continue;
            }
            if now != step.before {
                return Err(Failure::person("a file was changed while the series was being written")
                    .at(file.display())
                    .because("it is neither as it was nor as it is to be")
                    .next("restore the series' folder, for example with `git checkout`, and run the same command again")
                    .next(format!("or keep the files as they are: `rm {}`", journal.display())));
            }
            todo.push((file, after));
        }
        for (file, after) in todo {
            match after {
                Some(content) => write_atomically(&file, &content)?,
                None => std::fs::remove_file(&file).doing("remove", &file)?,
            }
        }
        std::fs::remove_file(journal).doing("remove", journal)
    }
}

/// SHA-256 of a file, if there is one.
pub fn sum(file: &Path) -> Result<Option<String>> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(sha256(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("read", file),
    }
}
