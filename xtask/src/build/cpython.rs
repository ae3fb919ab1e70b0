//! Configures, makes and installs CPython.
//!
//! Each stage records its end, last. A stage that was killed is done again; what make was just writing when it was killed
//! is removed first, because make takes half a file for a whole one.

use super::identity::{self, Configuration, Identity};
use super::logged::Log;
use crate::error::{Context, Result};
use crate::files::remove_if_there;
use crate::port::Variables;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One build tree and all that is done in it.
pub struct CPython<'a> {
    /// The repository's root.
    pub repository: &'a Path,
    /// Sources.
    pub source_tree: &'a Path,
    /// Objects.
    pub build_tree: &'a Path,
    /// Installed interpreter.
    pub prefix: &'a Path,
    /// Variables that programs which run it need.
    pub environment: &'a Variables,
    /// What the interpreter says of when it was built, in seconds since 1970: so that it says the same each time.
    pub date: i64,
    /// How many jobs make runs at once.
    pub jobs: usize,
}

/// How much of an installed interpreter has to be installed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    /// The interpreter's binary and static library alone.
    Binary,
    /// Everything that is compiled, and the headers.
    Compiled,
    /// Everything, into an empty folder.
    Everything,
}

impl CPython<'_> {
    /// Configures, unless it was with the same configuration.
    pub fn configure(&self, identity: &Identity, log: &mut Log) -> Result<()> {
        self.forget_unfinished()?;
        let stamp = self.build_tree.join(".clinker-configuration.json");
        let profiled = self.build_tree.join(".clinker-profiled-tree.json");
        let configuration = &identity.configuration;
        let same = identity::read::<Configuration>(&stamp).as_ref() == Some(configuration);
        // A profile of other sources makes gcc fail: with PGO every change starts anew.
        let trained = configuration
            .arguments
            .iter()
            .any(|argument| argument == "--enable-optimizations");
        let measured = identity.profiled();
        let stale = trained && identity::read(&profiled).as_ref() != Some(&measured);
        if same && !stale && self.build_tree.join("Makefile").exists() {
            return Ok(());
        }
        if self.build_tree.exists() {
            std::fs::remove_dir_all(self.build_tree)
                .doing("remove an outdated build tree", self.build_tree)?;
        }
        std::fs::create_dir_all(self.build_tree).doing("make a folder", self.build_tree)?;
        // By a relative path: then what is compiled does not name the folder this repository lies in.
        let script = relative(self.build_tree, self.source_tree)?.join("configure");
        let repository = relative(self.build_tree, self.repository)?;
        let arguments = configuration.arguments.iter();
        let arguments = arguments
            .map(|argument| argument.replace("{repository}", &repository.to_string_lossy()));
        let mut configure = self.command(Path::new("sh"));
        configure.arg(script).arg("-q").args(arguments);
        log.run("Configuring", "CPython", &mut configure)?;
        identity::write(&profiled, &measured)?;
        identity::write(&stamp, configuration)
    }

    /// Makes what is not up to date.
    pub fn make(&self, log: &mut Log) -> Result<()> {
        let making = self.making();
        std::fs::write(&making, "").doing("write", &making)?;
        let mut make = self.command(Path::new("make"));
        // A step that fails, for example on a full disk, may leave half a file, which the next make takes for a whole one.
        make.arg("--eval=.DELETE_ON_ERROR:")
            .arg(format!("-j{}", self.jobs))
            .env("SOURCE_DATE_EPOCH", self.date.to_string());
        let made = log.run("Compiling", "CPython", &mut make);
        // Make has ended by itself, so it has removed what it could not finish.
        remove_if_there(&making)?;
        made
    }

    /// The file that is there while make runs, and stays when it is killed.
    fn making(&self) -> PathBuf {
        self.build_tree.join(".clinker-making")
    }

    /// Removes what a killed make may have left half done.
    fn forget_unfinished(&self) -> Result<()> {
        let making = self.making();
        if making.exists() {
            remove_unfinished(self.build_tree)?;
        }
        remove_if_there(&making)
    }

    /// Installs into the prefix.
    pub fn install(&self, extent: Install, log: &mut Log) -> Result<()> {
        let targets: &[&str] = match extent {
            Install::Binary => &["altbininstall", "libainstall"],
            Install::Compiled => &[
                "altbininstall",
                "sharedinstall",
                "inclinstall",
                "libainstall",
            ],
            Install::Everything => &["install"],
        };
        if extent == Install::Everything && self.prefix.exists() {
            std::fs::remove_dir_all(self.prefix)
                .doing("remove an outdated interpreter", self.prefix)?;
        }
        let mut install = self.command(Path::new("make"));
        install.arg(format!("-j{}", self.jobs)).args(targets);
        log.run(
            "Installing",
            &format!("into {}", self.prefix.display()),
            &mut install,
        )?;
        self.make_scripts_relocatable()
    }

    /// Modules that were not built because a library is missing, as configure found.
    pub fn missing_modules(&self) -> Result<Vec<String>> {
        let makefile = self.build_tree.join("Makefile");
        let text = std::fs::read_to_string(&makefile).doing("read", &makefile)?;
        let missing = text.lines().filter_map(|line| {
            let name = line
                .strip_prefix("MODULE_")?
                .strip_suffix("_STATE=missing")?;
            Some(name.to_lowercase())
        });
        Ok(missing.collect())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.build_tree).envs(self.environment);
        for variable in [
            "MAKEFLAGS",
            "MFLAGS",
            "MAKELEVEL",
            "PYTHONHOME",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "DESTDIR",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Scripts such as pip name the interpreter by its full path: let them look beside themselves instead.
    fn make_scripts_relocatable(&self) -> Result<()> {
        let folder = self.prefix.join("bin");
        let ours = format!("#!{}/", folder.display());
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let path = entry.doing("list", &folder)?.path();
            if path.is_symlink() || !path.is_file() {
                continue;
            }
            let mut file = BufReader::new(std::fs::File::open(&path).doing("read", &path)?);
            let mut first = Vec::new();
            file.by_ref()
                .take(4096)
                .read_until(b'\n', &mut first)
                .doing("read", &path)?;
            let Some(interpreter) = std::str::from_utf8(&first)
                .ok()
                .and_then(|line| line.strip_prefix(&ours))
            else {
                continue;
            };
            let interpreter = interpreter.trim_end().to_owned();
            // A line that both sh and Python read: sh runs the interpreter, Python sees a string.
            let mut text =
                format!("#!/bin/sh\n'''exec' \"$(dirname \"$(readlink -f \"$0\")\")/{interpreter}\" \"$0\" \"$@\"\n' '''\n")
                    .into_bytes();
            file.read_to_end(&mut text).doing("read", &path)?;
            std::fs::write(&path, text).doing("write", &path)?;
        }
        Ok(())
    }
}

