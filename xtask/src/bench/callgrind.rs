//! Counts the instructions that programs of Python execute, with callgrind.
//!
//! Unlike times, the counts hardly depend on what else the machine does. Start-up and the warming of caches are taken off: the
//! count of a loop is the difference between a run with few loops and one with more.

use super::environment;
use crate::error::{Context, Failure, Result};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Loops in which an operation is specialized and caches are filled.
const WARMING: u32 = 50;

/// What an interpreter is given.
#[derive(Debug)]
pub struct Program {
    /// What it is called in tables.
    pub name: String,
    arguments: Vec<OsString>,
    /// The last argument, which says how often something is done: few times and more often. None if there is nothing but a start.
    loops: Option<[String; 2]>,
}

impl Program {
    /// The start of the interpreter.
    pub fn start(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arguments: vec!["-c".into(), "pass".into()],
            loops: None,
        }
    }

    /// Loops of a script that is told its number of loops last.
    pub fn script(name: String, arguments: Vec<OsString>, loops: u32) -> Self {
        Self {
            name,
            arguments,
            loops: Some([WARMING.to_string(), (WARMING + loops).to_string()]),
        }
    }

    /// Loops of a benchmark of pyperformance: each is long enough to warm what it uses.
    ///
    /// # Errors
    /// When the pinned version has none of that name.
    pub fn benchmark(packages: &Path, name: &str, loops: u32) -> Result<Self> {
        let mut arguments = vec![environment::script(packages, name)?.into()];
        arguments.extend(["--worker", "--values=1", "--warmups=0"].map(OsString::from));
        Ok(Self {
            name: name.to_owned(),
            arguments,
            loops: Some([1, 1 + loops].map(|loops| format!("--loops={loops}"))),
        })
    }
}

/// Runs programs.
#[derive(Debug)]
pub struct Counter<'a> {
    /// Where logs are written.
    pub workspace: &'a Workspace,
    /// The packages that the programs use.
    pub packages: &'a Path,
}

impl Counter<'_> {
    /// The instructions of a program with each interpreter, given as a command, at once: counts do not suffer from company.
    ///
    /// # Errors
    /// When the program fails, or does no more with more loops.
    pub fn each(&self, program: &Program, interpreters: &[&[OsString]]) -> Result<Vec<u64>> {
        let step = ui::Step::new("Counting", &program.name);
        let counts = std::thread::scope(|scope| {
            let threads: Vec<_> = interpreters
                .iter()
                .map(|interpreter| scope.spawn(|| self.of(program, interpreter)))
                .collect();
            let counts = threads.into_iter().map(|thread| {
                let joined = thread.join();
                joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            counts.collect()
        });
        step.done();
        counts
    }

    fn of(&self, program: &Program, interpreter: &[OsString]) -> Result<u64> {
        let run = |last: Option<&String>| {
            let mut words = [interpreter, &program.arguments].concat();
            words.extend(last.map(OsString::from));
            self.run(&words)
        };
        let Some([fewer, more]) = &program.loops else {
            return run(None);
        };
        let fewer = run(Some(fewer))?;
        let loops = run(Some(more))?.checked_sub(fewer);
        loops.filter(|count| *count > 0).ok_or_else(|| {
            let name = &program.name;
            Failure::check(format!(
                "{name} executes no more instructions with more loops"
            ))
            .at(interpreter[0].display())
        })
    }

    fn run(&self, words: &[OsString]) -> Result<u64> {
        let python = Path::new(&words[0]);
        let folder = tempfile::tempdir().doing("make a temporary folder for", python)?;
        let prefix = python.ancestors().nth(2).and_then(Path::file_name);
        let prefix = prefix.unwrap_or_default().to_string_lossy();
        let log = self.workspace.log(&format!("bench-instructions-{prefix}"));
        let mut valgrind = Command::new("valgrind");
        process::without_python_variables(&mut valgrind)
            .arg("--tool=callgrind")
            .arg("--callgrind-out-file=/dev/null")
            .args(words)
            .current_dir(&folder)
            // Neither the order of sets nor the state of a cache may differ between two runs.
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", self.packages);
        let finished = process::run(&mut valgrind, &log, |_| ())?;
        let collected = finished
            .output
            .lines()
            .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
        match collected {
            Some(count) if finished.status.success() => Ok(count),
            _ => Err(Failure::check("a benchmark failed under callgrind")
                .at(python.display())
                .because(super::shown(&words[1..]))
                .log(log)),
        }
    }
}
