//! Runs programs with an interpreter: the facts it tells of itself, CPython's own symbol check, venv, pip and wheels.

use super::Check;
use crate::build::Built;
use crate::error::{Context, Failure, Result};
use crate::port::{Port, Profile, Variables};
use std::path::Path;
use std::process::{Command, Stdio};

const FACTS: &str = "import sys, sysconfig, importlib.util as u\n\
    print(hex(sys.hexversion), int.from_bytes(u.MAGIC_NUMBER[:2], 'little'), sysconfig.get_config_var('SOABI'))";

/// Version, `.pyc` magic number and SOABI are those of the port.
pub fn facts(port: &Port, profile: &Profile, built: &Built) -> Result<Check> {
    let said = run(&built.python, &built.environment, &["-I", "-c", FACTS])?;
    let mut words = said.split_whitespace();
    let mut problems = Vec::new();
    let mut compare =
        |what: &str, wanted: String, found: Option<&str>, same: fn(&str, &str) -> bool| {
            let found = found.unwrap_or_default();
            if !same(found, &wanted) {
                problems.push(format!("{what} is {found}, not {wanted}"));
            }
        };
    let equal = |found: &str, wanted: &str| found == wanted;
    compare(
        "version",
        format!("{:#x}", built.release.version_hex),
        words.next(),
        equal,
    );
    compare(
        "magic number",
        port.abi.pyc_magic.to_string(),
        words.next(),
        equal,
    );
    // The platform follows: cpython-313t-x86_64-linux-gnu.
    let soabi = format!("{}{}-", port.abi.soabi, profile.soabi_flags);
    compare("SOABI", soabi, words.next(), |found, wanted| {
        found.starts_with(wanted)
    });
    Ok(Check::of("version, magic, SOABI", &problems, said.trim()))
}

/// CPython's own check that all exported symbols carry its prefix.
pub fn smelly(built: &Built) -> Result<Check> {
    let output = Command::new("make")
        .arg("smelly")
        .current_dir(&built.build_tree)
        .envs(&built.environment)
        .env_remove("MAKEFLAGS")
        .stdin(Stdio::null())
        .output()
        .doing("run make in", &built.build_tree)?;
    let mut problems = Vec::new();
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        problems.push(text.lines().rev().take(5).collect::<Vec<_>>().join(" | "));
    }
    Ok(Check::of(
        "make smelly",
        &problems,
        "every exported symbol has CPython's prefix",
    ))
}

/// What every interpreter must do, wherever it lies.
///
/// `missing` are the optional modules that it lacks, `environment` is what its profile sets.
pub fn smoke(python: &Path, environment: &Variables, missing: &[String]) -> Vec<Check> {
    let folder = tempfile::tempdir().doing("make a temporary folder for", python);
    let venv = |folder: &Path| -> Result<Check> {
        let place = folder.join("venv").display().to_string();
        run(python, environment, &["-m", "venv", &place])?;
        let inside = folder.join("venv/bin/python");
        let said = run(&inside, environment, &["-m", "pip", "--version"])?;
        let prefix = run(
            &inside,
            environment,
            &["-c", "import sys; print(sys.prefix)"],
        )?;
        let mut problems = Vec::new();
        if prefix.trim() != place {
            problems.push(format!("sys.prefix is {}, not {place}", prefix.trim()));
        }
        Ok(Check::of(
            "venv with pip",
            &problems,
            said.split(" from ").next().unwrap_or_default(),
        ))
    };
    let made = folder.and_then(|folder| venv(folder.path()));
    vec![
        Check::made("prefix", finds_prefix(python, environment)),
        Check::made("modules", imports(python, environment, missing)),
        Check::made("ensurepip", ensurepip(python, environment)),
        Check::made("venv with pip", made),
    ]
}

const PLACES: &str = "import os, sys, sysconfig as s\n\
    print(sys.prefix, os.__file__, s.get_config_var('LIBDIR'), s.get_config_var('INCLUDEPY'), sep='\\n')";

