//! What `readelf` says of programs and libraries.

use crate::error::{Context, Failure, Result};
use std::path::Path;
use std::process::Command;

/// The output of `readelf` with some options.
///
/// # Errors
/// When it cannot be run, or cannot read the file.
pub fn readelf(options: &[&str], file: &Path) -> Result<String> {
    let output = Command::new("readelf")
        .args(options)
        .arg(file)
        .output()
        .doing("run readelf on", file)?;
    if !output.status.success() {
        return Err(Failure::environment("readelf cannot read a program")
            .at(file.display())
            .because(String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
