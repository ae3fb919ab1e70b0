//! Says which version of the C library programs need: the newest that one of their symbols is of.

use crate::error::{Context, Result};
use crate::readelf::readelf;
use regex::Regex;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// A version of glibc, as 2.35.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The number before the point.
    pub major: u32,
    /// The number behind it.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers = text.split_once('.').and_then(|(major, minor)| {
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        });
        numbers.ok_or_else(|| format!("{text:?} is no version of glibc, as 2.35 is"))
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The version that a file needs, if it is a program or a library and needs one.
///
/// # Errors
/// When the file cannot be read, or `readelf` cannot.
pub fn needed_by(file: &Path) -> Result<Option<Version>> {
    let mut start = Vec::new();
    let opened = std::fs::File::open(file).doing("read", file)?;
    opened.take(4).read_to_end(&mut start).doing("read", file)?;
    if start != b"\x7fELF" {
        return Ok(None);
    }
    let versions = readelf(&["--version-info", "--wide"], file)?;
    Ok(newest(&versions))
}

/// The newest version in the output of readelf.
fn newest(versions: &str) -> Option<Version> {
    let version = Regex::new(r"\bGLIBC_(\d+\.\d+)").expect("a valid expression");
    let found = version.captures_iter(versions);
    found.filter_map(|found| found[1].parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let text = "  0x0020:   Name: GLIBC_2.2.5  Flags: none  Version: 9\n\
                    \x20 0x0030:   Name: GLIBC_2.34  Flags: none  Version: 4\n\
                    \x20 0x0040:   Name: GLIBC_2.14  Flags: none  Version: 3\n\
                    \x20 0x0050:   Name: GCC_4.2.0  Flags: none  Version: 2\n";
        assert_eq!(newest(text), "2.34".parse().ok());
        assert_eq!(newest("Name: GCC_4.2.0"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text: &str| text.parse::<Version>();
        assert!(version("2.4") < version("2.35"));
        assert_eq!(
            version("2.35").map(|version| version.to_string()),
            Ok("2.35".into())
        );
        assert!(version("two").is_err());
    }

    #[test]
    fn programs_need_one_and_texts_do_not() {
        let program = std::env::current_exe().expect("the test");
        assert!(needed_by(&program).expect("a version").is_some());
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(needed_by(&text).expect("no version"), None);
    }
}