/// The path that leads from one folder to another.
pub(super) fn relative(from: &Path, to: &Path) -> Result<PathBuf> {
    let from = from.canonicalize().doing("find", from)?;
    let to = to.canonicalize().doing("find", to)?;
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(to.components().skip(common)).collect())
}

/// Removes what was written in the last two minutes before make was killed: it may be half a file.
fn remove_unfinished(build_tree: &Path) -> Result<()> {
    const WINDOW: Duration = Duration::from_secs(120);
    let mut products = Vec::new();
    for entry in walkdir::WalkDir::new(build_tree) {
        let entry = entry.doing("list", build_tree)?;
        if entry.file_type().is_file() && is_product(entry.path()) {
            let modified = entry.metadata().doing("look at", entry.path())?.modified();
            products.push((modified.doing("look at", entry.path())?, entry.into_path()));
        }
    }
    let Some(newest) = products.iter().map(|(time, _)| *time).max() else {
        return Ok(());
    };
    for (time, path) in products {
        if newest.duration_since(time).is_ok_and(|age| age < WINDOW) {
            std::fs::remove_file(&path).doing("remove", &path)?;
        }
    }
    Ok(())
}

fn is_product(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let programs = [
        "python",
        "_bootstrap_python",
        "_freeze_module",
        "_testembed",
        "pybuilddir.txt",
        "platform",
        "Makefile",
    ];
    match extension.as_ref() {
        "o" | "d" | "a" | "so" | "gcda" => true,
        "h" => name != "pyconfig.h",
        "py" => name.starts_with("_sysconfigdata"),
        _ => programs.contains(&name.as_ref()),
    }
}

/// The interpreter of a prefix.
pub fn python(prefix: &Path) -> PathBuf {
    prefix.join("bin/python3")
}
