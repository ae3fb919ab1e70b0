//! `export-patches`: the series as mails, branches and pull requests for upstream, and the lints of a reviewer.

use super::json::print_json;
use super::{Opened, SourceOptions};
use crate::error::Result;
use crate::export::{self, Exporter, Finding, Level};
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
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Exports topics to target/clinker/export/, or lints them.
///
/// # Errors
/// When a topic does not apply alone, or `git am` makes something else of it than the series.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let Opened {
        port,
        series,
        obtained,
        database,
    } = options.source.open(workspace)?;
    let exporter = Exporter::new(workspace, &port, &database, &obtained, &series);
    let topics = export::topics(&series, options.topic.as_deref())?;
    let mut findings = exporter.lint(&topics)?;
    if options.check {
        findings.extend(exporter.gates(&topics)?);
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
