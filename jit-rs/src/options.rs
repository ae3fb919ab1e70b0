//! The value of `-X jit` and `PYTHON_JIT`.

use std::path::PathBuf;

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// `1`: register with the hooks and count, silently.
    Count,
    /// `stats`: print what was hot on standard error at exit.
    Print,
    /// `stats=FILE`: write it to a file as JSON.
    Write(PathBuf),
}

impl Options {
    /// Reads the value of the option; `0` never gets here.
    ///
    /// # Errors
    /// A message for the user when the value is not known.
    pub fn parse(value: &str) -> Result<Self, String> {
        match value.split_once('=') {
            None if value == "1" => Ok(Self::Count),
            None if value == "stats" => Ok(Self::Print),
            Some(("stats", "")) => Err("-X jit: stats= needs the name of a file".into()),
            Some(("stats", file)) => Ok(Self::Write(file.into())),
            _ => Err(format!(
                "-X jit: unknown value {value:?}; use 0, 1, stats or stats=FILE"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(Options::parse("1"), Ok(Options::Count));
        assert_eq!(Options::parse("stats"), Ok(Options::Print));
        assert_eq!(
            Options::parse("stats=a=b.json"),
            Ok(Options::Write("a=b.json".into()))
        );
    }

    #[test]
    fn unknown_values_name_the_known_ones() {
        for value in ["", "2", "stat", "stats=", "on=1"] {
            let message = Options::parse(value).expect_err("not a known value");
            assert!(message.starts_with("-X jit: "), "{message}");
            assert!(message.contains("stats"), "{message}");
        }
    }
}
