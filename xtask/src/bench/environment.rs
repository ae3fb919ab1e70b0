//! The packages of the benchmarks.

use crate::build::Built;
use crate::error::{Failure, Result};
use crate::pip::{self, Packages, Sources};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// Installs `packages` for the interpreters of a release, and returns their folder.
///
/// # Errors
/// See [`Packages::install`].
pub fn packages(workspace: &Workspace, python: &Built, packages: &[String]) -> Result<PathBuf> {
    let folder = workspace
        .output()
        .join("bench")
        .join(format!("packages-{}", python.release.version));
    let packages = Packages {
        folder,
        name: "the packages of the benchmarks",
        requirements: &packages.join("\n"),
        pip: pip::of(python),
        sources: Sources::Refuse,
    };
    packages.install(workspace)?;
    Ok(packages.folder)
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
