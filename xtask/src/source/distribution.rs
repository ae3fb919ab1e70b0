//! Takes a release's tarball from the source package of a Linux distribution, through apt.
//!
//! Runs the machine's own apt, with its proxies and credentials, on a private folder: indexes, downloads and list of
//! sources are all in `target/clinker/apt`, hooks of the machine's configuration are switched off, and nothing outside
//! that folder is written. The archive is the one the machine already trusts, asked for the suite that the port names.

use super::apt::{self, Archive};
use super::tag::last_line;
use super::{Answer, cache::Cache, download, unpack};
use crate::error::{Context, Result};
use crate::files::write_atomically;
use crate::port::{Distribution, Release};
use crate::ui;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Brings the package's unchanged tarball into the cache.
pub fn fetch(
    workspace: &Workspace,
    origin: &Distribution,
    release: &Release,
    cache: &Cache,
) -> Result<Answer<PathBuf>> {
    if which::which("apt-get").is_err() {
        return Ok(Answer::Lacks("this machine has no apt".into()));
    }
    let archives = apt::own_archives()?;
    if archives.is_empty() {
        return Ok(Answer::Lacks(
            "apt's sources name no archive of the distribution itself".into(),
        ));
    }
    let mut reason = String::new();
    for archive in &archives {
        let private = Private::make(workspace, archive, origin)?;
        match private.tarball(origin)? {
            Answer::Have(tarball) => {
                return keep(&tarball, origin, release, cache).map(Answer::Have);
            }
            Answer::Lacks(why) | Answer::Broken(why) => reason = why,
        }
    }
    Ok(Answer::Lacks(reason))
}

/// Checks the tarball and moves it into the cache, through a copy: the two may be on different disks.
fn keep(
    tarball: &Path,
    origin: &Distribution,
    release: &Release,
    cache: &Cache,
) -> Result<PathBuf> {
    let sum = unpack::sha256(tarball)?;
    if sum != release.sha256 {
        std::fs::remove_file(tarball).doing("remove a broken download", tarball)?;
        let place = format!(
            "source package {} {} of {}",
            origin.package, origin.version, origin.suite
        );
        return Err(download::wrong_hash(&place, release, &sum));
    }
    let partial = cache.partial();
    if let Some(folder) = partial.parent() {
        std::fs::create_dir_all(folder).doing("make the folder of the cache", folder)?;
    }
    std::fs::copy(tarball, &partial).doing("copy a tarball into the cache", &partial)?;
    let kept = cache.keep(&partial)?;
    std::fs::remove_file(tarball).doing("remove", tarball)?;
    Ok(kept)
}

/// A folder in which apt finds nothing but one suite's source packages.
struct Private {
    folder: PathBuf,
}

impl Private {
    fn make(workspace: &Workspace, archive: &Archive, origin: &Distribution) -> Result<Self> {
        let folder = workspace.output().join("apt").join(&origin.suite);
        let private = Self { folder };
        for name in [
            "lists/partial",
            "cache/archives/partial",
            "download",
            "empty",
        ] {
            let folder = private.folder.join(name);
            std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
        }
        let signed_by = archive
            .signed_by
            .as_deref()
            .map_or_else(String::new, |key| format!("Signed-By: {key}\n"));
        let sources = format!(
            "Types: deb-src\nURIs: {}\nSuites: {}\nComponents: main\n{signed_by}",
            archive.address, origin.suite
        );
        write_atomically(&private.folder.join("archive.sources"), sources.as_bytes())?;
        let settings = private.settings();
        write_atomically(&private.folder.join("apt.conf"), settings.as_bytes())?;
        Ok(private)
    }

