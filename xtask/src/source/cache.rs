//! The cache of verified tarballs, shared by all repositories of a user.
//!
//! A file gets its final name only after its hash was checked. One that does not have it is passed over and replaced by the next
//! that has, so that a damaged cache heals by itself; it is not removed before, because the recorded hash may be wrong.

use super::{Answer, unpack};
use crate::error::{Context, Result};
use crate::port::Release;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The place of one release's tarball in the cache.
pub struct Cache<'a> {
    release: &'a Release,
    file: PathBuf,
}

impl<'a> Cache<'a> {
    /// The place of `release`, whether or not anything is there.
    pub fn open(workspace: &Workspace, release: &'a Release) -> Self {
        let name = release
            .tarball
            .as_deref()
            .and_then(|address| address.rsplit('/').next())
            .filter(|name| !name.is_empty() && *name != "..")
            .map_or_else(|| format!("{}.tar.xz", release.version), str::to_owned);
        Self {
            release,
            file: workspace.cache().join(name),
        }
    }

    /// The tarball's file.
    pub fn file(&self) -> PathBuf {
        self.file.clone()
    }

    /// A download that has not been verified yet.
    pub fn partial(&self) -> PathBuf {
        self.beside(".part")
    }

    /// The lock of whoever writes this tarball.
    pub fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.file);
        name.push(suffix);
        name.into()
    }

    /// The verified tarball, if it is here.
    pub fn look(&self) -> Result<Answer<PathBuf>> {
        if !self.file.is_file() {
            return Ok(Answer::Lacks(format!(
                "there is no {}",
                self.file.display()
            )));
        }
        let sum = unpack::sha256(&self.file)?;
        if sum == self.release.sha256 {
            return Ok(Answer::Have(self.file()));
        }
        Ok(Answer::Broken(format!(
            "the SHA-256 of {} is {sum}, and {} is recorded",
            self.file.display(),
            self.release.sha256
        )))
    }

    /// Gives a verified file its final name.
    pub fn keep(&self, verified: &Path) -> Result<PathBuf> {
        std::fs::rename(verified, &self.file).doing("put a tarball into the cache", &self.file)?;
        Ok(self.file())
    }
}
