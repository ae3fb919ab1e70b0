//! Turns a folder of raw files into a git tree, in the form upstream's repository stores it.

use super::{Database, EXECUTABLE, LINK, REGULAR};
use crate::error::{Context, Failure, Result};
use crate::port::Normalize;
use git2::Oid;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

impl Database {
    /// Writes all files of `folder` and returns their tree. Execute permissions and symbolic links are kept; empty
    /// folders are left out, as git does. A `.git` at the top is never taken in.
    ///
    /// # Errors
    /// When a file cannot be read, is neither a file nor a link, or the database cannot be written.
    pub fn import(&self, folder: &Path, normalize: &Normalize) -> Result<Oid> {
        let rules = Rules {
            lf: patterns(&normalize.lf)?,
            absent: patterns(&normalize.absent)?,
        };
        match self.import_folder(folder, Path::new(""), &rules)? {
            Some(tree) => Ok(tree),
            None => Err(Failure::environment("the folder has no files").at(folder.display())),
        }
    }

    fn import_folder(&self, folder: &Path, inside: &Path, rules: &Rules) -> Result<Option<Oid>> {
        let mut builder = self
            .repository
            .treebuilder(None)
            .map_err(|error| self.failed("make a tree", error))?;
        for entry in std::fs::read_dir(folder).doing("list", folder)? {
            let entry = entry.doing("list", folder)?;
            let name = entry.file_name();
            let path = inside.join(&name);
            if rules.absent.is_match(&path) || path == Path::new(".git") {
                continue;
            }
            let file = entry.path();
            let metadata = std::fs::symlink_metadata(&file).doing("look at", &file)?;
            let (id, mode) = if metadata.is_dir() {
                match self.import_folder(&file, &path, rules)? {
                    Some(tree) => (tree, 0o040_000),
                    None => continue,
                }
            } else {
                let mut content = content(&file, &metadata)?;
                let mode = mode(&metadata);
                if mode != LINK && rules.lf.is_match(&path) {
                    unix_line_ends(&mut content);
                }
                let id = self
                    .repository
                    .blob(&content)
                    .map_err(|error| self.failed("store a file", error))?;
                (id, mode)
            };
            builder
                .insert(name.as_bytes(), id, mode)
                .map_err(|error| self.failed(&format!("store {}", path.display()), error))?;
        }
        if builder.is_empty() {
            return Ok(None);
        }
        builder
            .write()
            .map(Some)
            .map_err(|error| self.failed("store a tree", error))
    }
}

struct Rules {
    lf: GlobSet,
    absent: GlobSet,
}

/// A set of globs in which `*` does not match `/`.
pub fn patterns(globs: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    let wrong =
        |error: globset::Error| Failure::environment("a pattern is not valid").because(error);
    for glob in globs {
        set.add(
            GlobBuilder::new(glob)
                .literal_separator(true)
                .build()
                .map_err(wrong)?,
        );
    }
    set.build().map_err(wrong)
}

/// What git stores of a file: its bytes, or where a link points to.
pub fn content(file: &Path, metadata: &Metadata) -> Result<Vec<u8>> {
    if metadata.is_symlink() {
        let target = std::fs::read_link(file).doing("read a link", file)?;
        Ok(target.as_os_str().as_bytes().to_owned())
    } else if metadata.is_file() {
        std::fs::read(file).doing("read", file)
    } else {
        Err(Failure::environment("neither a file, a folder nor a symbolic link").at(file.display()))
    }
}

/// A file's mode as git stores it.
pub fn mode(metadata: &Metadata) -> i32 {
    if metadata.is_symlink() {
        LINK
    } else if metadata.permissions().mode() & 0o100 != 0 {
        EXECUTABLE
    } else {
        REGULAR
    }
}

fn unix_line_ends(content: &mut Vec<u8>) {
    let mut previous = 0;
    let old = std::mem::take(content);
    content.reserve(old.len());
    for byte in old {
        if byte == b'\n' && previous == b'\r' {
            content.pop();
        }
        content.push(byte);
        previous = byte;
    }
}
