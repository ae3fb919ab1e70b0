//! Builds the archive as an extension module, for interpreters that it is not linked into.
//!
//! The object of the Rust side is that of the archive, compiled for the headers of the interpreter, which may be a pristine one. The C side is compiled by CPython's make in a build tree without
//! archive, by the rules of the package's `extension.mk`.

use super::archive::{Trees, folder, write_if_new};
use super::cpython::relative;
use super::logged::Log;
use super::{Built, with_suffix};
use crate::error::{Context, Result};
use crate::lock::Lock;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name in its package of the extension module for interpreters with the hooks.
pub const HOOKS: &str = "_native.so";

/// The same for stock ones.
pub const STOCK: &str = "_stock.so";

/// Builds `package` for `built`, and returns the file, which gets one of the names above.
///
/// # Errors
/// When a compiler or linker fails.
pub fn build(workspace: &Workspace, built: &Built, package: &str, file: &str) -> Result<PathBuf> {
    let _lock = Lock::take(&with_suffix(&built.build_tree, ".lock"))?;
    let mut log = Log::start(workspace.log(&format!("extension-{}", built.release.version)))?;
    let trees = Trees {
        workspace,
        source: &built.source_tree,
        build: &built.build_tree,
    };
    let object = trees.object(package, &mut log)?;
    let objects = folder(&built.build_tree).join("extension");
    std::fs::create_dir_all(&objects).doing("make a folder", &objects)?;
    // By paths from the build tree: then what is compiled does not name the folder this repository lies in.
    let from_here = |path: &Path| relative(&built.build_tree, path);
    let here = from_here(&objects)?;
    let target = here.join(file);
    write_if_new(
        &objects.join("rules.mk"),
        &format!(
            "CLINKER_PACKAGE := {package}\nCLINKER_RUST := {object}\nCLINKER_EXTENSION := {target}\ninclude $(CLINKER_PACKAGE)/extension.mk\n",
            package = from_here(&workspace.root().join(package))?.display(),
            object = from_here(&object)?.display(),
            target = target.display(),
        ),
    )?;
    let mut make = Command::new("make");
    make.args(["-f", "Makefile", "-f"])
        .arg(here.join("rules.mk"))
        .arg("--eval=.DELETE_ON_ERROR:")
        .arg(target)
        .current_dir(&built.build_tree)
        .envs(&built.environment);
    for variable in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        make.env_remove(variable);
    }
    log.run("Compiling", "the extension module", &mut make)?;
    Ok(objects.join(file))
}
