//! Says which systems an extension module can be loaded on: from which version of the C library on.

use crate::error::{Failure, Result};
use crate::glibc;
use std::path::Path;

/// The platform tag of PEP 600 for a file.
///
/// # Errors
/// When it cannot be read, or needs no version of the C library.
pub fn tag(file: &Path) -> Result<String> {
    let floor = glibc::needed_by(file)?.ok_or_else(|| {
        Failure::environment("an extension module does not tell which C library it needs")
            .at(file.display())
            .next("only Linux with glibc has wheels")
    })?;
    Ok(format!(
        "manylinux_{}_{}_{}",
        floor.major,
        floor.minor,
        std::env::consts::ARCH
    ))
}
