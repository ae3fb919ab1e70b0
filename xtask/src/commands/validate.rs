//! `validate`: checks a build against the pristine one.

use super::build::BuildOptions;
use super::json::print_json;
use crate::build;
use crate::error::{Failure, Result};
use crate::port::Port;
use crate::ui;
use crate::validate::{self, Check, Wheels};
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Options of `validate`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    build: BuildOptions,
    /// Install the wheels of cpython-ports/<port>/wheels/ from a package index as well, and use them eagerly and lazily.
    #[arg(long)]
    wheels: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Builds what is asked for and its pristine counterpart, makes all checks and shows them.
///
/// # Errors
/// When a build fails or a check does not hold.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let port = Port::load(workspace, &options.build.source.port)?;
    let profile = port.profile(&options.build.profile)?;
    let mut request = options.build.request();
    let built = build::build(workspace, &request)?;
    request.pristine = true;
    request.source.release = Some(built.release.version.clone());
    let pristine = build::build(workspace, &request)?;
    let wheels = if options.wheels {
        let port = workspace.port_file(&options.build.source.port);
        Wheels::Install(port.with_file_name("wheels"))
    } else {
        Wheels::Skip
    };
    let step = ui::Step::new("Checking", built.prefix.display().to_string());
    let checks = validate::validate(&port, profile, &built, &pristine, &wheels);
    step.done();
    if options.json {
        print_json(&checks)?;
    } else {
        print_table(&checks);
    }
    verdict(&checks).map_err(|failure| failure.at(built.prefix.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows checks, a line each.
pub(super) fn print_table(checks: &[Check]) {
    for check in checks {
        let state = if check.ok { "ok" } else { "FAILED" };
        ui::data(format_args!(
            "{state:7} {:22} {}",
            check.name,
            check.found.replace('\n', "\n        ")
        ));
    }
}

/// Fails when a check does not hold.
///
/// # Errors
/// One that names the checks.
pub fn verdict(checks: &[Check]) -> Result<()> {
    let failed = checks.iter().filter(|check| !check.ok);
    let failed: Vec<_> = failed
        .map(|check| format!("{}: {}", check.name, check.found))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let total = checks.len();
    let mut failure = Failure::check(format!("{} of {total} checks do not hold", failed.len()));
    for line in failed {
        failure = failure.because(line);
    }
    Err(failure)
}
