//! Counts the modules that a command loads, and the system calls it makes that name a file.

use super::interpreters::Interpreter;
use super::settings::Case;
use crate::bench::runs::Runs;
use crate::error::Result;
use std::ffi::OsString;
use std::path::PathBuf;

/// The modules that are loaded, as `-X importtime` reports them.
pub fn modules(runs: &Runs, interpreter: &Interpreter, case: &Case) -> Result<u64> {
    let left = runs.kept(&case.program(interpreter), &[], &["-X", "importtime"])?;
    Ok(reported(&left.errors))
}

/// The lines with the times of a module; its heading, other remarks and what is deferred have none. A resolution has times,
/// and says after the name where it was deferred: the modules it loads have lines of their own.
fn reported(errors: &str) -> u64 {
    let is_module = |line: &str| {
        let mut parts = line.split('|').map(str::trim);
        let mut number = || parts.next().is_some_and(|time| time.parse::<u64>().is_ok());
        let has_times = number() && number();
        has_times && parts.next().is_some_and(|name| !name.contains(' '))
    };
    let lines = errors.lines();
    let times = lines.filter_map(|line| line.strip_prefix("import time:"));
    times.filter(|line| is_module(line)).count() as u64
}

/// Counts system calls, where strace is there and allowed to.
pub struct Calls {
    strace: Option<PathBuf>,
}

impl Calls {
    /// Looks for strace and tries it.
    pub fn new() -> Self {
        let works = |path: &PathBuf| {
            let mut command = std::process::Command::new(path);
            let output = command.args(["-c", "-e", "trace=%file", "true"]).output();
            output.is_ok_and(|output| output.status.success())
        };
        Self {
            strace: which::which("strace").ok().filter(works),
        }
    }

    /// Why there is no count, if there is none.
    pub fn missing(&self) -> Option<&'static str> {
        self.strace.is_none().then_some(
            "file-system calls were not counted: strace is missing or not allowed to trace",
        )
    }

    /// Counts the calls of a command and of the processes it starts.
    pub fn count(
        &self,
        runs: &Runs,
        interpreter: &Interpreter,
        case: &Case,
    ) -> Result<Option<u64>> {
        let Some(strace) = &self.strace else {
            return Ok(None);
        };
        let summary = tempfile::NamedTempFile::new();
        let summary = summary.map_err(|error| {
            crate::error::Failure::environment("cannot make a temporary file").because(error)
        })?;
        let mut words: Vec<OsString> = vec![strace.into()];
        words.extend(["-f", "-c", "-e", "trace=%file", "-o"].map(OsString::from));
        words.push(summary.path().into());
        runs.kept(&case.program(interpreter), &words, &[])?;
        let text = std::fs::read_to_string(summary.path()).unwrap_or_default();
        Ok(total(&text))
    }
}

/// The calls in the last line of strace's summary.
fn total(summary: &str) -> Option<u64> {
    let line = summary
        .lines()
        .rev()
        .find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_the_lines_with_two_times() {
        let errors = "import time: self [us] | cumulative | imported package\n\
            import time:       190 |        190 |   _io\nwarning: import\n\
            import time:      1000 |       2000 | site\n";
        assert_eq!(reported(errors), 2);
    }

    #[test]
    fn deferred_imports_and_their_resolutions_are_no_modules() {
        let errors = "import time:  deferred |   deferred | json (prog.py:1)\n\
            import time:        11 |      15318 |     json.encoder\n\
            import time:       335 |      16917 |   json\n\
            import time:         3 |      16920 | json (deferred at prog.py:1, needed at prog.py:5)\n";
        assert_eq!(reported(errors), 2);
    }

    #[test]
    fn the_total_of_calls_is_found() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            60.00    0.000100           2        40        10 openat\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.000166           2        61        15 total\n";
        assert_eq!(total(summary), Some(61));
        assert_eq!(total(""), None);
    }
}
