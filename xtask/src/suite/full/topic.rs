//! CPython's whole suite on one topic alone.
//!
//! That nothing in it is ours is kept under the keys of both builds: all topics are built in one folder, and to find a kept
//! run each would have to be built again.

use super::{Patched, compare, report_file};
use crate::build::{Request, key};
use crate::error::{Failure, Result};
use crate::files;
use crate::suite::{Subject, regrtest};
use crate::ui;
use crate::workspace::Workspace;

/// Runs the suite on the topic `name`, which `request` builds, unless just that was without findings before.
///
/// # Errors
/// When the topic fails or loses a case that passes in the pristine build, cannot be built, or a run does not come to its
/// end.
pub fn pass_alone(workspace: &Workspace, request: &Request, name: &str) -> Result<()> {
    let subject = Subject {
        source: request.source.clone(),
        profile: request.profile.clone(),
        jobs: request.jobs,
    };
    let topic = Patched::Topic {
        name: name.to_owned(),
        patches: request.patches.clone(),
    };
    let ours = key(workspace, request)?;
    let stock = key(workspace, &subject.request(true))?;
    let passed = workspace
        .output()
        .join("suite")
        .join(format!("{ours}-passes-as-{stock}"));
    let arguments = regrtest::arguments().join(" ");
    if std::fs::read_to_string(&passed).is_ok_and(|kept| kept == arguments) {
        ui::say(
            "Passed",
            format_args!("all of CPython's suite, {name} (kept)"),
        );
        return Ok(());
    }
    let comparison = compare(workspace, &subject, &topic, false)?;
    ui::data(comparison.table().trim_end());
    if !comparison.is_clean() {
        let release = comparison.release();
        return Err(Failure::check(
            "cases of CPython's suite pass in the pristine build and not with the topic",
        )
        .at(report_file(workspace, release, &subject, &topic).display())
        .next("see which are `ours` or `lost`"));
    }
    files::write_atomically(&passed, arguments.as_bytes())
}
