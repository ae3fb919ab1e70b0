//! The value of `-X jit` and `PYTHON_JIT`.

use crate::filter::Filter;
use std::path::PathBuf;

/// What is compiled, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `1`: nothing; entries and loops are counted.
    #[default]
    Count,
    /// `manual`: what `clinker.jit` is asked to compile.
    Manual,
    /// `auto`: what is hot.
    Auto,
    /// `all,sync`: everything, before it runs first.
    Sync,
    /// `all,warm`: everything, when it has run 64 times.
    Warm,
}

impl Mode {
    /// How the option calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "1",
            Self::Manual => "manual",
            Self::Auto => "auto",
            Self::Sync => "all,sync",
            Self::Warm => "all,warm",
        }
    }
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
    /// `perf`: tells the profiler perf where machine code is.
    pub perf: bool,
    /// `after=N`: executions of a function or loop after which it is compiled, if the mode does not say.
    pub after: Option<u32>,
    /// `allow=PATTERN` and `deny=PATTERN`: what may be compiled.
    pub filter: Filter,
    /// `log=FILE`: gets a line for each place that is compiled, before its machine code runs.
    pub log: Option<PathBuf>,
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
                    "manual" => options.mode = Mode::Manual,
                    "auto" => options.mode = Mode::Auto,
                    "all" => all = true,
                    "sync" => when = Some(Mode::Sync),
                    "warm" => when = Some(Mode::Warm),
                    "stats" => options.report = Report::Print,
                    "dump" => options.dump = true,
                    "perf" => options.perf = true,
                    _ => return Err(unknown(value)),
                },
                Some(("stats" | "log", "")) => {
                    return Err(format!("-X jit: {word} needs the name of a file"));
                }
                Some(("stats", file)) => options.report = Report::Write(file.into()),
                Some(("log", file)) => options.log = Some(file.into()),
                Some(("allow", value)) => options.filter.allow(value)?,
                Some(("deny", value)) => options.filter.deny(value)?,
                Some(("after", value)) => options.after = Some(executions(value)?),
                Some(_) => return Err(unknown(value)),
            }
        }
        match (all, when) {
            (true, Some(mode)) => options.mode = mode,
            (false, None) => {}
            _ => return Err("-X jit: use all,sync or all,warm".into()),
        }
        if options.after.is_some() && !matches!(options.mode, Mode::Auto | Mode::Warm) {
            return Err("-X jit: after=N goes with auto or all,warm".into());
        }
        Ok(options)
    }

    /// Whether another thread compiles: not if the program has been told when.
    pub fn in_background(&self) -> bool {
        self.mode == Mode::Auto && self.after.is_none()
    }

    /// Executions of a function or loop until it is reported as hot.
    pub fn period(&self) -> u32 {
        match (self.mode, self.after) {
            (Mode::Manual, _) => u32::MAX,
            (_, Some(after)) => after,
            (Mode::Sync, None) => 1,
            (Mode::Warm, None) => 64,
            (Mode::Auto, None) => 5000,
            (Mode::Count, None) => 1000,
        }
    }
}

fn executions(value: &str) -> Result<u32, String> {
    match value.parse::<u16>() {
        Ok(number) if number > 0 => Ok(number.into()),
        _ => Err(format!(
            "-X jit: after={value} is not a number from 1 to {}",
            u16::MAX
        )),
    }
}

fn unknown(value: &str) -> String {
    format!(
        "-X jit: unknown value {value:?}; use 0, 1, manual, auto, all,sync or all,warm, and after=N, \
         allow=PATTERN, deny=PATTERN, dump, log=FILE, perf, stats or stats=FILE"
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
                ..Options::default()
            })
        );
        let parsed = Options::parse("auto,allow=a.py:*,deny=f,log=x,after=7,perf").expect("known");
        assert!(parsed.perf);
        assert!(!parsed.filter.is_empty());
        assert_eq!(parsed.log, Some("x".into()));
        assert_eq!(parsed.period(), 7);
        for word in ["1", "manual", "auto", "all,sync", "all,warm"] {
            assert_eq!(
                Options::parse(word).map(|parsed| parsed.mode.word()),
                Ok(word)
            );
        }
    }

    #[test]
    fn unknown_values_name_the_known_ones() {
        for value in ["", "2", "stat", "on=1", "auto,", "autox"] {
            let message = Options::parse(value).expect_err("not a known value");
            assert!(message.starts_with("-X jit: "), "{message}");
            assert!(message.contains("stats"), "{message}");
        }
        for value in [
            "all",
            "sync",
            "warm,auto",
            "stats=",
            "log=",
            "allow=",
            "deny=",
            "auto,after=0",
            "auto,after=x",
            "auto,after=65536",
            "after=7",
            "all,sync,after=7",
        ] {
            let message = Options::parse(value).expect_err("not a known value");
            assert!(message.starts_with("-X jit: "), "{message}");
        }
    }
}
