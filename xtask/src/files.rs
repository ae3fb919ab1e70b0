//! Writes files so that a reader or a killed command never sees half of one, and removes them.

use crate::error::{Context, Result};
use std::path::Path;

/// Puts `content` into `file`, through a temporary file beside it that is renamed. Its name is always the same: what a killed
/// command left of it is overwritten by the next. So whoever writes a file holds the lock that is for it, if others may.
///
/// # Errors
/// When the folder or the file cannot be written; the old file is then still there.
pub fn write_atomically(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).doing("make a folder", folder)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".clinker-{name}"));
    std::fs::write(&temporary, content)
        .and_then(|()| std::fs::rename(&temporary, file))
        .doing("write", file)
        .inspect_err(|_| drop(std::fs::remove_file(&temporary)))
}

/// Removes a file, unless it is not there.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_if_there(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove", file)
        }
        _ => Ok(()),
    }
}
