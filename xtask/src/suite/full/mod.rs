//! CPython's whole suite on the patched build, case by case against the pristine one: upstream's failures are told from ours.
//!
//! Three runs: pristine, patched without a client of the hooks, patched with the archive registered. Each is kept under its
//! build's key once it came to its end, so that an interrupted comparison goes on where it was. With [`Patched::Lazy`] and
//! [`Patched::Jit`], there is one run instead of the last two: patched, in that mode. With [`Patched::Topic`] it is that of a
//! build of one topic alone.

mod keep;
mod report;
mod rerun;
mod topic;
mod verdict;

pub use report::Comparison;
use report::Exempt;
pub use topic::pass_alone;

use super::Subject;
use super::modules::{self, Interpreted, NotLazy};
use super::regrtest::{Run, is_of};
use crate::build::{self, Built, Patches, Request};
use crate::error::{Failure, Result};
use crate::files;
use crate::lock::Lock;
use crate::port::{Port, Variables};
use crate::ui;
use crate::workspace::Workspace;
use std::path::PathBuf;

/// An interpreter and how it is started.
struct Configuration<'a> {
    name: &'static str,
    built: &'a Built,
    environment: Variables,
    left_out: Vec<NotLazy>,
    interpreted: Vec<Interpreted>,
}

impl<'a> Configuration<'a> {
    /// `built` with these variables besides those of its profile.
    fn of(name: &'static str, built: &'a Built, variables: &[(&str, &str)]) -> Self {
        let mut environment = built.environment.clone();
        environment.extend(variables.iter().map(|(k, v)| ((*k).into(), (*v).into())));
        Self {
            name,
            built,
            environment,
            left_out: Vec::new(),
            interpreted: Vec::new(),
        }
    }
}

/// How the patched build is run.
#[derive(Debug, Clone)]
pub enum Patched {
    /// Without a client of the hooks, and with the archive registered.
    Idle,
    /// With all imports lazy, without the modules that `tests.toml` leaves out.
    Lazy,
    /// With the compiler.
    Jit(Jit),
    /// With the patches of one topic alone, and without the archive.
    Topic {
        /// Its name.
        name: String,
        /// Its patches.
        patches: Patches,
    },
}

/// What the compiler compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
pub enum Jit {
    /// What is hot.
    #[serde(rename = "auto")]
    Auto,
    /// Everything, when the interpreter has run it 64 times.
    #[value(name = "all,warm")]
    #[serde(rename = "all,warm")]
    AllWarm,
    /// Everything, before it runs first.
    #[value(name = "all,sync")]
    #[serde(rename = "all,sync")]
    AllSync,
}

impl Jit {
    /// Its value in `PYTHON_JIT`, which is the name of the configuration.
    fn value(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AllWarm => "all,warm",
            Self::AllSync => "all,sync",
        }
    }
}

impl Patched {
    /// What follows the profile in the name of the report.
    fn suffix(&self) -> String {
        match self {
            Self::Idle => String::new(),
            Self::Lazy => "-lazy".into(),
            Self::Jit(jit) => format!("-jit-{}", jit.value().replace(',', "-")),
            Self::Topic { name, .. } => format!("-topic-{name}"),
        }
    }

    /// The patched build.
    fn request(&self, subject: &Subject) -> Request {
        let mut request = subject.request(false);
        if let Self::Topic { patches, .. } = self {
            request.patches = patches.clone();
        }
        request
    }

    /// The configurations of `built` that are compared with the pristine build.
    fn configurations<'a>(
        &self,
        workspace: &Workspace,
        port: &Port,
        built: &'a Built,
    ) -> Result<Vec<Configuration<'a>>> {
        Ok(match self {
            Self::Idle => {
                let archive = Configuration::of("archive", built, &[("PYTHON_JIT", "1")]);
                let registered = port.archive.is_some().then_some(archive);
                let idle = Configuration::of("no client", built, &[]);
                std::iter::once(idle).chain(registered).collect()
            }
            Self::Lazy => vec![Configuration {
                left_out: modules::not_lazy(workspace, &port.name)?,
                ..Configuration::of("lazy", built, &[("PYTHON_LAZY_IMPORTS", "all")])
            }],
            Self::Jit(jit) => {
                let interpreted = modules::interpreted(workspace, &port.name, *jit)?;
                let denied = interpreted.iter().flat_map(|one| &one.code);
                let value = denied.fold(jit.value().to_owned(), |value, code| {
                    format!("{value},deny={code}")
                });
                vec![Configuration {
                    interpreted,
                    ..Configuration::of(jit.value(), built, &[("PYTHON_JIT", &value)])
                }]
            }
            Self::Topic { .. } => vec![Configuration::of("topic", built, &[])],
        })
    }
}

/// Runs what is not kept yet and compares.
///
/// # Errors
/// When an interpreter cannot be built, or a run does not come to its end.
pub fn compare(
    workspace: &Workspace,
    subject: &Subject,
    mode: &Patched,
    fresh: bool,
) -> Result<Comparison> {
    let port = Port::load(workspace, &subject.source.port)?;
    let folder = workspace.output().join("suite");
    let _lock = Lock::take(&folder.join("lock"))?;
    let pristine = build::build(workspace, &subject.request(true))?;
    let patched = build::build(workspace, &mode.request(subject))?;
    let mut configurations = vec![Configuration::of("pristine", &pristine, &[])];
    configurations.extend(mode.configurations(workspace, &port, &patched)?);
    let mut runs: Vec<Run> = Vec::new();
    for configuration in &configurations {
        runs.push(keep::run(&folder, configuration, subject, fresh)?);
    }
    let (stock, ours) = runs
        .split_first_mut()
        .ok_or_else(|| Failure::check("nothing was run"))?;
    let left_out = configurations.iter().flat_map(|one| &one.left_out);
    stock.leave_out(|file| left_out.clone().any(|one| is_of(file, &one.module)));
    let mut findings = Vec::new();
    for (configuration, run) in configurations[1..].iter().zip(ours) {
        let suspects = verdict::suspects(stock, run);
        let logs = folder.join("reruns").join(keep::slug(configuration));
        let verdicts = rerun::judge(
            &logs,
            &configurations[0],
            configuration,
            run,
            stock,
            suspects,
        )?;
        findings.extend(verdict::findings(configuration.name, stock, run, verdicts));
    }
    let comparison = Comparison::new(
        &patched.release.version,
        &subject.profile,
        configurations.iter().map(|c| c.name).zip(&runs),
        findings,
        configurations.iter().flat_map(Exempt::of).collect(),
    );
    let report = report_file(workspace, &patched.release.version, subject, mode);
    files::write_atomically(&report, comparison.markdown().as_bytes())?;
    ui::say("Wrote", report.display());
    Ok(comparison)
}

fn report_file(workspace: &Workspace, release: &str, subject: &Subject, mode: &Patched) -> PathBuf {
    let (profile, suffix) = (&subject.profile, mode.suffix());
    let name = format!("comparison-{release}-{profile}{suffix}.md");
    workspace.output().join(name)
}
