//! `bench`: measures the patched interpreter against the pristine one.

use super::SourceOptions;
use super::json::print_json;
use crate::bench::instructions::{self, Comparison, Plan};
use crate::build::{self, Request};
use crate::error::{Failure, Result};
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Counts instructions with nothing turned on: start-up and benchmarks of pyperformance, under callgrind.
    Instructions(Instructions),
}

#[derive(Debug, clap::Args)]
struct Instructions {
    #[command(flatten)]
    source: SourceOptions,
    /// How both interpreters are built: a profile of the port.
    #[arg(long, default_value = "plain", value_name = "NAME")]
    profile: String,
    /// Only this benchmark of bench.toml; can be given several times.
    #[arg(long = "benchmark", value_name = "NAME")]
    benchmarks: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Builds both interpreters, measures and shows what was measured.
///
/// # Errors
/// When a build or a benchmark fails, or the patched interpreter executes more than is allowed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let What::Instructions(options) = &options.what;
    let port = &options.source.port;
    let plan = Plan::of(workspace, port, &options.benchmarks)?;
    let mut request = Request {
        source: options.source.clone(),
        profile: options.profile.clone(),
        pristine: false,
        jobs: None,
        through: None,
    };
    let patched = build::build(workspace, &request)?;
    request.pristine = true;
    request.source.release = Some(patched.release.version.clone());
    let pristine = build::build(workspace, &request)?;
    let found = instructions::compare(workspace, &plan, &patched, &pristine)?;
    if options.json {
        print_json(&found)?;
    } else {
        print_table(&found);
    }
    verdict(&found)?;
    Ok(ExitCode::SUCCESS)
}

fn print_table(found: &Comparison) {
    println!("{:16} {:>15} {:>15} {:>8}", "", "pristine", "patched", "");
    for counts in &found.counts {
        println!(
            "{:16} {:15} {:15} {:+7.2}%",
            counts.benchmark,
            counts.pristine,
            counts.patched,
            counts.percent()
        );
    }
}

fn verdict(found: &Comparison) -> Result<()> {
    let tolerance = found.tolerance;
    let beyond = found
        .counts
        .iter()
        .filter(|counts| counts.percent() > tolerance);
    let beyond: Vec<_> = beyond
        .map(|counts| format!("{}: {:+.2} %", counts.benchmark, counts.percent()))
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::check(format!(
        "the patched interpreter executes over {tolerance} % more"
    ));
    for line in beyond {
        failure = failure.because(line);
    }
    Err(failure)
}
