//! The test suites of packages, in modes that are data: what passes in the first mode has to pass in each.
//!
//! Each suite is unpacked anew for each run, from the package's own source archive, and gets the files of the folder of its
//! name beside packages.toml: what its tests need that only their own runner sets up. A case with another result than in the
//! first mode counts when it has another result again, in a second pair of runs.

mod comparison;
mod junit;
mod settings;
mod sources;

pub use comparison::Compared;

use super::Subject;
use crate::build::{self, Built};
use crate::error::{Context, Failure, Result};
use crate::lock::Lock;
use crate::pip::{self, Packages, Sources};
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use junit::{Cases, Difference};
use settings::{Mode, Package, Settings};
use std::path::PathBuf;
use std::process::Command;

/// Where suites run, and with what.
struct Suites<'a> {
    workspace: &'a Workspace,
    settings: &'a Settings,
    built: &'a Built,
    installed: PathBuf,
    folder: PathBuf,
}

/// Runs the suites of the port's packages.toml, or those of `only`, in all modes.
///
/// # Errors
/// When the interpreter cannot be built, packages cannot be had or a suite does not come to its end in the first mode.
pub fn compare(workspace: &Workspace, subject: &Subject, only: &[String]) -> Result<Vec<Compared>> {
    let settings = Settings::of(workspace, &subject.source.port, only)?;
    let built = build::build(workspace, &subject.request(false))?;
    let prefix = built.prefix.file_name().unwrap_or_default();
    let folder = workspace.output().join("packages").join(prefix);
    let _lock = Lock::take(&folder.with_added_extension("lock"))?;
    let packages = Packages {
        folder: folder.join("installed"),
        name: "packages and what their tests need",
        requirements: &settings.requirements,
        pip: pip::of(&built),
        sources: Sources::Refuse,
    };
    packages.install(workspace)?;
    let suites = Suites {
        workspace,
        settings: &settings,
        built: &built,
        installed: packages.folder,
        folder,
    };
    let mut found = Vec::new();
    for package in &settings.packages {
        found.extend(suites.compare(package)?);
    }
    Ok(found)
}

impl Suites<'_> {
    fn compare(&self, package: &Package) -> Result<Vec<Compared>> {
        let Some((first, others)) = self.settings.modes.split_first() else {
            return Ok(Vec::new());
        };
        let wanted = self.run(package, first)?;
        if wanted.counts().passed == 0 {
            return Err(Failure::check(format!(
                "no test of {} passes in the mode {}",
                package.name, first.name
            ))
            .log(self.log(package, first)));
        }
        let mut found = vec![Compared::alone(package, first, &wanted)];
        for mode in others.iter().filter(|mode| package.runs_in(mode)) {
            let mut cases = self.run(package, mode)?;
            let mut differences = unexpected(package, mode, wanted.differences(&cases), &cases);
            if !differences.is_empty() {
                let again = self.run(package, first)?;
                cases = self.run(package, mode)?;
                let second = unexpected(package, mode, again.differences(&cases), &cases);
                differences
                    .retain(|difference| second.iter().any(|other| other.case == difference.case));
            }
            found.push(Compared::with(package, mode, &cases, differences));
        }
        Ok(found)
    }

    fn log(&self, package: &Package, mode: &Mode) -> PathBuf {
        let name = format!("packages-{}-{}", package.name, mode.name);
        self.workspace.log(&name)
    }

    /// Runs a suite in a mode. One that ends early has one case, which failed.
    fn run(&self, package: &Package, mode: &Mode) -> Result<Cases> {
        let step = ui::Step::new("Testing", format!("{}, {}", package.name, mode.name));
        let sources = self.unpacked(package)?;
        let junit = self.folder.join("junit.xml");
        crate::files::remove_if_there(&junit)?;
        let log = self.log(package, mode);
        let mut command = Command::new(&self.built.python);
        process::without_python_variables(&mut command)
            .args(["-m", "pytest", "--quiet", "--color=no", "--junitxml"])
            .arg(&junit)
            .args(&package.tests)
            .current_dir(&sources)
            .envs(&self.built.environment)
            .envs(&self.settings.environment)
            .envs(&mode.environment)
            .env("PYTHONPATH", &self.installed);
        let finished = process::run(&mut command, &log, |line| step.detail(line.trim()))?;
        step.done();
        if !junit.exists() {
            return Ok(Cases::broken(&finished));
        }
        let text = std::fs::read_to_string(&junit).doing("read", &junit)?;
        Cases::read(&text).map_err(|error| {
            Failure::check("pytest wrote no valid JUnit file")
                .at(junit.display())
                .because(error)
                .log(log)
        })
    }
}

/// The differences without those that must be, and with those that must be and are not.
fn unexpected(
    package: &Package,
    mode: &Mode,
    found: Vec<Difference>,
    cases: &Cases,
) -> Vec<Difference> {
    let (expected, mut others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|difference| package.expects(mode, &difference.case));
    for listed in package.differing(mode) {
        let is_listed = |case: &str| case == listed || case.starts_with(&format!("{listed}["));
        if !expected.iter().any(|one| is_listed(&one.case)) {
            others.push(cases.unchanged(listed));
        }
    }
    others
}
