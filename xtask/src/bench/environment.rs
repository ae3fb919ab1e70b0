//! A folder of pinned packages, installed by pip, that every interpreter under test shares.

use crate::build::{Built, identity};
use crate::error::{Context, Failure, Result};
use crate::lock::Lock;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs `packages` with the pip of `python`, unless they are there, and returns their folder.
///
/// # Errors
/// When pip fails: without a network, or when a download does not have its hash.
pub fn packages(workspace: &Workspace, python: &Built, packages: &[String]) -> Result<PathBuf> {
    let folder = workspace
        .output()
        .join("bench")
        .join(format!("packages-{}", python.release.version));
    let _lock = Lock::take(&folder.with_extension("lock"))?;
    let record = folder.join("clinker.json");
    if identity::read::<Vec<String>>(&record).is_some_and(|installed| installed == packages) {
        return Ok(folder);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
    }
    std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, packages.join("\n")).doing("write", &requirements)?;
    let step = ui::Step::new("Installing", "the packages of the benchmarks");
    let log = workspace.log("bench-packages");
    let mut pip = Command::new(&python.python);
    process::without_python_variables(&mut pip)
        .args(["-m", "pip", "install", "--no-deps", "--only-binary=:all:"])
        .args(["--require-hashes", "--no-compile", "--target"])
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirements);
    let finished = process::run(&mut pip, &log, |line| step.detail(line))?;
    if !finished.status.success() {
        return Err(Failure::environment("pip could not install the packages")
            .at(python.python.display())
            .because(finished.output.lines().last().unwrap_or_default())
            .next("this needs a network and a package index")
            .log(log));
    }
    step.done();
    identity::write(&record, &packages)?;
    Ok(folder)
}

/// The script of a benchmark of pyperformance.
///
/// # Errors
/// When the pinned version has none of that name.
pub fn script(packages: &Path, benchmark: &str) -> Result<PathBuf> {
    let path = packages
        .join("pyperformance/data-files/benchmarks")
        .join(format!("bm_{benchmark}/run_benchmark.py"));
    if path.is_file() {
        return Ok(path);
    }
    Err(
        Failure::environment(format!("pyperformance has no benchmark {benchmark}"))
            .at(path.display())
            .next("correct the name in bench.toml of the port"),
    )
}