/// The interpreter finds its library and headers from where it lies.
fn finds_prefix(python: &Path, environment: &Variables) -> Result<Check> {
    let said = run(python, environment, &["-I", "-c", PLACES])?;
    let prefix = python.parent().and_then(Path::parent).unwrap_or(python);
    let prefix = prefix.canonicalize().doing("find", prefix)?;
    let outside = said
        .lines()
        .filter(|line| !Path::new(line).starts_with(&prefix));
    let problems: Vec<_> = outside
        .map(|line| format!("{line} is not in {}", prefix.display()))
        .collect();
    Ok(Check::of("prefix", &problems, prefix.display().to_string()))
}

/// Modules of the standard library that are imported, and the one that each needs a system library for.
const MODULES: &[(&str, Option<&str>)] = &[
    ("ssl", Some("_ssl")),
    ("sqlite3", Some("_sqlite3")),
    ("ctypes", Some("_ctypes")),
    ("zlib", Some("zlib")),
    ("bz2", Some("_bz2")),
    ("lzma", Some("_lzma")),
    ("json", None),
    ("asyncio", None),
    ("multiprocessing", None),
    ("decimal", None),
    ("hashlib", None),
    ("unittest", None),
];

const IMPORT: &str = "import importlib, sys\n\
    for name in sys.argv[1:]:\n\
    \x20   try: importlib.import_module(name)\n\
    \x20   except Exception as error: print(f'{name} cannot be imported: {error}')";

/// Modules are imported, but for those that `missing` says could not be built on this machine.
fn imports(python: &Path, environment: &Variables, missing: &[String]) -> Result<Check> {
    let is_missing = |needed: &Option<&str>| {
        needed.is_some_and(|needed| missing.iter().any(|name| name == needed))
    };
    let names: Vec<_> = MODULES
        .iter()
        .filter(|(_, needed)| !is_missing(needed))
        .map(|&(name, _)| name)
        .collect();
    let said = run(
        python,
        environment,
        &[&["-I", "-c", IMPORT], names.as_slice()].concat(),
    )?;
    let problems: Vec<_> = said.lines().map(str::to_owned).collect();
    Ok(Check::of("modules", &problems, names.join(", ")))
}

fn ensurepip(python: &Path, environment: &Variables) -> Result<Check> {
    let said = run(python, environment, &["-m", "ensurepip", "--version"])?;
    Ok(Check::of("ensurepip", &[], said.trim()))
}

/// Installs the wheels of `folder` into a new venv and uses them, with imports eager and lazy.
pub fn wheels(python: &Path, environment: &Variables, folder: &Path) -> Vec<Check> {
    let venv = tempfile::tempdir().doing("make a temporary folder for", python);
    let venv =
        venv.and_then(|venv| install(python, environment, folder, venv.path()).map(|()| venv));
    let venv = match venv {
        Ok(venv) => venv,
        Err(failure) => return vec![Check::made("wheels", Err(failure))],
    };
    let smoke = folder.join("smoke.py").display().to_string();
    let inside = venv.path().join("venv/bin/python");
    let check = |name, options: &[&str]| {
        let said = run(&inside, environment, &[options, &[smoke.as_str()]].concat());
        Check::made(name, said.map(|said| Check::of(name, &[], said.trim())))
    };
    vec![
        check("wheels", &[]),
        check("wheels, lazy imports", &["-X", "lazy_imports=all"]),
    ]
}

fn install(python: &Path, environment: &Variables, folder: &Path, venv: &Path) -> Result<()> {
    let place = venv.join("venv").display().to_string();
    run(python, environment, &["-m", "venv", &place])?;
    let requirements = folder.join("requirements.txt").display().to_string();
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ];
    let what = ["--require-hashes", "--requirement", &requirements];
    let inside = venv.join("venv/bin/python");
    run(&inside, environment, &[&pip[..], &what].concat())
        .map_err(|failure| failure.next("this check needs a network and a package index"))?;
    Ok(())
}

fn run(python: &Path, environment: &Variables, arguments: &[&str]) -> Result<String> {
    let output = Command::new(python)
        .args(arguments)
        .envs(environment)
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env_remove("VIRTUAL_ENV")
        .stdin(Stdio::null())
        .output()
        .doing("run", python)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    let last: Vec<_> = error.lines().rev().take(3).collect();
    Err(Failure::check(format!(
        "{} failed ({})",
        arguments.join(" "),
        output.status
    ))
    .at(python.display())
    .because(last.into_iter().rev().collect::<Vec<_>>().join("\n")))
}
