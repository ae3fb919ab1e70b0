//! `check --build-each`: each patch builds on those before it and passes the tests it brings.

use super::SourceOptions;
use super::brought_tests::build_and_test;
use crate::build::{Patches, Request};
use crate::error::{Failure, Result};
use crate::port::Release;
use crate::series::Series;
use crate::ui;
use crate::workspace::Workspace;

/// Builds every prefix of the series and runs the tests its last patch touches; returns what failed. What passed is kept:
/// the next run takes only the prefixes that changed, or did not pass.
///
/// # Errors
/// When a build cannot be begun.
pub fn run(
    workspace: &Workspace,
    options: &SourceOptions,
    release: &Release,
    series: &Series,
    profile: &str,
) -> Result<Vec<Failure>> {
    let mut findings = Vec::new();
    for (position, patch) in series.patches().iter().enumerate() {
        ui::say(
            "Building",
            format_args!(
                "{} of {}: {}",
                position + 1,
                series.patches().len(),
                patch.slug
            ),
        );
        let request = Request {
            source: SourceOptions {
                release: Some(release.version.clone()),
                ..options.clone()
            },
            profile: profile.to_owned(),
            pristine: false,
            jobs: None,
            patches: Patches::Through(patch.slug.clone()),
        };
        let tested = build_and_test(
            workspace,
            &request,
            &patch.slug,
            std::slice::from_ref(patch),
        );
        if let Err(mut failure) = tested {
            failure.what = format!("with the series up to {}: {}", patch.slug, failure.what);
            findings.push(failure);
        }
    }
    Ok(findings)
}
