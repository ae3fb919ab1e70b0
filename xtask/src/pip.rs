//! Installs pinned packages into folders, with pip.

use crate::build::{Built, identity};
use crate::error::{Context, Failure, Result};
use crate::lock::Lock;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages that are to be installed into a folder.
pub struct Packages<'a> {
    /// The folder.
    pub folder: PathBuf,
    /// What they are for.
    pub name: &'a str,
    /// Lines of a requirements file of pip: pinned versions with hashes.
    pub requirements: &'a str,
    /// What starts pip: a command and its arguments.
    pub pip: Vec<OsString>,
    /// Whether packages may be built here of which there are no wheels for the interpreter.
    pub sources: Sources,
}

/// Whether packages may be built of their sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Where there is no wheel.
    Build,
    /// Only wheels are installed.
    Refuse,
}

impl Packages<'_> {
    /// Installs them, unless they are there.
    ///
    /// # Errors
    /// When pip fails: without a network, or when a download does not have its hash.
    pub fn install(&self, workspace: &Workspace) -> Result<()> {
        let folder = &self.folder;
        let _lock = Lock::take(&folder.with_added_extension("lock"))?;
        let record = folder.join("clinker.json");
        if identity::read::<String>(&record).is_some_and(|found| found == self.requirements) {
            return Ok(());
        }
        if folder.exists() {
            std::fs::remove_dir_all(folder).doing("remove", folder)?;
        }
        std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        let requirements = folder.join("requirements.txt");
        std::fs::write(&requirements, self.requirements).doing("write", &requirements)?;
        let step = ui::Step::new("Installing", self.name);
        let log = workspace.log(&format!("install-{}", name_of(folder)));
        let mut pip = Command::new(&self.pip[0]);
        process::without_python_variables(&mut pip)
            .args(&self.pip[1..])
            .args(["install", "--no-deps", "--require-hashes", "--no-compile"])
            .args(["--disable-pip-version-check", "--target"])
            .arg(folder)
            .arg("--requirement")
            .arg(&requirements);
        if self.sources == Sources::Refuse {
            pip.arg("--only-binary=:all:");
        }
        let finished = process::run(&mut pip, &log, |line| step.detail(line))?;
        if !finished.status.success() {
            let error = finished.output.lines().rev();
            let error = error.into_iter().find(|line| line.starts_with("ERROR"));
            return Err(
                Failure::environment(format!("pip could not install {}", self.name))
                    .at(self.pip[0].display())
                    .because(error.unwrap_or_else(|| finished.output.lines().last().unwrap_or("")))
                    .next("this needs a network and a package index")
                    .log(log),
            );
        }
        step.done();
        identity::write(&record, &self.requirements)
    }
}

/// The pip of an interpreter.
pub fn of(python: &Built) -> Vec<OsString> {
    vec![python.python.clone().into(), "-m".into(), "pip".into()]
}

fn name_of(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
