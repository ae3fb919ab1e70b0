//! Says which systems an extension module can be loaded on: from which version of the C library on.

use crate::error::{Context, Failure, Result};
use regex::Regex;
use std::path::Path;
use std::process::Command;

/// The platform tag of PEP 600 for a file.
///
/// # Errors
/// When `readelf` cannot read it, or it needs no version of the C library.
pub fn tag(file: &Path) -> Result<String> {
    let output = Command::new("readelf")
        .args(["--version-info", "--wide"])
        .arg(file)
        .output()
        .doing("run readelf on", file)?;
    let floor = floor(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
        Failure::environment("an extension module does not tell which C library it needs")
            .at(file.display())
            .because(String::from_utf8_lossy(&output.stderr))
            .next("only Linux with glibc has wheels")
    })?;
    let (major, minor) = floor;
    Ok(format!(
        "manylinux_{major}_{minor}_{}",
        std::env::consts::ARCH
    ))
}

/// The highest version of glibc that is needed.
fn floor(versions: &str) -> Option<(u32, u32)> {
    let version = Regex::new(r"\bGLIBC_(\d+)\.(\d+)").expect("a valid expression");
    let found = version.captures_iter(versions);
    found
        .filter_map(|found| Some((found[1].parse().ok()?, found[2].parse().ok()?)))
        .max()
}

#[cfg(test)]
mod tests {
    use super::floor;

    #[test]
    fn the_newest_version_counts() {
        let text = "  0x0020:   Name: GLIBC_2.2.5  Flags: none  Version: 9\n\
                    \x20 0x0030:   Name: GLIBC_2.34  Flags: none  Version: 4\n\
                    \x20 0x0040:   Name: GLIBC_2.14  Flags: none  Version: 3\n\
                    \x20 0x0050:   Name: GCC_4.2.0  Flags: none  Version: 2\n";
        assert_eq!(floor(text), Some((2, 34)));
        assert_eq!(floor("Name: GCC_4.2.0"), None);
    }
}
