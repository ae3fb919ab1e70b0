//! `bench`: measures the patched interpreter against the pristine one.

use super::SourceOptions;
use super::json::print_json;
use crate::bench::apps;
use crate::bench::compiled;
use crate::bench::designs;
use crate::bench::instructions::{self, Comparison};
use crate::bench::jit;
use crate::bench::lazy::{self, Against, Purpose};
use crate::build::{self, Built, Patches, Request};
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::port::Port;
use crate::ui;
use crate::workspace::Workspace;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Counts instructions with nothing turned on: start-up, benchmarks of pyperformance and operations of dictionaries, under
    /// callgrind.
    Instructions(Instructions),
    /// Measures the start of command-line tools with imports eager and lazy, and checks that they do the same.
    Lazy(Lazy),
    /// Compares lazy imports in the dictionary with two other designs: what sees a placeholder, instructions, the start of tools.
    LazyDesigns(LazyDesigns),
    /// Measures benchmarks of pyperformance compiled: steady state, the first second, memory.
    Jit(Jit),
    /// Measures real programs from start to end, compiled, and checks that they do the same.
    Apps(Apps),
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

#[derive(Debug, clap::Args)]
struct Lazy {
    #[command(flatten)]
    source: SourceOptions,
    /// How both interpreters are built: a profile of the port.
    #[arg(long, default_value = "release", value_name = "NAME")]
    profile: String,
    /// Only this tool of tools.toml; can be given several times.
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// Interleaved runs of each command [default: as in tools.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measure another interpreter too; can be given several times.
    ///
    /// It is compared with the one given before it whose command its own begins with, else with the stock build:
    /// `--against 3.15=python3.15 --against "3.15 all=python3.15 -X lazy_imports=all"`. The tools are installed for it.
    #[arg(long, value_name = "NAME=COMMAND")]
    against: Vec<Against>,
    /// Write what was measured as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the wall times.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct LazyDesigns {
    #[command(flatten)]
    source: SourceOptions,
    /// Only this tool of tools.toml; can be given several times.
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// Interleaved starts of each tool [default: as in tools.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Write what was measured as JSON, with each way of reading.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Jit {
    #[command(flatten)]
    source: SourceOptions,
    /// How both interpreters are built: a profile of the port.
    #[arg(long, default_value = "release", value_name = "NAME")]
    profile: String,
    /// The value of `-X jit` for the patched interpreter.
    #[arg(long, default_value = "auto", value_name = "VALUE")]
    mode: String,
    /// Only this benchmark of bench.toml; can be given several times.
    #[arg(long = "benchmark", value_name = "NAME")]
    benchmarks: Vec<String>,
    /// Instead of them, programs by which a compiler that guesses has most to lose: bench/hostile.py.
    #[arg(long, conflicts_with = "benchmarks")]
    hostile: bool,
    /// Interleaved runs of each script [default: as in bench.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// How long each benchmark runs [default: as in bench.toml]
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// Measure another interpreter too, compared with the stock build; can be given several times.
    #[arg(long, value_name = "NAME=COMMAND")]
    against: Vec<Against>,
    /// Write what was measured as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the steady state.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Apps {
    /// Only these applications of apps.toml.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    source: SourceOptions,
    /// How both interpreters are built: a profile of the port.
    #[arg(long, default_value = "release", value_name = "NAME")]
    profile: String,
    /// The value of `-X jit` for the patched interpreter.
    #[arg(long, default_value = "auto", value_name = "VALUE")]
    mode: String,
    /// Interleaved runs of each application [default: as in apps.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measure another interpreter too, compared with the stock build; can be given several times.
    #[arg(long, value_name = "NAME=COMMAND")]
    against: Vec<Against>,
    /// Write what was measured as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds both interpreters, measures and shows what was measured.
///
/// # Errors
/// When a build or a benchmark fails, or the patched interpreter does not do what it must.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    match &options.what {
        What::Instructions(options) => run_instructions(workspace, options)?,
        What::Lazy(options) => run_lazy(workspace, options)?,
        What::LazyDesigns(options) => run_lazy_designs(workspace, options)?,
        What::Jit(options) => run_jit(workspace, options)?,
        What::Apps(options) => run_apps(workspace, options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run_instructions(workspace: &Workspace, options: &Instructions) -> Result<()> {
    let port = &options.source.port;
    let plan = instructions::Plan::of(workspace, port, &options.benchmarks)?;
    let (patched, pristine) = build_both(workspace, &options.source, &options.profile)?;
    let found = instructions::compare(workspace, &plan, &patched, &pristine)?;
    if options.json {
        print_json(&found)?;
    } else {
        print_table(&found);
    }
    verdict(&found)
}

fn run_lazy(workspace: &Workspace, options: &Lazy) -> Result<()> {
    let mut plan = lazy::Plan::of(workspace, &options.source.port, &options.tools)?;
    plan.rounds = options.rounds.unwrap_or(plan.rounds);
    let (patched, pristine) = build_both(workspace, &options.source, &options.profile)?;
    let builds = lazy::Builds {
        profile: &options.profile,
        patched: &patched,
        pristine: &pristine,
    };
    let report = lazy::measure(workspace, &plan, &builds, &options.against)?;
    lazy::print(&report);
    if let Some(file) = &options.json {
        let text = serde_json::to_vec_pretty(&report).doing("write JSON to", file)?;
        write_atomically(file, &text)?;
    }
    if let Some(file) = &options.svg {
        write_atomically(file, lazy::svg(&report).as_bytes())?;
    }
    same(report.failures())
}

fn run_lazy_designs(workspace: &Workspace, options: &LazyDesigns) -> Result<()> {
    designs::check_machine()?;
    let port = Port::load(workspace, &options.source.port)?;
    let mut plan = lazy::Plan::of(workspace, &port.name, &options.tools)?;
    plan.rounds = options.rounds.unwrap_or(plan.rounds);
    // The start is what designs differ in.
    plan.cases.retain(|case| case.purpose == Purpose::Version);
    let pristine = build_one(workspace, &options.source, designs::PRISTINE, true)?;
    let source = same_release(&options.source, &pristine);
    let dictionary = build_one(workspace, &source, designs::DICTIONARY, false)?;
    let instructions = build_one(workspace, &source, designs::INSTRUCTIONS, false)?;
    let report = designs::measure(
        workspace,
        &port,
        &plan,
        &designs::Builds {
            pristine: &pristine,
            dictionary: &dictionary,
            instructions: &instructions,
        },
    )?;
    if let Some(file) = &options.json {
        let text = serde_json::to_vec_pretty(&report).doing("write JSON to", file)?;
        write_atomically(file, &text)?;
    }
    none(
        report.escapes(),
        "ways of reading do not get the object from the dictionary",
    )?;
    same(report.failures())
}

fn run_jit(workspace: &Workspace, options: &Jit) -> Result<()> {
    let (patched, pristine) = build_both(workspace, &options.source, &options.profile)?;
    let report = jit::measure(
        workspace,
        &jit::Subject {
            builds: compiled::Builds {
                patched: &patched,
                pristine: &pristine,
                profile: &options.profile,
                mode: &options.mode,
            },
            against: &options.against,
            port: &options.source.port,
            only: &options.benchmarks,
            hostile: options.hostile,
            rounds: options.rounds,
            seconds: options.seconds,
        },
    )?;
    jit::print(&report);
    if let Some(file) = &options.json {
        let text = serde_json::to_vec_pretty(&report).doing("write JSON to", file)?;
        write_atomically(file, &text)?;
    }
    if let Some(file) = &options.svg {
        write_atomically(file, jit::svg(&report).as_bytes())?;
    }
    Ok(())
}

fn run_apps(workspace: &Workspace, options: &Apps) -> Result<()> {
    let mut plan = apps::Plan::of(workspace, &options.source.port, &options.names)?;
    plan.rounds = options.rounds.unwrap_or(plan.rounds);
    let (patched, pristine) = build_both(workspace, &options.source, &options.profile)?;
    let builds = compiled::Builds {
        patched: &patched,
        pristine: &pristine,
        profile: &options.profile,
        mode: &options.mode,
    };
    let report = apps::measure(workspace, &plan, &builds, &options.against)?;
    apps::print(&report);
    if let Some(file) = &options.json {
        let text = serde_json::to_vec_pretty(&report).doing("write JSON to", file)?;
        write_atomically(file, &text)?;
    }
    same(report.failures())
}

/// The patched interpreter and the pristine one of the same release.
fn build_both(
    workspace: &Workspace,
    source: &SourceOptions,
    profile: &str,
) -> Result<(Built, Built)> {
    let patched = build_one(workspace, source, profile, false)?;
    let source = same_release(source, &patched);
    let pristine = build_one(workspace, &source, profile, true)?;
    Ok((patched, pristine))
}

fn build_one(
    workspace: &Workspace,
    source: &SourceOptions,
    profile: &str,
    pristine: bool,
) -> Result<Built> {
    let request = Request {
        source: source.clone(),
        profile: profile.to_owned(),
        pristine,
        jobs: None,
        patches: Patches::All,
    };
    build::build(workspace, &request)
}

fn same_release(source: &SourceOptions, built: &Built) -> SourceOptions {
    SourceOptions {
        release: Some(built.release.version.clone()),
        ..source.clone()
    }
}

/// Fails if commands, given with how they differ, did not do the same.
fn same(failures: Vec<(impl Display, &str)>) -> Result<()> {
    none(
        failures,
        "commands do not do the same as with the stock interpreter",
    )
}

/// Fails if there are failures, given with what happened.
fn none(failures: Vec<(impl Display, &str)>, what: &str) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::check(format!("{} {what}", failures.len()));
    for (name, difference) in failures {
        failure = failure.because(format!("{name}\n{difference}"));
    }
    Err(failure)
}

fn print_table(found: &Comparison) {
    ui::data(format_args!(
        "{:24} {:>15} {:>15} {:>8}",
        "", "pristine", "patched", ""
    ));
    for counts in &found.counts {
        ui::data(format_args!(
            "{:24} {:15} {:15} {:+7.2}%",
            counts.benchmark,
            counts.pristine,
            counts.patched,
            counts.percent()
        ));
    }
}

fn verdict(found: &Comparison) -> Result<()> {
    let beyond = found
        .counts
        .iter()
        .filter(|counts| counts.percent() > counts.tolerance);
    let beyond: Vec<_> = beyond
        .map(|counts| {
            let (percent, tolerance) = (counts.percent(), counts.tolerance);
            format!("{}: {percent:+.2} %, allowed {tolerance}", counts.benchmark)
        })
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    let mut failure =
        Failure::check("the patched interpreter executes more instructions than it may");
    for line in beyond {
        failure = failure.because(line);
    }
    Err(failure)
}
