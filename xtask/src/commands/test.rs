//! `test`: everything that must hold, in named parts; or CPython's whole suite against a pristine build; or suites of packages.

use super::SourceOptions;
use crate::error::Result;
use crate::suite::{self, Counts, Jit, Outcome, Part, Parts, Patched, Subject, packages};
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Build profile of the interpreter that is tested.
    #[arg(long, default_value = "dev", value_name = "NAME")]
    profile: String,
    /// Run only this part; can be given several times [default: all, in this order]
    #[arg(
        long = "part",
        value_name = "PART",
        value_enum,
        conflicts_with = "full"
    )]
    parts: Vec<Part>,
    /// Run all of CPython's suite, without and with the archive, and compare it with a pristine build.
    ///
    /// A case that fails in the pristine build is upstream's; one that fails in the patched build only is ours, unless it
    /// passes when it is run again alone. Runs that came to their end are kept until the build changes, so an interrupted
    /// comparison goes on where it was.
    #[arg(long)]
    full: bool,
    /// With --full: compare one run with all imports lazy instead, without the modules that tests.toml leaves out.
    #[arg(long, value_name = "MODE", value_enum, requires = "full")]
    lazy: Option<Lazy>,
    /// With --full: compare one run with the compiler in this mode instead.
    #[arg(
        long,
        value_name = "MODE",
        value_enum,
        requires = "full",
        conflicts_with = "lazy"
    )]
    jit: Option<Jit>,
    /// With --full: run everything again, also what is kept.
    #[arg(long, requires = "full")]
    fresh: bool,
    /// Run the test suites of packages in each mode of packages.toml, and compare their cases with the first mode's.
    #[arg(long, conflicts_with_all = ["full", "parts"])]
    packages: bool,
    /// With --packages: only this one; can be given several times.
    #[arg(long = "package", value_name = "NAME", requires = "packages")]
    only: Vec<String>,
    /// Jobs at a time [default: the number of processors]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Which imports are lazy.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Lazy {
    /// All that can be.
    All,
}

/// Runs the parts, or the comparison.
///
/// The last line on standard output is `N passed, N failed, N skipped`; exit status 1 when anything failed.
///
/// # Errors
/// When the comparison cannot be made. A part that cannot run is a failed test.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let subject = Subject {
        source: options.source.clone(),
        profile: options.profile.clone(),
        jobs: options.jobs.map(usize::from),
    };
    if options.full {
        let mode = match (options.lazy, options.jit) {
            (Some(Lazy::All), _) => Patched::Lazy,
            (None, Some(jit)) => Patched::Jit(jit),
            (None, None) => Patched::Idle,
        };
        let comparison = suite::compare_with_pristine(workspace, &subject, &mode, options.fresh)?;
        let text = if options.json {
            comparison.json()
        } else {
            comparison.table()
        };
        ui::data(text.trim_end());
        return Ok(status(comparison.is_clean()));
    }
    if options.packages {
        return run_packages(workspace, &subject, options);
    }
    let mut parts = options.parts.clone();
    if parts.is_empty() {
        parts = Part::all();
    }
    let mut runner = Parts::new(workspace, &subject)?;
    let mut outcomes = Vec::new();
    for part in parts {
        let outcome = runner.run(part);
        summarize(&outcome);
        outcomes.push(outcome);
    }
    let sum: Counts = outcomes.iter().map(|outcome| outcome.counts).sum();
    if options.json {
        let json = serde_json::json!({ "parts": outcomes, "sum": sum });
        ui::data(format_args!("{json:#}"));
    } else {
        ui::data(sum);
    }
    Ok(status(sum.failed == 0))
}

/// How many differences of a suite are shown; --json has all.
const SHOWN: usize = 20;

fn run_packages(workspace: &Workspace, subject: &Subject, options: &Options) -> Result<ExitCode> {
    let found = packages::compare(workspace, subject, &options.only)?;
    if options.json {
        super::json::print_json(&found)?;
    } else {
        for one in &found {
            let different = one.differences.len();
            ui::data(format_args!(
                "{:16} {:8} {}, {different} different",
                one.package, one.mode, one.counts
            ));
            for difference in one.differences.iter().take(SHOWN) {
                ui::data(format_args!(
                    "    {:?} instead of {:?}: {}",
                    difference.found, difference.wanted, difference.case
                ));
            }
            if different > SHOWN {
                ui::data(format_args!("    and {} more", different - SHOWN));
            }
        }
    }
    Ok(status(found.iter().all(|one| one.differences.is_empty())))
}

fn summarize(outcome: &Outcome) {
    let line = format!(
        "{}: {} in {:.0} s",
        outcome.part, outcome.counts, outcome.seconds
    );
    if outcome.counts.failed == 0 {
        ui::say("Passed", line);
        return;
    }
    ui::fail("Failed", line);
    for failure in &outcome.failures {
        ui::line(failure);
    }
    if let Some(log) = &outcome.log {
        ui::line(format_args!("log: {}", log.display()));
    }
}

fn status(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
