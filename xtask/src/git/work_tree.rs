//! Moves a work tree from one git tree to another, touching only files that differ.
//!
//! A marker beside the folder, `<folder>.tree.json`, says which tree the folder holds, which one it is being moved to
//! and what each file's size and time were when it was written. So a move that was killed is finished by the next one,
//! and a file that is neither as recorded nor as wanted is a user's edit: it is never overwritten, and nothing is moved.
//! A file that is missing is written again.

use super::import::{content, mode};
use super::{Database, Entry, LINK};
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::lock::Lock;
use git2::{ObjectType, Oid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What is known of a work tree.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    /// Tree the folder holds; none before the first move has ended.
    holds: Option<String>,
    /// Tree it is being moved to.
    moving: Option<String>,
    /// The files of `holds` as they were written.
    files: BTreeMap<String, Stamp>,
}

/// Size and time of a file: while they stay the same, so does its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp(u64, i64, i64, u32);

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self(
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.mode(),
        )
    }
}

/// What a move does with files that were edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edits {
    /// Moves nothing.
    Keep,
    /// Writes over them.
    Overwrite,
}

/// What stands at a path that a move looks at.
enum Found {
    /// Nothing.
    Nothing,
    /// The file the marker records, unchanged.
    Recorded,
    /// The file the move wants.
    Wanted(Stamp),
    /// What neither the recorded nor the wanted tree has there.
    Edit,
}

impl Database {
    /// Moves the work tree in `folder` to `tree`. Files that do not differ keep their times.
    ///
    /// # Errors
    /// When a file was edited since (nothing is changed then), or cannot be written.
    pub fn materialize(&self, tree: Oid, folder: &Path) -> Result<()> {
        self.move_tree(tree, folder, Edits::Keep)
    }

    /// Moves the work tree in `folder`, in which nothing is a user's, to `tree`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn overwrite(&self, tree: Oid, folder: &Path) -> Result<()> {
        self.move_tree(tree, folder, Edits::Overwrite)
    }

    fn move_tree(&self, tree: Oid, folder: &Path, policy: Edits) -> Result<()> {
        let _lock = Lock::take(&beside(folder, "lock"))?;
        let mut marker = Marker::read(folder)?;
        let wanted = self.files(tree)?;
        let recorded = self.recorded(marker.holds.as_deref())?;
        let half_moved = self.recorded(marker.moving.as_deref())?;

        let known = |file: &Path| {
            let path = file.strip_prefix(folder).ok().and_then(Path::to_str);
            path.is_some_and(|path| recorded.contains_key(path) || half_moved.contains_key(path))
        };

        let mut stamps = BTreeMap::new();
        let mut write = Vec::new();
        let mut remove = Vec::new();
        let mut edits = Vec::new();
        let paths: BTreeSet<&String> = wanted
            .keys()
            .chain(recorded.keys())
            .chain(half_moved.keys())
            .collect();
        for path in paths {
            let ours = [recorded.get(path), half_moved.get(path)];
            let goal = wanted.get(path);
            match look(
                &folder.join(path),
                marker.files.get(path),
                ours,
                goal,
                &known,
            )? {
                Found::Edit if policy == Edits::Keep => edits.push(path.clone()),
                Found::Edit if goal.is_none() => remove.push(path),
                Found::Edit => write.push(path),
                Found::Wanted(stamp) => {
                    stamps.insert(path.clone(), stamp);
                }
                Found::Nothing if goal.is_none() => {}
                Found::Nothing => write.push(path),
                Found::Recorded if goal.is_none() => remove.push(path),
                Found::Recorded => write.push(path),
            }
        }
        if !edits.is_empty() {
            return Err(self.edited(folder, &edits, &recorded, &wanted));
        }
        if write.is_empty() && remove.is_empty() && marker.is_at(tree) {
            return Ok(());
        }

        marker.moving = Some(tree.to_string());
        marker.write(folder)?;
        for path in remove {
            remove_file(folder, path)?;
        }
        let temporary = beside(folder, "new");
        for path in write {
            let stamp = self.write_file(wanted[path], &folder.join(path), &temporary)?;
            stamps.insert(path.clone(), stamp);
        }
        std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        Marker {
            holds: Some(tree.to_string()),
            moving: None,
            files: stamps,
        }
        .write(folder)
    }

    /// The files of a tree named in a marker. A tree that is no longer in the database says nothing about files.
    fn recorded(&self, tree: Option<&str>) -> Result<BTreeMap<String, Entry>> {
        match tree.and_then(|id| Oid::from_str(id).ok()) {
            Some(id) if self.has(id) => self.files(id),
            _ => Ok(BTreeMap::new()),
        }
    }

    fn write_file(&self, entry: Entry, file: &Path, temporary: &Path) -> Result<Stamp> {
        let parent = file.parent().unwrap_or(file);
        std::fs::create_dir_all(parent).doing("make a folder", parent)?;
        let bytes = self.blob(entry.id)?;
        match std::fs::remove_file(temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).doing("remove", temporary);
            }
            _ => {}
        }
        if entry.mode == LINK {
            let target = PathBuf::from(std::ffi::OsStr::from_bytes(&bytes));
            std::os::unix::fs::symlink(target, temporary).doing("make a link", file)?;
        } else {
            std::fs::write(temporary, bytes).doing("write", file)?;
            let permissions = std::fs::Permissions::from_mode(entry.mode as u32 & 0o777);
            std::fs::set_permissions(temporary, permissions)
                .doing("set the permissions of", file)?;
        }
        if file.is_dir() && !file.is_symlink() {
            // Only empty folders are left of it: anything else was taken for an edit.
            std::fs::remove_dir_all(file).doing("remove", file)?;
        }
        std::fs::rename(temporary, file).doing("write", file)?;
        let metadata = std::fs::symlink_metadata(file).doing("look at", file)?;
        Ok(Stamp::of(&metadata))
    }

    /// Saves a user's edits as a diff and says how to keep or discard them.
    fn edited(
        &self,
        folder: &Path,
        edits: &[String],
        recorded: &BTreeMap<String, Entry>,
        wanted: &BTreeMap<String, Entry>,
    ) -> Failure {
        let mut diff = Vec::new();
        for path in edits {
            let old = recorded.get(path).or_else(|| wanted.get(path));
            let old = old
                .and_then(|entry| self.blob(entry.id).ok())
                .unwrap_or_default();
            let file = folder.join(path);
            let new = std::fs::symlink_metadata(&file)
                .map_err(|_| ())
                .and_then(|metadata| content(&file, &metadata).map_err(|_| ()));
            let Ok(new) = new else { continue };
            let name = Path::new(path);
            if let Ok(mut patch) =
                git2::Patch::from_buffers(&old, Some(name), &new, Some(name), None)
                && let Ok(text) = patch.to_buf()
            {
                diff.extend_from_slice(&text);
            }
        }
        let saved = beside(folder, "edits.diff");
        let failure = Failure::environment(format!(
            "{} was edited, and these edits would be lost: {}",
            folder.display(),
            list(edits)
        ))
        .at(folder.display())
        .because("the files are neither as this command wrote them nor as it wants them; nothing was changed");
        let failure = match write_atomically(&saved, &diff) {
            Ok(()) => failure.next(format!(
                "to keep the edits: `cargo xtask patch new SUBJECT` or `cargo xtask patch edit SLUG`, then \
                 `git apply {}` in the folder it prints, then `cargo xtask patch refresh`",
                saved.display()
            )),
            Err(error) => failure.because(format!("the edits could not be saved either: {error}")),
        };
        let files: Vec<_> = edits
            .iter()
            .map(|path| folder.join(path).display().to_string())
            .collect();
        failure.next(format!(
            "to discard the edits: `rm -r {}` and run the same command again",
            files.join(" ")
        ))
    }
}

