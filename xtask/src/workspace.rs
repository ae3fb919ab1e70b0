//! Where things are: the one place that knows the layout of the repository and of what is built in it.
//!
//! ```text
//! cpython-ports/<port>/port.toml     what a port is                             Workspace::port_file
//! patches/<port>/                    series, series.lock, <slug>.patch          PortManifest::series
//! target/clinker/git/<port>.git      object database of sources and series      Workspace::object_database
//! target/clinker/src/<release>[-pristine]/   work tree that is compiled          Workspace::source_tree
//! target/clinker/build/<release>-<profile>[-pristine]/   CPython's objects       Workspace::build_tree
//! target/clinker/<release>-<profile>[-pristine]/         installed interpreter   Workspace::prefix
//! target/clinker/log/                logs of long steps                         Workspace::log
//! ~/.cache/clinker                   verified downloads                         Workspace::cache
//! ```

use crate::error::{Failure, Result};
use std::path::{Path, PathBuf};

/// The repository and the folders that are made from it.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    cache: PathBuf,
}

impl Workspace {
    /// Finds the repository above the current directory.
    ///
    /// `CLINKER_ROOT` names another repository (the tests use it), `CLINKER_CACHE` another download cache and
    /// `CARGO_TARGET_DIR` another target directory.
    ///
    /// # Errors
    /// When no folder above the current directory holds `cpython-ports/`.
    pub fn find() -> Result<Self> {
        let root = match std::env::var_os("CLINKER_ROOT") {
            Some(root) => PathBuf::from(root),
            None => {
                let here = std::env::current_dir().unwrap_or_default();
                here.ancestors()
                    .find(|folder| folder.join("cpython-ports").is_dir())
                    .map(Path::to_owned)
                    .ok_or_else(|| {
                        Failure::environment("this is not a Clinker repository")
                            .at(here.display())
                            .because("no folder from here upwards holds cpython-ports/")
                            .next("change into the folder you cloned Clinker to")
                    })?
            }
        };
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => root.join(target),
            None => root.join("target"),
        };
        let cache = match std::env::var_os("CLINKER_CACHE") {
            Some(cache) => root.join(cache),
            None => user_cache()?.join("clinker"),
        };
        Ok(Self {
            root,
            target,
            cache,
        })
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all ports.
    pub fn ports(&self) -> PathBuf {
        self.root.join("cpython-ports")
    }

    /// The description of a port.
    pub fn port_file(&self, port: &str) -> PathBuf {
        self.ports().join(port).join("port.toml")
    }

    /// Verified downloads, shared by all repositories of this user.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Cargo's target directory.
    pub fn cargo_target(&self) -> &Path {
        &self.target
    }

    /// Everything xtask makes.
    pub fn output(&self) -> PathBuf {
        self.target.join("clinker")
    }

    /// The bare repository that holds a port's sources and applied series.
    pub fn object_database(&self, port: &str) -> PathBuf {
        self.output().join("git").join(format!("{port}.git"))
    }

    /// The work tree CPython is compiled from.
    pub fn source_tree(&self, release: &str, pristine: bool) -> PathBuf {
        self.output()
            .join("src")
            .join(format!("{release}{}", suffix(pristine)))
    }

    /// CPython's objects.
    pub fn build_tree(&self, release: &str, profile: &str, pristine: bool) -> PathBuf {
        self.output()
            .join("build")
            .join(format!("{release}-{profile}{}", suffix(pristine)))
    }

    /// The installed interpreter.
    pub fn prefix(&self, release: &str, profile: &str, pristine: bool) -> PathBuf {
        self.output()
            .join(format!("{release}-{profile}{}", suffix(pristine)))
    }

    /// The log of a long step.
    pub fn log(&self, step: &str) -> PathBuf {
        self.output().join("log").join(format!("{step}.log"))
    }
}

fn suffix(pristine: bool) -> &'static str {
    if pristine { "-pristine" } else { "" }
}

fn user_cache() -> Result<PathBuf> {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| {
            Failure::environment("no folder for downloads is known")
                .because("neither CLINKER_CACHE, XDG_CACHE_HOME nor HOME is set")
                .next("set CLINKER_CACHE to a folder with 100 MB of free space")
        })
}
