//! Writes files so that a reader or a killed command never sees half of one, and removes them.

use crate::error::{Context, Result};
use std::io::Write;
use std::path::Path;

/// Puts `content` into `file`, through a temporary file beside it that is renamed.
///
/// # Errors
/// When the folder or the file cannot be written; the old file is then still there.
pub fn write_atomically(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).doing("make a folder", folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".clinker-")
        .permissions(permissions())
        .tempfile_in(folder)
        .doing("make a temporary file in", folder)?;
    temporary.write_all(content).doing("write", file)?;
    temporary.persist(file).doing("write", file)?;
    Ok(())
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

/// What a new file may have before the umask: a temporary file's own default keeps everybody else out.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}
