//! `cpython-ports/<port>/packages/`: whose tests are run, and in which modes.

use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `packages.toml`, and `requirements.txt` beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Variables of every run.
    pub environment: BTreeMap<String, String>,
    /// The modes; the first is the one that others are compared with.
    #[serde(rename = "mode")]
    pub modes: Vec<Mode>,
    /// The packages.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
    /// Lines of a requirements file of pip.
    #[serde(skip)]
    pub requirements: String,
    /// Where the files are.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A way to run a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What it is called.
    pub name: String,
    /// The variables that choose it.
    pub environment: BTreeMap<String, String>,
}

/// A package with tests in its source archive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name in the requirements.
    pub name: String,
    /// Arguments of pytest.
    pub tests: Vec<String>,
    /// The modes that are compared with the first [default: all].
    pub modes: Option<Vec<String>>,
    /// Cases that are about what a mode does differently, by mode and reason.
    #[serde(default)]
    pub differs: Vec<Differs>,
}

/// Cases that must end differently than in the first mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differs {
    /// In which mode.
    pub mode: String,
    /// Why they do.
    pub why: String,
    /// Their names, as differences are shown; one without parameters stands for all parameters.
    pub cases: Vec<String>,
}

impl Package {
    /// Whether it is compared in a mode.
    pub fn runs_in(&self, mode: &Mode) -> bool {
        let is_named = |modes: &Vec<String>| modes.contains(&mode.name);
        self.modes.as_ref().is_none_or(is_named)
    }

    /// Whether a case is among those that must differ in a mode.
    pub fn expects(&self, mode: &Mode, case: &str) -> bool {
        let bare = case.split_once('[').map_or(case, |(bare, _)| bare);
        self.differing(mode).any(|one| one == case || one == bare)
    }

    /// The cases that must differ in a mode.
    pub fn differing(&self, mode: &Mode) -> impl Iterator<Item = &str> {
        let of_mode = self.differs.iter().filter(|one| one.mode == mode.name);
        of_mode.flat_map(|one| &one.cases).map(String::as_str)
    }
}

impl Settings {
    /// Reads the files of a port; of the packages, only those of `only` unless it is empty.
    ///
    /// # Errors
    /// When they are missing or not valid, or have none of a name in `only`.
    pub fn of(workspace: &Workspace, port: &str, only: &[String]) -> Result<Self> {
        let folder = workspace.port_file(port).with_file_name("packages");
        let path = folder.join("packages.toml");
        let text = std::fs::read_to_string(&path).doing("read the list of packages", &path)?;
        let mut settings: Self = toml::from_str(&text).map_err(|error| {
            Failure::environment("the list of packages is not valid")
                .at(path.display())
                .because(error)
                .next("correct the file")
        })?;
        if let Some(mistake) = settings.mistake() {
            return Err(Failure::environment(mistake).at(path.display()));
        }
        let known: Vec<_> = settings
            .packages
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(
                Failure::environment(format!("packages.toml has no package {unknown}"))
                    .next(format!("choose of {}", known.join(", "))),
            );
        }
        if !only.is_empty() {
            settings.packages.retain(|one| only.contains(&one.name));
        }
        let requirements = folder.join("requirements.txt");
        settings.requirements = std::fs::read_to_string(&requirements)
            .doing("read the pinned packages", &requirements)?;
        settings.folder = folder;
        Ok(settings)
    }

    /// A mode that is named and does not exist, or cases that differ without a reason.
    fn mistake(&self) -> Option<String> {
        let known: Vec<_> = self.modes.iter().map(|mode| &mode.name).collect();
        self.packages.iter().find_map(|package| {
            let name = &package.name;
            let of_differs = package.differs.iter().map(|differs| &differs.mode);
            let mut named = package.modes.iter().flatten().chain(of_differs);
            if let Some(mode) = named.find(|mode| !known.contains(mode)) {
                return Some(format!(
                    "{name} names the mode {mode}, which does not exist"
                ));
            }
            let mut reasons = package.differs.iter().map(|differs| differs.why.trim());
            let missing = reasons.any(str::is_empty);
            missing.then(|| format!("cases of {name} differ without a reason in `why`"))
        })
    }

    /// The lines of the requirements that pin a package.
    pub fn pin(&self, package: &str) -> Option<String> {
        let start = format!("{package}==");
        let mut lines = self.requirements.lines();
        let first = lines.find(|line| line.starts_with(&start))?;
        let mut pin = first.to_owned();
        while pin.ends_with('\\') {
            pin.push('\n');
            pin += lines.next()?;
        }
        Some(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_goes_on_as_long_as_its_lines_do() {
        let settings = Settings {
            environment: BTreeMap::new(),
            modes: Vec::new(),
            packages: Vec::new(),
            folder: PathBuf::new(),
            requirements: "ab==1 \\\n  --hash=x\na==2 \\\n  --hash=y \\\n  --hash=z\nb==3\n".into(),
        };
        let pin = settings.pin("a").unwrap();
        assert_eq!(pin, "a==2 \\\n  --hash=y \\\n  --hash=z");
        assert_eq!(settings.pin("b").unwrap(), "b==3");
        assert_eq!(settings.pin("c"), None);
    }
}
