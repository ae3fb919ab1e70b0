//! Locks that keep two commands from working on the same folder at once.
//!
//! A lock is held by the operating system for an open file, so that one left behind by a killed command is none. Programs that are
//! started while it is held inherit the file, and all that they start does, too: while any of them runs, the lock is held, even
//! when xtask itself was killed. So a second xtask waits for what the first has left running.

use crate::error::{Context, Result};
use crate::ui;
use std::fs::{File, TryLockError};
use std::path::Path;

/// A lock that is held until it is dropped, and all that was started meanwhile has ended.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock in `file`, which is made if need be; waits and says so while another command holds it.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn take(file: &Path) -> Result<Self> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        }
        let handle = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(file)
            .doing("open a lock", file)?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                ui::say(
                    "Waiting",
                    format_args!("for another command that holds {}", file.display()),
                );
                handle.lock().doing("wait for a lock", file)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).doing("take a lock", file),
        }
        rustix::io::fcntl_setfd(&handle, rustix::io::FdFlags::empty())
            .doing("share a lock", file)?;
        Ok(Self { _file: handle })
    }
}
