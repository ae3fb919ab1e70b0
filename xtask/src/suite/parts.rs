//! The parts of `cargo xtask test`, each of which can be run alone.

use super::output::{self, Report};
use super::regrtest::{self, Printed};
use super::{Counts, Subject, modules};
use crate::build::{self, Built};
use crate::error::{Failure, Result};
use crate::port::Port;
use crate::process::{self, Finished};
use crate::series::Series;
use crate::ui::Step;
use crate::workspace::Workspace;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A part of the tests. They are run in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Formatting, lints and tests of the Rust code; xtask against a small fake upstream.
    Rust,
    /// The generated workflow files are up to date.
    Workflows,
    /// Links of the documentation lead somewhere, and its generated page is up to date.
    Docs,
    /// Every prefix of the patch series applies and is what series.lock says.
    Series,
    /// The exported patches pass the review lints and `git am` makes the trees of series.lock of them.
    Export,
    /// The patched interpreter builds.
    Build,
    /// The Python tests that the patches bring or change.
    Own,
    /// The tests of the archive, in tests/python/, with the installed interpreter.
    Archive,
    /// The named part of CPython's suite: cpython-ports/<port>/tests.toml.
    Cpython,
    /// Symbols, needed libraries and layouts of the built interpreter.
    Validate,
}

impl Part {
    /// All parts, in order.
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// How a part ended.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Which part.
    pub part: Part,
    /// Its tests.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long it took.
    pub seconds: f64,
    /// Names of failed tests, or why the part could not run.
    pub failures: Vec<String>,
    /// The log of what failed, else of what ran last.
    pub log: Option<PathBuf>,
}

/// Runs parts on one subject; the interpreter is built once, when a part first needs it.
pub struct Parts<'a> {
    workspace: &'a Workspace,
    subject: &'a Subject,
    /// This program. Asked for before anything runs: the part `rust` lets cargo replace it, and then the system calls the
    /// running one deleted.
    program: PathBuf,
    built: Option<std::result::Result<Built, String>>,
}

impl<'a> Parts<'a> {
    /// Prepares to run parts; does nothing yet.
    ///
    /// # Errors
    /// When the system does not say which program is running.
    pub fn new(workspace: &'a Workspace, subject: &'a Subject) -> Result<Self> {
        let program = std::env::current_exe().map_err(|error| {
            Failure::environment("cannot find the program that is running").because(error)
        })?;
        Ok(Self {
            workspace,
            subject,
            program,
            built: None,
        })
    }

    /// Runs one part to its end. A part that cannot run has one failed test, which says why.
    pub fn run(&mut self, part: Part) -> Outcome {
        let start = Instant::now();
        let mut outcome = Outcome {
            part,
            counts: Counts::default(),
            seconds: 0.0,
            failures: Vec::new(),
            log: None,
        };
        let step = Step::new("Testing", part.to_string());
        let result = match part {
            Part::Rust => self.rust(&mut outcome, &step),
            Part::Workflows => {
                self.xtask(&mut outcome, &step, &["ci", "workflows", "--check"], false)
            }
            Part::Docs => {
                let words = ["docs", "--port", &self.subject.source.port, "--check"];
                self.xtask(&mut outcome, &step, &words, false)
            }
            Part::Series => self.xtask(&mut outcome, &step, &["check", "--each"], true),
            Part::Export => self
                .xtask(
                    &mut outcome,
                    &step,
                    &["export-patches", "--check", "--quick"],
                    true,
                )
                .and_then(|()| self.xtask(&mut outcome, &step, &["export-patches"], true)),
            Part::Build => self.built().map(|_| outcome.counts += Counts::one(true)),
            Part::Own => self.own(&mut outcome, &step),
            Part::Archive => self.archive(&mut outcome, &step),
            Part::Cpython => modules::named(self.workspace, &self.subject.source.port)
                .and_then(|names| self.regrtest(&mut outcome, &step, &names)),
            Part::Validate => self.xtask(
                &mut outcome,
                &step,
                &["validate", "--profile", &self.subject.profile],
                true,
            ),
        };
        // Whoever asked says how it ended.
        drop(step);
        if let Err(failure) = result {
            outcome.counts += Counts::one(false);
            outcome.log = failure.log.clone().or(outcome.log);
            outcome.failures.push(failure.to_string());
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        outcome
    }

    fn rust(&self, outcome: &mut Outcome, step: &Step) -> Result<()> {
        let cargo = |words: &[&str]| {
            let mut command =
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(words).current_dir(self.workspace.root());
            command
        };
        self.check(
            outcome,
            step,
            "fmt",
            &mut cargo(&["fmt", "--all", "--check"]),
        )?;
        self.check(
            outcome,
            step,
            "clippy",
            &mut cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
        )?;
        // Without --no-fail-fast, the tests of one binary would hide those of the next.
        let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
        self.count(outcome, step, "tests", &mut tests, |finished| {
            output::cargo(&finished.output)
        })
    }

    fn own(&mut self, outcome: &mut Outcome, step: &Step) -> Result<()> {
        let port = Port::load(self.workspace, &self.subject.source.port)?;
        let series = Series::load(self.workspace, &port)?;
        let names: BTreeSet<String> = series
            .patches()
            .iter()
            .flat_map(|patch| &patch.files)
            .filter_map(|file| modules::of_path(Path::new(file.new.as_deref()?)))
            .collect();
        if names.is_empty() {
            return Err(
                Failure::check("no patch of the series brings or changes a test")
                    .at(port.series.display())
                    .next("add tests to the patches"),
            );
        }
        self.regrtest(outcome, step, &names.into_iter().collect::<Vec<_>>())
    }

    fn archive(&mut self, outcome: &mut Outcome, step: &Step) -> Result<()> {
        let built = self.built()?;
        let mut command = Command::new(&built.python);
        process::without_python_variables(&mut command).envs(&built.environment);
        command
            .args([
                "-m",
                "unittest",
                "discover",
                "--verbose",
                "--start-directory",
                "tests/python",
            ])
            .current_dir(self.workspace.root());
        self.count(outcome, step, "", &mut command, |finished| {
            output::unittest(&finished.output)
        })
    }

    fn regrtest(&mut self, outcome: &mut Outcome, step: &Step, names: &[String]) -> Result<()> {
        let jobs = self.subject.jobs();
        let mut command = regrtest_command(self.built()?, jobs)?;
        command.args(names);
        self.count(outcome, step, "", &mut command, |finished| {
            let printed = Printed::read(&finished.output);
            Some(Report {
                counts: printed.counts()?,
                failures: printed.failures(),
            })
        })
    }

    /// Runs a command of this xtask as one check.
    fn xtask(
        &self,
        outcome: &mut Outcome,
        step: &Step,
        words: &[&str],
        sources: bool,
    ) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(words);
        if sources {
            command.args(self.subject.source.arguments());
        }
        let name = words.last().unwrap_or(&"").trim_start_matches('-');
        self.check(outcome, step, name, &mut command)
    }

