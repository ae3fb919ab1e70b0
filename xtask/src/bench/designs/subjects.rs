//! The interpreters: stock, and one for each design.

use crate::bench::lazy::{self, Interpreter, Plan};
use crate::build::Built;
use crate::error::{Context, Failure, Result};
use crate::port::Port;
use crate::process;
use crate::wheel;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile of the stock interpreter.
pub const PRISTINE: &str = "plain";

/// The profile that has the series alone, which defers in the dictionary.
pub const DICTIONARY: &str = "hooks";

/// The profile that has the experiment on top of the series.
pub const INSTRUCTIONS: &str = "lazy-opcodes";

/// What makes an interpreter defer all imports.
const ALL: [&str; 2] = ["-X", "lazy_imports=all"];

/// The interpreters that are built, all in the same way but for the patches.
#[derive(Debug)]
pub struct Builds<'a> {
    /// Without patches.
    pub pristine: &'a Built,
    /// With the series.
    pub dictionary: &'a Built,
    /// With the experiment on top of it.
    pub instructions: &'a Built,
}

/// What is measured.
#[derive(Debug)]
pub struct Subjects {
    /// Stock first, then the designs, each with everything lazy.
    pub all: Vec<Interpreter>,
    /// The folder of the programs whose instructions are counted.
    pub programs: PathBuf,
}

/// Makes what is not built, and installs the tools.
///
/// # Errors
/// When something cannot be installed.
pub fn prepare(
    workspace: &Workspace,
    port: &Port,
    plan: &Plan,
    builds: &Builds,
) -> Result<Subjects> {
    let loader = loader(workspace, port, builds.pristine)?;
    let packages = lazy::install_tools(workspace, plan, builds.dictionary, builds.pristine)?;
    let subject = |name: &str, python: &Path, options: &[&str]| Interpreter {
        name: name.to_owned(),
        command: std::iter::once(python.into())
            .chain(options.iter().map(OsString::from))
            .collect(),
        base: 0,
        ours: true,
        packages: packages.clone(),
        brings_packages: name == lazy::STOCK,
    };
    Ok(Subjects {
        all: vec![
            subject(lazy::STOCK, &builds.pristine.python, &[]),
            subject("dictionary", &builds.dictionary.python, &ALL),
            subject("instructions", &builds.instructions.python, &ALL),
            subject("loader", &loader, &ALL),
        ],
        programs: workspace.port_file(&port.name).with_file_name("bench"),
    })
}

/// A venv of the stock interpreter that has the Python files of the wheel. Without its compiler, as no other design has it.
fn loader(workspace: &Workspace, port: &Port, pristine: &Built) -> Result<PathBuf> {
    let venv = workspace.output().join("bench/lazy-loader");
    let log = workspace.log("bench-lazy-loader");
    let python = |arguments: &[&str], place: &Path| {
        let mut command = Command::new(&pristine.python);
        process::without_python_variables(&mut command)
            .args(arguments)
            .arg(place);
        let finished = process::run(&mut command, &log, |_| ())?;
        if finished.status.success() {
            return Ok(());
        }
        Err(
            Failure::environment("a venv for the loader could not be made")
                .at(place.display())
                .log(&log),
        )
    };
    python(&["-m", "venv", "--clear", "--without-pip"], &venv)?;
    let packages = venv.join(format!("lib/python{}/site-packages", port.name));
    let package = workspace.root().join(wheel::package(port)?);
    for (name, content) in wheel::python_files(&package)? {
        let file = packages.join(name);
        let folder = file.parent().unwrap_or(&packages);
        std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        std::fs::write(&file, content).doing("write", &file)?;
    }
    // As pip does when it installs a wheel.
    python(&["-m", "compileall", "-q"], &packages)?;
    Ok(venv.join("bin/python"))
}
