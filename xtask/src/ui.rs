//! What xtask says while it works: all of it on standard error, so that standard output holds only data.
//! Everything goes through here: no other part of xtask prints.
//!
//! Progress bars appear on a terminal only; elsewhere each step is one line. `NO_COLOR` is honored by `console`.

use crate::error::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

/// Writes a line. That nobody reads it, as with `2>&1 | head`, is no reason to stop: what is done matters, not the talk.
pub fn line(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Exit status of a program that SIGPIPE ended, as a shell reports it.
const CLOSED_PIPE: i32 = 128 + 13;

/// Prints data on standard output. When nobody reads it, as with `| head`, the program ends as others do then: without a
/// word, with the status of a closed pipe.
pub fn data(text: impl Display) {
    let Err(error) = writeln!(std::io::stdout(), "{text}") else {
        return;
    };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(CLOSED_PIPE);
    }
    let failure = Failure::environment("cannot write to standard output").because(error);
    error_line(&failure);
    std::process::exit(failure.kind as i32);
}

/// Says why the command failed.
pub fn error_line(failure: &Failure) {
    line(format_args!(
        "{} {failure}",
        console::style("error:").red().bold().for_stderr()
    ));
}

/// Says one line about what is happening.
pub fn say(verb: &str, rest: impl Display) {
    line(format_args!(
        "{:>12} {rest}",
        console::style(verb).green().bold().for_stderr()
    ));
}

/// Says that something went wrong without ending the command.
pub fn fail(verb: &str, rest: impl Display) {
    line(format_args!(
        "{:>12} {rest}",
        console::style(verb).red().bold().for_stderr()
    ));
}

/// Says that something is worth knowing but not wrong enough to stop.
pub fn warn(rest: impl Display) {
    line(format_args!(
        "{:>12} {rest}",
        console::style("Warning").yellow().bold().for_stderr()
    ));
}

/// A long step: a spinner or bar with elapsed time on a terminal, a line at its start and end elsewhere.
pub struct Step {
    verb: &'static str,
    name: String,
    start: Instant,
    bar: ProgressBar,
}

impl Step {
    /// Starts a step of unknown length.
    pub fn new(verb: &'static str, name: impl Into<String>) -> Self {
        Self::with(verb, name.into(), None)
    }

    /// Starts a step that reads or writes `total` bytes.
    pub fn bytes(verb: &'static str, name: impl Into<String>, total: Option<u64>) -> Self {
        Self::with(verb, name.into(), total)
    }

    fn with(verb: &'static str, name: String, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{prefix:>12.green.bold} {msg} [{bar:30}] {bytes}/{total_bytes} {elapsed}",
            None => "{prefix:>12.green.bold} {msg} {spinner} {elapsed}",
        };
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_prefix(verb);
        bar.set_message(name.clone());
        bar.enable_steady_tick(Duration::from_millis(200));
        if bar.is_hidden() {
            say(verb, &name);
        }
        Self {
            verb,
            name,
            start: Instant::now(),
            bar,
        }
    }

    /// Moves the bar on by `bytes`.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Says what the step is doing just now (terminals only).
    pub fn detail(&self, detail: impl Display) {
        self.bar.set_message(format!("{}: {detail}", self.name));
    }

    /// Ends the step and says how long it took.
    pub fn done(self) {
        self.bar.finish_and_clear();
        let elapsed = self.start.elapsed();
        if elapsed > Duration::from_secs(1) {
            say(
                self.verb,
                format_args!("{} in {:.1} s", self.name, elapsed.as_secs_f64()),
            );
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