    /// Runs a command whose exit status is one test.
    fn check(
        &self,
        outcome: &mut Outcome,
        step: &Step,
        name: &str,
        command: &mut Command,
    ) -> Result<()> {
        let finished = self.start(outcome, step, name, command)?;
        outcome.counts += Counts::one(finished.status.success());
        if !finished.status.success() {
            outcome.failures.push(format!(
                "{} ended with {}\n{}",
                line_of(command),
                finished.status,
                last_words(&finished.output)
            ));
        }
        Ok(())
    }

    /// Runs a command that reports several tests.
    fn count(
        &self,
        outcome: &mut Outcome,
        step: &Step,
        name: &str,
        command: &mut Command,
        read: impl FnOnce(&Finished) -> Option<Report>,
    ) -> Result<()> {
        let finished = self.start(outcome, step, name, command)?;
        let Some(report) = read(&finished) else {
            return Err(Failure::check("the test runner ended without a summary")
                .at(line_of(command))
                .because(finished.status)
                .because(last_words(&finished.output)));
        };
        outcome.counts += report.counts;
        let named = !report.failures.is_empty();
        outcome.failures.extend(report.failures);
        if !finished.status.success() && report.counts.failed == 0 && !named {
            return Err(
                Failure::check("the test runner failed, though it reports no failed test")
                    .at(line_of(command))
                    .because(finished.status)
                    .because(last_words(&finished.output)),
            );
        }
        if report.counts == Counts::default() {
            return Err(Failure::check("the test runner found no test").at(line_of(command)));
        }
        Ok(())
    }

    fn start(
        &self,
        outcome: &mut Outcome,
        step: &Step,
        name: &str,
        command: &mut Command,
    ) -> Result<Finished> {
        let separator = if name.is_empty() { "" } else { "-" };
        let log = self
            .workspace
            .log(&format!("test-{}{separator}{name}", outcome.part));
        let finished = process::run(command, &log, |line| step.detail(line.trim()))?;
        // The log of the first failure stays the one that is named.
        if outcome.counts.failed == 0 {
            outcome.log = Some(log);
        }
        Ok(finished)
    }

    fn built(&mut self) -> Result<&Built> {
        let built = self.built.get_or_insert_with(|| {
            build::build(self.workspace, &self.subject.request(false)).map_err(|f| f.to_string())
        });
        built.as_ref().map_err(|why| {
            Failure::check("the interpreter could not be built")
                .because(why)
                .next("`cargo xtask build`")
        })
    }
}

/// CPython's test runner in a build tree, as `make test` runs it.
///
/// # Errors
/// When the build tree is gone, which an installed interpreter does not need for anything else.
pub fn regrtest_command(built: &Built, jobs: usize) -> Result<Command> {
    let python = built.build_tree.join("python");
    if !python.exists() {
        return Err(Failure::environment("the build tree is gone")
            .at(built.build_tree.display())
            .because("CPython's tests run there, and only what was installed is left")
            .next(format!(
                "`rm -r {}`, then the same command builds both again",
                built.prefix.display()
            )));
    }
    let mut command = Command::new(python);
    command
        .args(regrtest::arguments())
        .arg(format!("-j{jobs}"))
        .current_dir(&built.build_tree);
    process::without_python_variables(&mut command).envs(&built.environment);
    Ok(command)
}

fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// From the last `error` on, at most the last 20 lines.
fn last_words(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let from = lines.len().saturating_sub(20);
    let error = lines.iter().rposition(|line| line.starts_with("error"));
    lines[error.unwrap_or(from).max(from)..].join("\n")
}
