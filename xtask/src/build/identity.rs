//! What a build is made of. Two builds with the same identity are the same; its hash is the build's key.

use super::machine;
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::source::hexadecimal;
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Environment variables that change what configure and make do.
const VARIABLES: &[&str] = &[
    "CC",
    "CFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "LIBS",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_LIBDIR",
    "CPATH",
    "LIBRARY_PATH",
];

/// What CPython was configured with; when it changes, its build tree starts anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Arguments of `configure`.
    pub arguments: Vec<String>,
    /// Path and version of the compiler.
    pub compiler: String,
    /// Variables of the environment that configure reads.
    pub environment: BTreeMap<String, String>,
    /// Optional libraries whose headers were found.
    pub libraries: Vec<String>,
    /// Git id of the `configure` script.
    pub script: String,
}

/// What a build is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The release.
    pub release: String,
    /// Git tree that is compiled.
    pub tree: String,
    /// How it is configured.
    pub configuration: Configuration,
    /// The archive linked into it, if one is.
    pub archive: Option<ArchiveIdentity>,
}

/// What a profile is measured of: gcc fails when it is of other sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiled {
    tree: String,
    c_side: Option<String>,
}

/// What the archive is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveIdentity {
    /// Hash of all sources of its package and of the packages of this repository that it uses.
    pub sources: String,
    /// Hash of those among them that CPython's make works with: the C side, its rules and what is run for a profile.
    pub c_side: String,
    /// Hash of `Cargo.lock` and the workspace's `Cargo.toml`.
    pub lock: String,
    /// Version of the Rust compiler.
    pub rustc: String,
}

impl Configuration {
    /// The configuration of a build on this machine.
    pub fn here(compiler: PathBuf, arguments: Vec<String>, script: String) -> Result<Self> {
        let version = machine::version(&compiler).unwrap_or_default();
        let (libraries, _) = machine::libraries(&compiler)?;
        let variable = |name: &&str| Some((name.to_string(), std::env::var(name).ok()?));
        Ok(Self {
            arguments,
            compiler: format!("{} {version}", compiler.display()),
            environment: VARIABLES.iter().filter_map(variable).collect(),
            libraries: libraries
                .iter()
                .map(|library| library.name.to_owned())
                .collect(),
            script,
        })
    }
}

impl Identity {
    /// The build's key.
    pub fn key(&self) -> Result<String> {
        let text = serde_json::to_vec(self)
            .map_err(|error| Failure::environment("cannot write JSON").because(error))?;
        Ok(hexadecimal(&Sha256::digest(text))[..16].to_owned())
    }

    /// What a profile of it is measured of.
    pub fn profiled(&self) -> Profiled {
        Profiled {
            tree: self.tree.clone(),
            c_side: self.archive.as_ref().map(|archive| archive.c_side.clone()),
        }
    }
}

impl ArchiveIdentity {
    /// The identity of `package` of this repository as it is now.
    pub fn here(workspace: &Workspace, package: &str) -> Result<Self> {
        let root = workspace.root();
        let mut sources = Sha256::new();
        let mut c_side = Sha256::new();
        for folder in package_folders(root, package)? {
            hash_folder(&mut sources, root, &folder, |_| true)?;
            hash_folder(&mut c_side, root, &folder, |path| {
                let extension = path.extension().unwrap_or_default();
                ["c", "h", "mk"].iter().any(|other| extension == *other)
                    || path.ends_with("train.py")
            })?;
        }
        let mut lock = Sha256::new();
        for name in [
            "Cargo.lock",
            "Cargo.toml",
            "rust-toolchain.toml",
            ".cargo/config.toml",
        ] {
            let file = root.join(name);
            if file.is_file() {
                lock.update(std::fs::read(&file).doing("read", &file)?);
            }
            lock.update([0]);
        }
        Ok(Self {
            sources: hexadecimal(&sources.finalize()),
            c_side: hexadecimal(&c_side.finalize()),
            lock: hexadecimal(&lock.finalize()),
            rustc: machine::version(Path::new("rustc")).unwrap_or_default(),
        })
    }
}

/// The folder of `package` and of all packages it depends on by path.
fn package_folders(root: &Path, package: &str) -> Result<BTreeSet<PathBuf>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
        dependencies: Vec<Dependency>,
    }
    #[derive(Deserialize)]
    struct Dependency {
        path: Option<PathBuf>,
    }
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .doing("run cargo metadata in", root)?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
        Failure::environment("cargo cannot describe this workspace")
            .at(root.display())
            .because(String::from_utf8_lossy(&output.stderr))
            .because(error)
    })?;
    let folder = |package: &Package| {
        package
            .manifest_path
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default()
    };
    let first = metadata
        .packages
        .iter()
        .find(|found| found.name == package)
        .ok_or_else(|| {
            Failure::environment(format!("this workspace has no package {package}"))
                .at(root.display())
                .next("correct `archive` in port.toml")
        })?;
    let mut folders = BTreeSet::new();
    let mut left = vec![folder(first)];
    while let Some(next) = left.pop() {
        if folders.insert(next.clone()) {
            let found = metadata
                .packages
                .iter()
                .find(|package| folder(package) == next);
            let dependencies = found
                .map(|package| package.dependencies.as_slice())
                .unwrap_or_default();
            left.extend(
                dependencies
                    .iter()
                    .filter_map(|dependency| dependency.path.clone()),
            );
        }
    }
    Ok(folders)
}

/// Takes in the files of a folder that are `wanted`.
fn hash_folder(
    hash: &mut Sha256,
    root: &Path,
    folder: &Path,
    wanted: fn(&Path) -> bool,
) -> Result<()> {
    let walk = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != "target") {
        let entry = entry.doing("list", folder)?;
        if entry.file_type().is_file() && wanted(entry.path()) {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
            let content = std::fs::read(path).doing("read", path)?;
            hash.update(format!("{name}\0{}\0", content.len()));
            hash.update(content);
        }
    }
    Ok(())
}

/// Reads what a file of ours records; one that is missing or not ours is none.
pub fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Records `value` in `file`.
pub fn write(file: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::environment("cannot write JSON")
            .at(file.display())
            .because(error)
    })?;
    text.push(b'\n');
    write_atomically(file, &text)
}
