//! Reads and checks `port.toml`. Unknown keys are errors.

use crate::error::{Context, Failure, Result};
use crate::glibc::Version;
use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One line of CPython releases with the series that is applied to them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Port {
    /// Name of the port, which is its folder's name: `3.13`.
    pub name: String,
    /// Folder of the patch series, from the repository's root.
    pub series: PathBuf,
    /// Cargo package of the archive that is linked into a patched interpreter.
    pub archive: Option<String>,
    /// Facts checked after each build.
    pub abi: Abi,
    /// How raw files of a source tree become what upstream's repository stores.
    #[serde(default)]
    pub normalize: Normalize,
    /// Supported releases, newest first.
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
    /// Build profiles by name.
    #[serde(rename = "profile", default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Files made from other files, in the order in which they have to be made.
    #[serde(default)]
    pub generated: Vec<Generated>,
}

/// What extensions and `.pyc` files see of an interpreter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Abi {
    /// The number in the first two bytes of a `.pyc` file.
    pub pyc_magic: u16,
    /// Start of the suffix of extension modules: `cpython-313`.
    pub soabi: String,
    /// The newest version of glibc that an archive of `dist` may need: `2.35`.
    pub glibc: Option<Version>,
}

/// How a tarball's files become those of upstream's repository.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Normalize {
    /// Globs of files whose line ends are CRLF in a tarball and LF in upstream's repository.
    #[serde(default)]
    pub lf: Vec<String>,
    /// Globs of files that upstream's repository has and a tarball has not.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// One CPython release and its origins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Release {
    /// `3.13.15`
    pub version: String,
    /// `PY_VERSION_HEX`
    pub version_hex: u32,
    /// SHA-256 of the release's `.tar.xz`, in lower-case hexadecimal.
    pub sha256: String,
    /// Git tree id of the normalized source tree: what every origin must end in.
    pub tree: String,
    /// HTTPS address of the release's `.tar.xz`.
    pub tarball: Option<String>,
    /// Upstream's repository and tag.
    pub git: Option<GitOrigin>,
    /// Source package of a Linux distribution that uses apt.
    pub distribution: Option<Distribution>,
}

/// A tag in a git repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitOrigin {
    /// Address of the repository.
    pub remote: String,
    /// Name of the tag.
    pub tag: String,
}

/// A source package that carries the release's unchanged tarball.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Name of the source package.
    pub package: String,
    /// Upstream version, without the distribution's revision.
    pub version: String,
    /// Suite of the distribution that has it.
    pub suite: String,
}

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// A way to configure CPython.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What it is for, in a few words.
    pub about: String,
    /// The C compiler it is built with; the machine's own unless given.
    pub compiler: Option<String>,
    /// Arguments of CPython's `configure`.
    pub configure: Vec<String>,
    /// More of them, if the archive is linked in; `{repository}` is the repository's root.
    #[serde(default)]
    pub with_archive: Vec<String>,
    /// Whether the archive is linked in.
    #[serde(default = "yes")]
    pub archive: bool,
    /// Folder of a series that is applied on top of the port's, from the repository's root: an experiment.
    pub patches: Option<PathBuf>,
    /// What it adds to the SOABI after the version: `t` for free-threaded builds, `d` for debug builds.
    #[serde(default)]
    pub soabi_flags: String,
    /// Environment variables for programs that run the interpreter, for example sanitizer options; `{source}` is the folder
    /// of the interpreter's sources.
    #[serde(default)]
    environment: Variables,
}

fn yes() -> bool {
    true
}

impl Profile {
    /// The environment variables for programs that run an interpreter which was compiled from `source_tree`.
    pub fn environment(&self, source_tree: &Path) -> Variables {
        let source = source_tree.to_string_lossy();
        self.environment
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("{source}", &source)))
            .collect()
    }
}

/// Files made from other files. They are left out of patches and made anew whenever an input changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// Files that are made, from the source tree's root.
    pub files: Vec<PathBuf>,
    /// Globs of the files they are made from, the generator's own among them.
    pub inputs: Vec<String>,
    /// Command run in the source tree's root; `{python}` is the machine's Python.
    pub command: Vec<String>,
}

impl Port {
    /// Reads the port called `name`.
    ///
    /// # Errors
    /// When there is no such port, or its file is not valid.
    pub fn load(workspace: &Workspace, name: &str) -> Result<Self> {
        let file = workspace.port_file(name);
        if !file.is_file() {
            let known = Self::names(workspace)?.join(", ");
            return Err(
                Failure::environment(format!("there is no port called {name}"))
                    .at(file.display())
                    .next(format!("use one of: {known}")),
            );
        }
        let text = std::fs::read_to_string(&file).doing("read a port's description", &file)?;
        let port: Self = toml::from_str(&text).map_err(|error| {
            Failure::environment("a port's description is not valid")
                .at(file.display())
                .because(error)
                .next("correct the file; xtask/src/port/manifest.rs describes every key")
        })?;
        port.check(name)
            .map_err(|failure| failure.at(file.display()))?;
        Ok(port)
    }

    /// Names of all ports, in order.
    ///
    /// # Errors
    /// When the folder of ports cannot be read.
    pub fn names(workspace: &Workspace) -> Result<Vec<String>> {
        let folder = workspace.ports();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).doing("list the ports", &folder)? {
            let entry = entry.doing("list the ports", &folder)?;
            if entry.path().join("port.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The release called `version`.
    ///
    /// # Errors
    /// When the port does not support it.
    pub fn release(&self, version: &str) -> Result<&Release> {
        self.releases
            .iter()
            .find(|release| release.version == version)
            .ok_or_else(|| {
                let known: Vec<_> = self.releases.iter().map(|r| r.version.as_str()).collect();
                Failure::environment(format!("port {} has no release {version}", self.name))
                    .next(format!("use one of: {}", known.join(", ")))
            })
    }

    /// The build profile called `name`.
    ///
    /// # Errors
    /// When the port has no such profile.
    pub fn profile(&self, name: &str) -> Result<&Profile> {
        self.profiles.get(name).ok_or_else(|| {
            let known = self.profiles.iter();
            let known: Vec<_> = known
                .map(|(name, profile)| format!("{name}: {}", profile.about))
                .collect();
            Failure::environment(format!("port {} has no profile {name}", self.name))
                .next(format!("use one of\n{}", known.join("\n")))
        })
    }

    fn check(&self, folder: &str) -> Result<()> {
        let wrong = |what: String| Err(Failure::environment(what));
        if self.name != folder {
            return wrong(format!(
                "the port's name is {}, its folder's {folder}",
                self.name
            ));
        }
        if self.releases.is_empty() {
            return wrong("the port has no release".into());
        }
        for release in &self.releases {
            let hex = |text: &str, length| {
                text.len() == length
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            };
            if !hex(&release.sha256, 64) {
                return wrong(format!(
                    "sha256 of release {} is not 64 hexadecimal digits",
                    release.version
                ));
            }
            if !hex(&release.tree, 40) {
                return wrong(format!(
                    "tree of release {} is not 40 hexadecimal digits",
                    release.version
                ));
            }
            if release.tarball.is_none() && release.git.is_none() && release.distribution.is_none()
            {
                return wrong(format!("release {} has no origin", release.version));
            }
        }
        for pattern in self
            .normalize
            .lf
            .iter()
            .chain(&self.normalize.absent)
            .chain(self.generated.iter().flat_map(|g| &g.inputs))
        {
            if let Err(error) = globset::Glob::new(pattern) {
                return wrong(format!("{pattern} is not a valid pattern: {error}"));
            }
        }
        Ok(())
    }
}
