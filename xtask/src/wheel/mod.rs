//! Packs the archive as a wheel: the package `clinker` with an extension module, and the `.pth` file that starts it.
//!
//! A wheel is made for one release: it has an extension module for the patches as they are, and one for a stock interpreter. Each refuses
//! other interpreters. Two wheels of the same sources are the same, byte for byte.

mod cases;
mod file;
mod platform;

use crate::build::{Built, extension};
use crate::error::{Context, Failure, Result};
use crate::lock::Lock;
use crate::port::Port;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

pub use cases::check;

/// Files of the Rust package that go into the wheel, besides those below `wheel/`, each with its place there.
const FILES: [(&str, &str); 2] = [
    ("src/python/jit.py", "clinker/jit.py"),
    ("data/lazy-default.profile", "clinker/lazy/default.profile"),
];

/// A file with its name in the wheel.
fn packed(from: &Path, name: &str) -> Result<(String, Vec<u8>)> {
    let content = std::fs::read(from).doing("read", from)?;
    Ok((name.to_owned(), content))
}

/// The Rust package that is packed.
///
/// # Errors
/// When the port has none.
pub fn package(port: &Port) -> Result<&str> {
    port.archive.as_deref().ok_or_else(|| {
        Failure::environment(format!("port {} has no archive to pack", port.name))
            .next("name its package as `archive` in port.toml")
    })
}

/// The files that are not compiled, each with its name in the wheel.
///
/// # Errors
/// When one cannot be read.
pub fn python_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let wheel = folder.join("wheel");
    let mut files = Vec::new();
    for entry in WalkDir::new(&wheel).sort_by_file_name() {
        let path = entry.doing("read", &wheel)?.into_path();
        let name = path.strip_prefix(&wheel).unwrap_or(&path).to_string_lossy();
        if name.ends_with(".py") || name.ends_with(".pth") {
            files.push(packed(&path, &name)?);
        }
    }
    for (from, name) in FILES {
        files.push(packed(&folder.join(from), name)?);
    }
    Ok(files)
}

/// Builds the wheel for an interpreter with the patches and without archive, and a stock one.
///
/// # Errors
/// When something cannot be compiled or written.
pub fn make(workspace: &Workspace, port: &Port, built: &Built, stock: &Built) -> Result<PathBuf> {
    let package = package(port)?;
    let native = extension::build(workspace, built, package, extension::HOOKS)?;
    let reduced = extension::build(workspace, stock, package, extension::STOCK)?;
    let python = port.abi.soabi.replace("cpython-", "cp");
    let names = file::Names {
        version: format!("{}+py{}", env!("CARGO_PKG_VERSION"), built.release.version),
        requires: format!("=={}.*", port.name),
        tag: format!("{python}-{python}-{}", platform::tag(&[&native, &reduced])?),
        release: built.release.version.clone(),
    };
    let mut files = python_files(&workspace.root().join(package))?;
    files.push(packed(&native, &format!("clinker/{}", extension::HOOKS))?);
    files.push(packed(&reduced, &format!("clinker/{}", extension::STOCK))?);
    let license = workspace.root().join("LICENSE");
    files.push(packed(&license, &names.metadata_file("licenses/LICENSE"))?);

    let folder = workspace.output().join("dist");
    let _lock = Lock::take(&folder.with_added_extension("lock"))?;
    names.write(files, &folder)
}