    /// Read after the machine's own settings: hooks are cleared, every place that apt writes to is ours.
    fn settings(&self) -> String {
        let folder = self.folder.display();
        format!(
            "#clear APT::Update::Pre-Invoke;\n\
             #clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n\
             Dir::Etc::sourcelist \"{folder}/archive.sources\";\n\
             Dir::Etc::sourceparts \"{folder}/empty\";\n\
             Dir::Etc::preferencesparts \"{folder}/empty\";\n\
             Dir::Etc::preferences \"{folder}/none\";\n\
             Dir::State \"{folder}\";\n\
             Dir::State::lists \"{folder}/lists\";\n\
             Dir::State::status \"/dev/null\";\n\
             Dir::Cache \"{folder}/cache\";\n\
             Dir::Log \"{folder}\";\n\
             APT::Sandbox::User \"\";\n\
             APT::Default-Release \"\";\n\
             APT::Get::Only-Source \"true\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::Retries \"2\";\n\
             Acquire::http::Timeout \"10\";\n\
             Acquire::https::Timeout \"10\";\n"
        )
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        Command::new(program)
            .arg("-c")
            .arg(self.folder.join("apt.conf"))
            .args(arguments)
            .current_dir(self.folder.join("download"))
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .doing("run", Path::new(program))
    }

    fn tarball(&self, origin: &Distribution) -> Result<Answer<PathBuf>> {
        let step = ui::Step::new(
            "Reading",
            format!("the source packages of {}", origin.suite),
        );
        let updated = self.run("apt-get", &["update", "--error-on=any"])?;
        if !updated.status.success() {
            return Ok(Answer::Lacks(apt_error(&updated)));
        }
        step.done();
        let listed = self.run("apt-cache", &["showsrc", "--only-source", &origin.package])?;
        let Some(package) = newest(&String::from_utf8_lossy(&listed.stdout), origin) else {
            return Ok(Answer::Lacks(format!(
                "{} has no {} {}",
                origin.suite, origin.package, origin.version
            )));
        };
        let step = ui::Step::new("Downloading", format!("{} through apt", package.tarball));
        let wanted = format!("{}={}", origin.package, package.version);
        let arguments = [
            "source",
            "--quiet=2",
            "--download-only",
            "--tar-only",
            &wanted,
        ];
        let downloaded = self.run("apt-get", &arguments)?;
        if !downloaded.status.success() {
            return Ok(Answer::Lacks(apt_error(&downloaded)));
        }
        step.done();
        let tarball = self.folder.join("download").join(&package.tarball);
        if tarball.is_file() {
            return Ok(Answer::Have(tarball));
        }
        Ok(Answer::Lacks(format!(
            "apt did not download {}",
            package.tarball
        )))
    }
}

/// A source package that carries the wanted upstream version.
struct Package {
    version: String,
    tarball: String,
}

/// The last listed package of the wanted upstream version, whatever the distribution's own revision is.
fn newest(listing: &str, origin: &Distribution) -> Option<Package> {
    let mut found = None;
    for stanza in listing.split("\n\n") {
        let Some(version) = stanza
            .lines()
            .find_map(|line| line.strip_prefix("Version: "))
        else {
            continue;
        };
        let upstream = version
            .rsplit_once('-')
            .map_or(version, |(upstream, _)| upstream);
        let upstream = upstream
            .split_once(':')
            .map_or(upstream, |(_, upstream)| upstream);
        if upstream != origin.version {
            continue;
        }
        let tarball = stanza
            .split_whitespace()
            .find(|word| word.ends_with(".orig.tar.xz"))
            .map(str::to_owned);
        if let Some(tarball) = tarball.filter(|name| !name.contains('/')) {
            found = Some(Package {
                version: version.to_owned(),
                tarball,
            });
        }
    }
    found
}

/// What apt says is wrong: its first error, else its last line.
fn apt_error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let error = text.lines().find_map(|line| line.strip_prefix("E: "));
    let message = error.map_or_else(
        || last_line(&output.stderr),
        |error| error.trim().to_owned(),
    );
    format!("apt says: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_package_of_the_wanted_upstream_version() {
        let listing = "Package: p\nVersion: 3.13.5-2+u1\nChecksums-Sha256:\n aa 10 p_3.13.5.orig.tar.xz.asc\n \
                       aa 10 p_3.13.5.orig.tar.xz\n\nPackage: p\nVersion: 3.13.15-1\nFiles:\n bb 9 p_3.13.15.orig.tar.xz\n";
        let origin = |version: &str| Distribution {
            package: "p".into(),
            version: version.into(),
            suite: "s".into(),
        };
        let package = newest(listing, &origin("3.13.5")).expect("it is listed");
        assert_eq!(package.version, "3.13.5-2+u1");
        assert_eq!(package.tarball, "p_3.13.5.orig.tar.xz");
        assert!(newest(listing, &origin("3.13.1")).is_none());
    }
}
