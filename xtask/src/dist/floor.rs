//! Which version of glibc an archive needs: measured from the symbols of its programs and libraries.

use crate::error::{Context, Result};
use crate::glibc::{Version, needed_by};
use crate::port::Port;
use crate::validate::Check;
use std::path::{Path, PathBuf};

/// The oldest glibc that all files of an archive can be used with.
#[derive(Debug, PartialEq, Eq)]
pub struct Floor {
    /// Its version.
    pub version: Version,
    /// A file that needs it.
    pub file: PathBuf,
}

/// What the files below `root` need, if one of them needs any.
pub fn of(root: &Path) -> Result<Option<Floor>> {
    let mut floor: Option<Floor> = None;
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.doing("list", root)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let Some(version) = needed_by(entry.path())? else {
            continue;
        };
        if floor.as_ref().is_none_or(|floor| version > floor.version) {
            let file = entry.path();
            floor = Some(Floor {
                version,
                file: file.strip_prefix(root).unwrap_or(file).to_owned(),
            });
        }
    }
    Ok(floor)
}

/// The unpacked archive needs no newer glibc than the port states; no check if it states none.
pub fn check(port: &Port, unpacked: &Path) -> Option<Check> {
    const NAME: &str = "glibc";
    let stated = port.abi.glibc?;
    let checked = of(unpacked).map(|floor| match floor {
        None => Check::of(NAME, &[], "nothing needs it"),
        Some(Floor { version, file }) => {
            let found = format!("{version}, for {}", file.display());
            let too_new = (version > stated).then(|| {
                format!(
                    "{found}; the port states {stated}: build it on a system with an older glibc"
                )
            });
            Check::of(NAME, too_new.as_slice(), found)
        }
    });
    Some(Check::made(NAME, checked))
}
