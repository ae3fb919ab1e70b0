//! Hashes and unpacks tarballs.
//!
//! Nothing is ever written outside the folder that is unpacked to, whatever names a tarball holds.

use crate::error::{Context, Failure, Result};
use crate::ui;
use crate::workspace::Workspace;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

/// A temporary folder on the disk of the target directory; those of killed commands are swept away.
pub fn temporary(workspace: &Workspace) -> Result<TempDir> {
    let folder = workspace.output().join("tmp");
    std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
    sweep(&folder);
    tempfile::Builder::new()
        .prefix("source-")
        .tempdir_in(&folder)
        .doing("make a temporary folder in", &folder)
}

/// Removes what commands that were killed more than a day ago have left; that it cannot be removed harms nobody.
fn sweep(folder: &Path) {
    const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok();
        let age = modified.and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > DAY)
            && entry.file_name().to_string_lossy().starts_with("source-")
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal.
pub fn sha256(file: &Path) -> Result<String> {
    let mut reader = File::open(file).doing("open", file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer).doing("read", file)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Unpacks a `.tar.xz` into `folder`, without the one folder all of it stands in.
pub fn tarball(tarball: &Path, folder: &Path) -> Result<()> {
    let step = ui::Step::new("Unpacking", file_name(tarball));
    let file = BufReader::new(File::open(tarball).doing("open", tarball)?);
    tar(liblzma::read::XzDecoder::new(file), folder, tarball)?;
    step.done();
    Ok(())
}

/// Unpacks a stream in tar format into `folder`, without the one folder all of it stands in.
pub fn tar(stream: impl Read, folder: &Path, name: &Path) -> Result<()> {
    let mut archive = tar::Archive::new(stream);
    let broken = |error: std::io::Error| {
        if error.raw_os_error().is_some() {
            return Err(error).doing("unpack", name);
        }
        Err(Failure::integrity("the tarball cannot be unpacked")
            .at(name.display())
            .because(error)
            .next("remove it and run the same command again"))
    };
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return broken(error),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return broken(error),
        };
        if matches!(entry.header().entry_type(), tar::EntryType::XGlobalHeader) {
            continue;
        }
        let path = match entry.path() {
            Ok(path) => path.into_owned(),
            Err(error) => return broken(error),
        };
        let Some(inside) = below_first(&path) else {
            continue;
        };
        let to = folder.join(&inside);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).doing("make a folder", parent)?;
        }
        if let Err(error) = entry.unpack(&to) {
            let storage = std::error::Error::source(&error)
                .and_then(|source| source.downcast_ref::<std::io::Error>())
                .and_then(std::io::Error::raw_os_error);
            return match storage {
                Some(code) => Err(std::io::Error::from_raw_os_error(code)).doing("write", &to),
                None => broken(error),
            };
        }
    }
    Ok(())
}

/// The path below its first folder, or none for that folder and for a path that would lead elsewhere.
fn below_first(path: &Path) -> Option<PathBuf> {
    let mut components = path.components().filter(|part| *part != Component::CurDir);
    components.next()?;
    let rest: PathBuf = components
        .map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect::<Option<_>>()?;
    (!rest.as_os_str().is_empty()).then_some(rest)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
