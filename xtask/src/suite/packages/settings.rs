//! `cpython-ports/<port>/packages/`: whose tests are run, and in which modes.

use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;

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
    /// Cases that are about what the other modes do differently, by reason.
    #[serde(default)]
    pub differs: Vec<Differs>,
}

/// Cases that must end differently than in the first mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differs {
    /// Why they do.
    pub why: String,
    /// Their names, as differences are shown; one without parameters stands for all parameters.
    pub cases: Vec<String>,
}

impl Package {
    /// Whether a case is among those that must differ.
    pub fn expects(&self, case: &str) -> bool {
        let bare = case.split_once('[').map_or(case, |(bare, _)| bare);
        self.differing().any(|one| one == case || one == bare)
    }

    /// The cases that must differ.
    pub fn differing(&self) -> impl Iterator<Item = &str> {
        let all = self.differs.iter().flat_map(|differs| &differs.cases);
        all.map(String::as_str)
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
        let mut packages = settings.packages.iter();
        if let Some(package) = packages.find(|one| {
            let mut reasons = one.differs.iter().map(|differs| differs.why.trim());
            reasons.any(str::is_empty)
        }) {
            return Err(Failure::environment(format!(
                "cases of {} differ without a reason in `why`",
                package.name
            ))
            .at(path.display()));
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
        Ok(settings)
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
            requirements: "ab==1 \\\n  --hash=x\na==2 \\\n  --hash=y \\\n  --hash=z\nb==3\n".into(),
        };
        let pin = settings.pin("a").unwrap();
        assert_eq!(pin, "a==2 \\\n  --hash=y \\\n  --hash=z");
        assert_eq!(settings.pin("b").unwrap(), "b==3");
        assert_eq!(settings.pin("c"), None);
    }
}
