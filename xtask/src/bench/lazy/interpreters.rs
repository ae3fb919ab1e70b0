//! What is compared: stock CPython, the patched one in its modes, and what the user names.

use super::settings::Plan;
use crate::build::Built;
use crate::error::{Context, Failure, Result};
use crate::pip::{self, Packages, Sources};
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An interpreter, with options of Python, that starts the tools.
#[derive(Debug)]
pub struct Interpreter {
    /// What it is called in tables.
    pub name: String,
    /// The command and its first arguments.
    pub command: Vec<OsString>,
    /// The one it is compared with: an index of [`Interpreters`].
    pub base: usize,
    /// Whether a difference in what it does is a failure.
    pub ours: bool,
    /// The folder that its packages are in.
    pub packages: PathBuf,
    /// Whether it is the first that uses them.
    pub brings_packages: bool,
}

/// What everything is compared with.
pub const STOCK: &str = "stock";

/// With everything lazy.
pub const ALL: &str = "all";

/// All of them, the stock one first.
pub type Interpreters = Vec<Interpreter>;

/// The interpreters that are built.
#[derive(Debug)]
pub struct Builds<'a> {
    /// Their profile.
    pub profile: &'a str,
    /// With the series.
    pub patched: &'a Built,
    /// Without.
    pub pristine: &'a Built,
}

/// `NAME=COMMAND`
#[derive(Debug, Clone)]
pub struct Against {
    name: String,
    command: Vec<OsString>,
}

impl Against {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The command and its first arguments.
    pub fn command(&self) -> &[OsString] {
        &self.command
    }
}

impl FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("it has no `=`")?;
        let words = words_of(command);
        if name.trim().is_empty() || words.is_empty() {
            return Err("the name or the command is empty".into());
        }
        Ok(Self {
            name: name.trim().to_owned(),
            command: words,
        })
    }
}

fn words_of(command: &str) -> Vec<OsString> {
    command.split_whitespace().map(OsString::from).collect()
}

/// The interpreters, with their packages installed. One uses a profile of lazy imports.
///
/// # Errors
/// When packages cannot be installed.
pub fn prepare(
    workspace: &Workspace,
    plan: &Plan,
    builds: &Builds,
    profile: &Path,
    against: &[Against],
) -> Result<Interpreters> {
    let (patched, pristine) = (builds.patched, builds.pristine);
    let packages = install_tools(workspace, plan, patched, pristine)?;
    let ours = |name: &str, built: &Built, options: &[OsString]| Interpreter {
        name: name.to_owned(),
        command: [&[built.python.clone().into()], options].concat(),
        base: 0,
        ours: true,
        packages: packages.clone(),
        brings_packages: name == STOCK,
    };
    let all = ["-X".into(), "lazy_imports=all".into()];
    let mut option = OsString::from("lazy_profile=use:");
    option.push(profile);
    let with_profile = [&all[..], &["-X".into(), option]].concat();
    let mut interpreters = vec![
        ours(STOCK, pristine, &[]),
        ours("normal", patched, &[]),
        ours(ALL, patched, &all),
        ours("profile", patched, &with_profile),
    ];
    let others = interpreters.len();
    for Against { name, command } in against {
        if interpreters.iter().any(|known| known.name == *name) {
            return Err(Failure::environment(format!("{name} is there already"))
                .next("choose another name for it in --against"));
        }
        let place = interpreters.len();
        let base = (others..place).find(|&index| command.starts_with(&interpreters[index].command));
        let packages = match base {
            Some(base) => interpreters[base].packages.clone(),
            None => {
                let packages = Packages {
                    folder: folder_of_tools(workspace, &format!("for-{}", file_name(name))),
                    name: &format!("the tools for {name}"),
                    requirements: &plan.requirements,
                    pip: [command.as_slice(), &[bundled_pip(pristine)?]].concat(),
                    sources: Sources::Build,
                };
                packages.install(workspace)?;
                packages.folder
            }
        };
        interpreters.push(Interpreter {
            name: name.clone(),
            command: command.clone(),
            base: base.unwrap_or(0),
            ours: false,
            packages,
            brings_packages: base.is_none(),
        });
    }
    Ok(interpreters)
}

/// Installs the tools for the interpreters of a patched build, which the stock one shares; returns their folder.
///
/// # Errors
/// When packages cannot be installed.
pub fn install_tools(
    workspace: &Workspace,
    plan: &Plan,
    patched: &Built,
    pristine: &Built,
) -> Result<PathBuf> {
    let prefix = patched.prefix.file_name().unwrap_or_default();
    let packages = Packages {
        folder: folder_of_tools(workspace, &prefix.to_string_lossy()),
        name: "the tools",
        requirements: &plan.requirements,
        pip: pip::of(pristine),
        sources: Sources::Refuse,
    };
    packages.install(workspace)?;
    Ok(packages.folder)
}

fn folder_of_tools(workspace: &Workspace, mark: &str) -> PathBuf {
    let folder = workspace.output().join("bench");
    folder.join(format!("tools-{mark}"))
}

/// The pip that CPython's sources bring, which any interpreter can run: not each has one of its own.
fn bundled_pip(built: &Built) -> Result<OsString> {
    let folder = built.source_tree.join("Lib/ensurepip/_bundled");
    let wheel = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match wheel {
        Some(wheel) => Ok(wheel.join("pip").into()),
        None => Err(Failure::environment("CPython's sources have no pip").at(folder.display())),
    }
}

/// Names of the packages in a folder of which a wheel for this machine was installed, not one for all.
pub fn compiled(packages: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(packages).doing("read", packages)? {
        let path = entry.doing("read", packages)?.path();
        let wheel = std::fs::read_to_string(path.join("WHEEL")).unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if wheel.contains("Root-Is-Purelib: false")
            && let Some((name, _)) = name.split_once('-')
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_is_a_name_and_a_command() {
        let against: Against = "3.15 all=python3.15 -X lazy_imports=all".parse().unwrap();
        assert_eq!(against.name, "3.15 all");
        assert_eq!(against.command, ["python3.15", "-X", "lazy_imports=all"]);
        assert!("python3.15".parse::<Against>().is_err());
        assert!("=python3.15".parse::<Against>().is_err());
        assert!("3.15=".parse::<Against>().is_err());
    }
}
