//! Runs one program, in a folder that is new each time and with an environment that is always the same.

use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use serde::Deserialize;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables of the user that the programs see: what finds programs and libraries.
const KEPT: &[&str] = &["PATH", "LD_LIBRARY_PATH", "TMPDIR"];

/// What every program is told: no colors, no width of a terminal, no user's settings, no order of sets that changes.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("COLUMNS", "80"),
    ("LC_ALL", "C.UTF-8"),
    ("NO_COLOR", "1"),
    ("PYTHONHASHSEED", "0"),
    ("TERM", "dumb"),
    ("TZ", "UTC"),
];

/// What is run.
pub struct Program<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The interpreter, and options of it.
    pub command: &'a [OsString],
    /// The folder that its packages are in.
    pub packages: &'a Path,
    /// What the interpreter is given behind its options.
    pub arguments: Vec<OsString>,
    /// What the Python that measures is given first, to make files; nothing if it is empty.
    pub prepare: Vec<OsString>,
    /// The file that it writes.
    pub result: Option<&'a Path>,
}

/// The folders in which programs run.
pub struct Runs<'a> {
    /// What each run has a copy of.
    project: &'a Path,
    /// The Python that measures.
    measuring: &'a Path,
    folder: PathBuf,
}

/// What a run took.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Usage {
    /// Seconds from the start of the process to its end.
    pub wall: f64,
    /// Seconds of all processors, in the program and in the system.
    pub cpu: f64,
    /// The most memory it had, in KiB.
    pub peak: u64,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Exit status, or the signal that ended it.
    pub status: String,
    /// Whether the program says that all went well.
    pub success: bool,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// The file that the program writes.
    pub result: Option<String>,
}

impl<'a> Runs<'a> {
    /// Nothing runs yet.
    pub fn new(workspace: &Workspace, project: &'a Path, measuring: &'a Path) -> Self {
        Self {
            project,
            measuring,
            // One place for all interpreters: programs print where they are.
            folder: workspace.output().join("bench/run"),
        }
    }

    /// Runs and measures; nothing that it prints is kept.
    pub fn timed(&self, program: &Program) -> Result<Usage> {
        self.renew(program)?;
        let mut before = vec![self.measuring.into()];
        before.extend(["-I", "-S", "-c", include_str!("measured.py")].map(OsString::from));
        let mut command = self.command(program, &before, &[]);
        let output = command.output().doing("run", self.measuring)?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Failure::check(format!("{} could not be measured", program.name))
                .at(self.measuring.display())
                .because(error)
                .because(String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Runs with more options of Python, behind the words of `before`, and keeps what it leaves.
    pub fn kept(&self, program: &Program, before: &[OsString], options: &[&str]) -> Result<Left> {
        self.renew(program)?;
        let file = |name: &str| self.folder.join(name);
        let (output, errors) = (file("output"), file("errors"));
        let create = |path: &Path| File::create(path).doing("write", path);
        let mut command = self.command(program, before, options);
        let status = command
            .stdout(create(&output)?)
            .stderr(create(&errors)?)
            .status()
            .doing("start", Path::new(command.get_program()))?;
        let read = |path: &Path| {
            let bytes = std::fs::read(path).doing("read", path)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let result = program.result.map(|path| file("work").join(path));
        Ok(Left {
            status: status.to_string(),
            success: status.success(),
            output: read(&output)?,
            errors: read(&errors)?,
            // A missing file is a result too.
            result: result.map(|path| read(&path).unwrap_or_else(|_| "(no file)\n".into())),
        })
    }

    fn command(&self, program: &Program, before: &[OsString], options: &[&str]) -> Command {
        let mut words = before.to_vec();
        words.extend(program.command.iter().cloned());
        words.extend(options.iter().map(OsString::from));
        words.extend(program.arguments.iter().cloned());
        self.start(&words, program.packages)
    }

    /// A command in the folder, with the environment.
    fn start(&self, words: &[OsString], packages: &Path) -> Command {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder.join("work"))
            .env_clear()
            .envs(
                KEPT.iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(ENVIRONMENT.iter().copied())
            .env("HOME", self.folder.join("home"))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::null());
        command
    }

    /// Makes the folders anew, and the files of the program.
    fn renew(&self, program: &Program) -> Result<()> {
        let folder = &self.folder;
        if folder.exists() {
            std::fs::remove_dir_all(folder).doing("remove", folder)?;
        }
        let home = folder.join("home");
        std::fs::create_dir_all(&home).doing("make a folder", &home)?;
        for entry in walkdir::WalkDir::new(self.project) {
            let entry = entry.doing("read", self.project)?;
            let inner = entry.path().strip_prefix(self.project);
            let copy = folder.join("work").join(inner.unwrap_or(entry.path()));
            if entry.file_type().is_dir() {
                std::fs::create_dir_all(&copy).doing("make a folder", &copy)?;
            } else {
                std::fs::copy(entry.path(), &copy).doing("copy a file to", &copy)?;
            }
        }
        self.prepare(program)
    }

    fn prepare(&self, program: &Program) -> Result<()> {
        if program.prepare.is_empty() {
            return Ok(());
        }
        let mut words = vec![self.measuring.into()];
        words.extend(program.prepare.iter().cloned());
        let output = self.start(&words, program.packages).output();
        let output = output.doing("run", self.measuring)?;
        if output.status.success() {
            return Ok(());
        }
        Err(
            Failure::environment(format!("the files of {} could not be made", program.name))
                .at(self.folder.display())
                .because(String::from_utf8_lossy(&output.stderr)),
        )
    }
}
