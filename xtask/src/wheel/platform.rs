//! Says which systems an extension module can be loaded on: from which version of the C library on.

use crate::error::{Failure, Result};
use crate::glibc;
use std::path::Path;

/// The platform tag of PEP 600 for some files: that of the one that needs most.
///
/// # Errors
/// When one cannot be read, or needs no version of the C library.
pub fn tag(files: &[&Path]) -> Result<String> {
    let floor = |file: &&Path| {
        glibc::needed_by(file)?.ok_or_else(|| {
            Failure::environment("an extension module does not tell which C library it needs")
                .at(file.display())
                .next("only Linux with glibc has wheels")
        })
    };
    let floors = files.iter().map(floor).collect::<Result<Vec<_>>>()?;
    let floor = floors.into_iter().max().expect("there are files");
    Ok(format!(
        "manylinux_{}_{}_{}",
        floor.major,
        floor.minor,
        std::env::consts::ARCH
    ))
}
