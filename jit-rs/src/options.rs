//! The value of `-X jit` and `PYTHON_JIT`.

use std::path::PathBuf;

/// What is compiled, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `1`: nothing; entries and loops are counted.
    #[default]
    Count,
    /// `auto`: what is hot.
    Auto,
    /// `all,sync`: everything, before it runs first.
    Sync,
    /// `all,warm`: everything, when it has run 64 times.
    Warm,
}

/// What is told at exit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Report {
    /// Nothing.
    #[default]
    None,
    /// `stats`: what was hot, on standard error.
    Print,
    /// `stats=FILE`: the same as JSON.
    Write(PathBuf),
}

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What is compiled.
    pub mode: Mode,
    /// What is told at exit.
    pub report: Report,
    /// `dump`: prints the intermediate representation of what is compiled on standard error.
    pub dump: bool,
}

impl Options {
    /// Reads the value of the option, words with commas between them; `0` never gets here.
    ///
    /// # Errors
    /// A message for the user when the value is not known.
    pub fn parse(value: &str) -> Result<Self, String> {
        let mut options = Self::default();
        let mut all = false;
        let mut when = None;
        for word in value.split(',') {
            match word.split_once('=') {
                None => match word {
                    "1" => {}
                    "auto" => options.mode = Mode::Auto,
                    "all" => all = true,
                    "sync" => when = Some(Mode::Sync),
                    "warm" => when = Some(Mode::Warm),
                    "stats" => options.report = Report::Print,
                    "dump" => options.dump = true,
                    _ => return Err(unknown(value)),
                },
                Some(("stats", "")) => {
                    return Err("-X jit: stats= needs the name of a file".into());
                }
                Some(("stats", file)) => options.report = Report::Write(file.into()),
                Some(_) => return Err(unknown(value)),
            }
        }
        match (all, when) {
            (true, Some(mode)) => options.mode = mode,
            (false, None) => {}
            _ => return Err("-X jit: use all,sync or all,warm".into()),
        }
        Ok(options)
    }
}

fn unknown(value: &str) -> String {
    format!(
        "-X jit: unknown value {value:?}; use 0, 1, auto, all,sync or all,warm, and stats, stats=FILE or dump"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(Options::parse("1"), Ok(Options::default()));
        let parsed = Options::parse("all,sync,dump").expect("known");
        assert_eq!((parsed.mode, parsed.dump), (Mode::Sync, true));
        assert_eq!(
            Options::parse("auto").map(|options| options.mode),
            Ok(Mode::Auto)
        );
        assert_eq!(
            Options::parse("all,warm,stats=a=b.json"),
            Ok(Options {
                mode: Mode::Warm,
                report: Report::Write("a=b.json".into()),
                dump: false,
            })
        );
    }

    #[test]
    fn unknown_values_name_the_known_ones() {
        for value in ["", "2", "stat", "on=1", "auto,", "autox"] {
            let message = Options::parse(value).expect_err("not a known value");
            assert!(message.starts_with("-X jit: "), "{message}");
            assert!(message.contains("stats"), "{message}");
        }
        for value in ["all", "sync", "warm,auto", "stats="] {
            let message = Options::parse(value).expect_err("not a known value");
            assert!(message.starts_with("-X jit: "), "{message}");
        }
    }
}
