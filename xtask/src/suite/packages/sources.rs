//! Brings the source archives of packages here, with pip, and unpacks them.

use super::Suites;
use super::settings::Package;
use crate::error::{Context, Failure, Result};
use crate::pip;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Without the filter, where there is none yet (Python before 3.11.4): hashes of the archives are verified.
const UNPACK: &str = "import sys, tarfile\n\
    archive = tarfile.open(sys.argv[1])\n\
    archive.extraction_filter = getattr(tarfile, 'data_filter', None)\n\
    archive.extractall(sys.argv[2])";

impl Suites<'_> {
    /// The root of a new copy of a package's sources.
    pub(super) fn unpacked(&self, package: &Package) -> Result<PathBuf> {
        let archive = self.archive(package)?;
        let folder = self.folder.join("run");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
        }
        std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
        let mut python = Command::new(&self.built.python);
        python.args(["-I", "-c", UNPACK]).arg(&archive).arg(&folder);
        self.finish(&mut python, package, "could not be unpacked")?;
        let root = only_entry(&folder).ok_or_else(|| {
            Failure::check("a source archive does not have one folder").at(archive.display())
        })?;
        let ours = self.settings.folder.join(&package.name);
        if ours.exists() {
            copy_into(&ours, &root)?;
        }
        Ok(root)
    }

    /// The package's source archive; pip verifies its hash when it is brought here.
    fn archive(&self, package: &Package) -> Result<PathBuf> {
        let pin = self.settings.pin(&package.name).ok_or_else(|| {
            Failure::environment(format!("requirements.txt does not pin {}", package.name))
        })?;
        let version = pin.split_whitespace().next().unwrap_or_default();
        let folder = self.folder.join("archives").join(version);
        if let Some(archive) = only_entry(&folder) {
            return Ok(archive);
        }
        let half = folder.with_added_extension("half");
        std::fs::create_dir_all(&half).doing("make a folder", &half)?;
        let requirements = self.folder.join("archive.txt");
        std::fs::write(&requirements, &pin).doing("write", &requirements)?;
        let words = pip::of(self.built);
        let mut pip = Command::new(&words[0]);
        process::without_python_variables(&mut pip)
            .args(&words[1..])
            .args(["download", "--no-deps", "--require-hashes"])
            // Not of all packages: what builds its metadata can be a wheel.
            .arg(format!("--no-binary={}", package.name))
            .args(["--disable-pip-version-check", "--dest"])
            .arg(&half)
            .arg("--requirement")
            .arg(&requirements);
        self.finish(&mut pip, package, "could not be downloaded")?;
        std::fs::rename(&half, &folder).doing("rename", &half)?;
        only_entry(&folder).ok_or_else(|| {
            Failure::environment("pip downloaded no source archive").at(folder.display())
        })
    }

    fn finish(&self, command: &mut Command, package: &Package, what: &str) -> Result<()> {
        let log = self
            .workspace
            .log(&format!("packages-{}-sources", package.name));
        let finished = process::run(command, &log, |_| ())?;
        if finished.status.success() {
            return Ok(());
        }
        Err(
            Failure::environment(format!("the sources of {} {what}", package.name))
                .because(finished.output.lines().last().unwrap_or_default())
                .next("this needs a network and a package index")
                .log(log),
        )
    }
}

fn only_entry(folder: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(folder).ok()?;
    let entry = entries.next()?.ok()?.path();
    entries.next().is_none().then_some(entry)
}

/// Copies what is in `from` to where it is in `to`.
fn copy_into(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).doing("make a folder", to)?;
    for entry in std::fs::read_dir(from).doing("list", from)? {
        let source = entry.doing("list", from)?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            copy_into(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).doing("copy", &source)?;
        }
    }
    Ok(())
}
