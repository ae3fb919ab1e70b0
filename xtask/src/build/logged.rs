//! Runs one long command with its output in a log file.

use crate::error::{Context, Failure, Result};
use crate::ui;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Lines of a failed command's output that its error shows.
const SHOWN: usize = 15;

/// A log file that all commands of one build are written to.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Starts the log anew.
    pub fn start(path: PathBuf) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        }
        let file = File::create(&path).doing("write a log", &path)?;
        Ok(Self { path, file })
    }

    /// Runs `command` to its end and shows `verb name` while it works.
    ///
    /// # Errors
    /// When it cannot be started or fails; the error has its last lines.
    pub fn run(&mut self, verb: &'static str, name: &str, command: &mut Command) -> Result<()> {
        let step = ui::Step::new(verb, name);
        let shown = shown(command);
        let place = || {
            command
                .get_current_dir()
                .unwrap_or_else(|| Path::new("."))
                .to_owned()
        };
        let place = place();
        writeln!(self.file, "$ {shown}   (in {})", place.display())
            .doing("write a log", &self.path)?;
        let (reader, writer) = std::io::pipe().doing("make a pipe in", &place)?;
        let again = writer.try_clone().doing("make a pipe in", &place)?;
        command.stdin(Stdio::null()).stdout(writer).stderr(again);
        let mut child = command.spawn().map_err(|error| {
            Failure::environment(format!("cannot start {}", command.get_program().display()))
                .at(place.display())
                .because(error)
                .next("`cargo xtask doctor` says what is missing on this machine")
        })?;
        // Our copies of the pipe's writing end must be closed, or its end is never seen.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut last = VecDeque::new();
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader
                .read_until(b'\n', &mut line)
                .doing("read the output of", Path::new(&shown))?
                == 0
            {
                break;
            }
            self.file
                .write_all(&line)
                .doing("write a log", &self.path)?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            step.detail(brief(&text));
            if last.len() == SHOWN {
                last.pop_front();
            }
            last.push_back(text);
        }
        let status = child.wait().doing("wait for", Path::new(&shown))?;
        if status.success() {
            step.done();
            return Ok(());
        }
        Err(self.failure(verb, name, &shown, &place, status, &last))
    }

    fn failure(
        &self,
        verb: &str,
        name: &str,
        shown: &str,
        place: &Path,
        status: ExitStatus,
        last: &VecDeque<String>,
    ) -> Failure {
        let lines: Vec<_> = last.iter().map(String::as_str).collect();
        let failure =
            Failure::environment(format!("{} {name} failed ({status})", verb.to_lowercase()))
                .at(format!("{shown}, in {}", place.display()))
                .because(format!("its last lines were:\n{}", lines.join("\n")))
                .log(&self.path);
        if lines
            .iter()
            .any(|line| line.contains("No space left on device"))
        {
            return failure.next(format!(
                "free some space on the disk of {} and run the same command again",
                place.display()
            ));
        }
        failure.next("read the log; after a correction the same command goes on where it stopped")
    }
}

/// A command as it would be typed, shortened.
fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// The part of an output line that fits on a terminal: of a compiler's command, the file it compiles.
fn brief(line: &str) -> String {
    let word = line
        .split_whitespace()
        .rev()
        .find(|word| word.ends_with(".c") || word.ends_with(".o"));
    let text = match word {
        Some(file) if line.len() > 60 => file.rsplit('/').next().unwrap_or(file),
        _ => line,
    };
    text.chars().take(60).collect()
}