impl Marker {
    fn read(folder: &Path) -> Result<Self> {
        let file = beside(folder, "tree.json");
        match std::fs::read(&file) {
            // A marker that cannot be read says nothing: every file is then compared by content.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).doing("read", &file),
        }
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let file = beside(folder, "tree.json");
        let bytes = serde_json::to_vec(self).doing("write", &file)?;
        write_atomically(&file, &bytes)
    }

    fn is_at(&self, tree: Oid) -> bool {
        self.moving.is_none() && self.holds.as_deref() == Some(tree.to_string().as_str())
    }
}

/// Compares what stands at `file` with what was recorded (`ours`) and what is wanted (`goal`).
fn look(
    file: &Path,
    stamp: Option<&Stamp>,
    ours: [Option<&Entry>; 2],
    goal: Option<&Entry>,
    known: &dyn Fn(&Path) -> bool,
) -> Result<Found> {
    let metadata = match std::fs::symlink_metadata(file) {
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Found::Nothing);
        }
        Err(error) => return Err(error).doing("look at", file),
    };
    if metadata.is_dir() {
        // A folder that holds only files of ours goes when they go; any other is in the way.
        return Ok(if holds_only(file, known) {
            Found::Nothing
        } else {
            Found::Edit
        });
    }
    let now = Stamp::of(&metadata);
    if stamp == Some(&now) {
        return Ok(if goal.is_some() && goal == ours[0] {
            Found::Wanted(now)
        } else {
            Found::Recorded
        });
    }
    let id = Oid::hash_object(ObjectType::Blob, &content(file, &metadata)?).doing("hash", file)?;
    let there = Entry {
        id,
        mode: mode(&metadata),
    };
    Ok(if goal == Some(&there) {
        Found::Wanted(now)
    } else if ours.contains(&Some(&there)) {
        Found::Recorded
    } else {
        Found::Edit
    })
}

fn holds_only(folder: &Path, known: &dyn Fn(&Path) -> bool) -> bool {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .all(|entry| entry.is_ok_and(|entry| entry.file_type().is_dir() || known(entry.path())))
}

/// Removes a file and the folders that are empty without it.
fn remove_file(folder: &Path, path: &str) -> Result<()> {
    let file = folder.join(path);
    std::fs::remove_file(&file).doing("remove", &file)?;
    for parent in Path::new(path).ancestors().skip(1) {
        if parent.as_os_str().is_empty() || std::fs::remove_dir(folder.join(parent)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The file beside `folder` that ends in `suffix`.
pub fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    folder.with_file_name(name)
}

/// The first few names of a list.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
