//! Finds which compiled functions make a command fail: runs it with fewer and fewer of them allowed.

mod smallest;

use crate::error::{Context, Failure, Result};
use crate::process::{self, Finished};
use crate::ui::Step;
use smallest::smallest;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is run, and how.
pub struct Subject {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Found before others by the program's name.
    pub programs: PathBuf,
    /// What else its environment has.
    pub environment: Vec<(String, String)>,
    /// The value of `PYTHON_JIT`, without lists.
    pub mode: String,
    /// What makes a run fail.
    pub failure: Symptom,
    /// The log of the last run.
    pub log: PathBuf,
}

/// What makes a run fail, compared with that in the interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symptom {
    /// Another exit status.
    Status,
    /// Another exit status or another output.
    Output,
}

/// What was found.
pub struct Found {
    /// Lines as `allow=` takes them.
    pub functions: Vec<String>,
    /// How many were compiled at first.
    pub of: usize,
    /// How often the command was run.
    pub runs: usize,
}

impl Subject {
    /// The smallest set of functions with which the command fails.
    ///
    /// # Errors
    /// When the command cannot be started, does not fail, or fails with nothing compiled.
    pub fn bisect(&self) -> Result<Found> {
        let folder = tempfile::tempdir().doing("make a temporary folder for", &self.log)?;
        let expected = self.run("0", "in the interpreter")?;
        let list = folder.path().join("compiled");
        let whole = self.run(
            &format!("{},log={}", self.mode, list.display()),
            "with everything compiled",
        )?;
        if !self.differs(&expected, &whole) {
            return Err(
                Failure::check("the command does the same in the interpreter as compiled")
                    .because(format!("both ended with {}", whole.status))
                    .next("if only its output is wrong, add `--output`")
                    .next("try another `--mode`")
                    .log(&self.log),
            );
        }
        let functions = read_list(&list)?;
        let allowed = folder.path().join("allowed");
        let mut runs = 2;
        let mut fails = |functions: &[String]| -> Result<bool> {
            runs += 1;
            let text = functions.iter().flat_map(|line| [line, "\n"]);
            std::fs::write(&allowed, text.collect::<String>()).doing("write", &allowed)?;
            let value = format!("{},allow=@{}", self.mode, allowed.display());
            let finished = self.run(&value, &format!("with {} functions", functions.len()))?;
            Ok(self.differs(&expected, &finished))
        };
        if fails(&[])? {
            return Err(
                Failure::check("the command fails even if no function may be compiled")
                    .because(
                        "its output differs from run to run, or the fault is not in machine code",
                    )
                    .log(&self.log),
            );
        }
        if !fails(&functions)? {
            return Err(Failure::check(
                "the command does not always fail: it did not when the same functions were compiled again",
            )
            .next("make it fail always: `PYTHONHASHSEED=0`, one thread, `--mode all,warm`")
            .log(&self.log));
        }
        let of = functions.len();
        let functions = smallest(functions, &mut fails)?;
        Ok(Found {
            functions,
            of,
            runs,
        })
    }

    fn run(&self, value: &str, how: &str) -> Result<Finished> {
        let step = Step::new("Running", format!("the command {how}"));
        let mut folders = vec![self.programs.clone()];
        folders.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let path = std::env::join_paths(folders).doing("use", &self.programs)?;
        let mut command = Command::new("env");
        command
            .args(&self.command)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", path)
            .env("PYTHON_JIT", value);
        let finished = process::run(&mut command, &self.log, |_| ())?;
        step.done();
        if finished
            .status
            .code()
            .is_some_and(|code| code == 126 || code == 127)
        {
            return Err(Failure::environment("the command cannot be started")
                .at(self.command[0].to_string_lossy())
                .because(finished.output));
        }
        Ok(finished)
    }

    fn differs(&self, expected: &Finished, found: &Finished) -> bool {
        expected.status != found.status
            || self.failure == Symptom::Output && expected.output != found.output
    }
}

/// The lines of a log of what was compiled, each once.
fn read_list(file: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(file).doing("read what was compiled from", file)?;
    let mut lines: Vec<String> = Vec::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        if !lines.iter().any(|known| known == line) {
            lines.push(line.into());
        }
    }
    Ok(lines)
}
