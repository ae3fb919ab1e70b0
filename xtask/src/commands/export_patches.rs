//! `export-patches`: the series as mails, branches and pull requests for upstream, and the lints of a reviewer.

use super::brought_tests::build_and_test;
use super::json::print_json;
use super::{Opened, SourceOptions};
use crate::build::{Patches, Request};
use crate::error::{Failure, Result};
use crate::export::{self, Exporter, Finding, Level, Topic, Wanted};
use crate::lock::Lock;
use crate::series::{Patch, Series};
use crate::suite;
use crate::ui;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `export-patches`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: SourceOptions,
    /// Export only this topic: a title of the series file or its slug, a patch, or whole-series [default: all]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Write nothing; print what a reviewer of CPython would object to, and fail when there is something.
    ///
    /// That is what the lints find in its patches, and CPython's own checks in the tree that each topic results in. What only
    /// a person can supply, such as an issue's number, is printed and does not fail.
    #[arg(long)]
    check: bool,
    /// With --check: leave out the checks that take minutes for each topic, which are those of globals and of the
    /// documentation.
    #[arg(long, requires = "check")]
    quick: bool,
    /// Write nothing; build each topic alone on the pristine sources, without the archive, and run the tests its patches
    /// bring.
    #[arg(long, conflicts_with_all = ["check", "json"])]
    build: bool,
    /// Build profile for --build.
    #[arg(long, default_value = "debug", value_name = "NAME", requires = "build")]
    profile: String,
    /// With --build: run all of CPython's suite on each topic too, and compare it with a pristine build.
    ///
    /// As `test --full` does: a case that fails in the pristine build is upstream's, and what came to its end is kept.
    #[arg(long, requires = "build")]
    full: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Exports topics to target/clinker/export/, or lints or builds them.
///
/// # Errors
/// When a topic does not apply alone, `git am` makes something else of it than the series, or with --build, when one does
/// not build or fails its tests.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let Opened {
        port,
        series,
        obtained,
        database,
    } = options.source.open(workspace)?;
    let exporter = Exporter::new(workspace, &port, &database, &obtained, &series);
    let topics = export::topics(&series, options.topic.as_deref())?;
    if options.build {
        return build_topics(
            workspace,
            options,
            &series,
            &topics,
            &obtained.release.version,
        );
    }
    let mut findings = exporter.lint(&topics)?;
    if options.check {
        let wanted = if options.quick {
            Wanted::Quick
        } else {
            Wanted::All
        };
        findings.extend(exporter.gates(&topics, wanted)?);
    }
    let errors = count(&findings, Level::Error);
    let pending = count(&findings, Level::Pending);
    if options.check {
        if options.json {
            print_json(&findings)?;
        } else {
            for finding in &findings {
                ui::data(format_args!("{}: {}", finding.place, line(finding)));
            }
        }
        ui::say(
            "Checked",
            format_args!("{errors} errors, {pending} for a person to supply"),
        );
        return Ok(if errors == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let exported = exporter.export(&topics, &findings)?;
    if errors + pending > 0 {
        ui::warn(format_args!(
            "{errors} objections and {pending} gaps for a person; `cargo xtask export-patches --check` lists them"
        ));
    }
    if options.json {
        print_json(&exported)?;
    } else {
        for topic in exported {
            ui::data(topic.folder.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds and tests each topic; a topic with the patches of one before is that one.
fn build_topics(
    workspace: &Workspace,
    options: &Options,
    series: &Series,
    topics: &[Topic],
    release: &str,
) -> Result<ExitCode> {
    // All topics are built in one folder, which has to stay as it is while tests run.
    let _lock = Lock::take(&workspace.output().join("each/topics.lock"))?;
    let mut failures = 0;
    for (position, topic) in topics.iter().enumerate() {
        let same = |other: &&Topic| other.patches == topic.patches;
        if let Some(same) = topics[..position].iter().find(same) {
            ui::say(
                "Built",
                format_args!("{} is what {} is", topic.name, same.name),
            );
            continue;
        }
        let patches = topic.patches.iter();
        let patches: Vec<_> = patches
            .map(|position| series.patches()[*position].clone())
            .collect();
        ui::say(
            "Building",
            format_args!("{}: {} patches", topic.name, patches.len()),
        );
        let request = Request {
            source: SourceOptions {
                release: Some(release.to_owned()),
                ..options.source.clone()
            },
            profile: options.profile.clone(),
            pristine: false,
            jobs: None,
            patches: Patches::Only(patches.iter().map(|patch| patch.slug.clone()).collect()),
        };
        match pass(workspace, &request, &topic.name, &patches, options.full) {
            Ok(what) => ui::data(format_args!("{}: builds and passes {what}", topic.name)),
            Err(failure) => {
                failures += 1;
                ui::line(format_args!(
                    "{} topic {}: {failure}\n",
                    console::style("found:").red().bold().for_stderr(),
                    topic.name
                ));
            }
        }
    }
    if failures == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::check(format!(
        "{failures} of {} topics do not build or fail their tests",
        topics.len()
    )))
}

/// Builds and tests one topic; says which tests it passed.
fn pass(
    workspace: &Workspace,
    request: &Request,
    topic: &str,
    patches: &[Patch],
    full: bool,
) -> Result<&'static str> {
    build_and_test(workspace, request, &format!("topic-{topic}"), patches)?;
    if !full {
        return Ok("its tests");
    }
    suite::pass_alone(workspace, request, topic)?;
    Ok("its tests and all of CPython's suite")
}

fn count(findings: &[Finding], level: Level) -> usize {
    findings
        .iter()
        .filter(|finding| finding.level == level)
        .count()
}

fn line(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Error => "error",
        Level::Pending => "pending",
    };
    format!("{word}: {} [{}]", finding.message, finding.lint)
}
