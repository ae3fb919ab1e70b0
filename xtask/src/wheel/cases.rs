//! Tries a wheel in an interpreter with the patches alone and in a stock one.

use crate::build::{Built, extension};
use crate::error::{Context, Failure, Result};
use crate::process::{self, Finished};
use crate::suite::output;
use crate::ui::Step;
use crate::validate::Check;
use crate::workspace::Workspace;
use object::{Object, ObjectSymbol};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tests: what they show, their folder and which of its files.
type Tests = (&'static str, &'static str, &'static str);

/// With the patches, programs do what they do with the archive.
const HOOKS: [Tests; 3] = [
    ("with the patches", "tests/wheel", "test_hooks.py"),
    ("the compiler", "tests/python", "test_jit*.py"),
    ("deferred imports", "tests/python", "test_lazy_resolver.py"),
];
/// In a stock interpreter, what asks for nothing that only hooks give.
const STOCK: [Tests; 5] = [
    ("stock", "tests/wheel", "test_stock*.py"),
    ("operators, stock", "tests/python", "test_jit_operators.py"),
    ("slices, stock", "tests/python", "test_jit_slices.py"),
    (
        "monitoring, stock",
        "tests/python",
        "test_jit_monitoring.py",
    ),
    ("unbound, stock", "tests/python", "test_jit_unbound.py"),
];

/// Installs the wheel into both interpreters, and runs its tests there.
///
/// # Errors
/// When a temporary folder cannot be made.
pub fn check(
    workspace: &Workspace,
    wheel: &Path,
    hooks: &Built,
    stock: &Built,
) -> Result<Vec<Check>> {
    let folder = tempfile::tempdir().doing("make a temporary folder for", wheel)?;
    let case = |built, name| Case {
        workspace,
        built,
        name,
        venv: folder.path().join(name),
    };
    let mut checks = Vec::new();
    let patched = case(hooks, "hooks");
    checks.push(Check::made("installs", patched.install(wheel)));
    checks.push(Check::made("exports", patched.exports(extension::HOOKS)));
    checks.extend(HOOKS.map(|tests| Check::made(tests.0, patched.test(tests))));
    let stock = case(stock, "stock");
    checks.push(Check::made("installs, stock", stock.install(wheel)));
    checks.push(Check::made(
        "exports, stock",
        stock.exports(extension::STOCK),
    ));
    checks.extend(STOCK.map(|tests| Check::made(tests.0, stock.test(tests))));
    Ok(checks)
}

/// A venv of an interpreter.
struct Case<'a> {
    workspace: &'a Workspace,
    built: &'a Built,
    name: &'a str,
    venv: PathBuf,
}

impl Case<'_> {
    fn install(&self, wheel: &Path) -> Result<Check> {
        let mut venv = Command::new(&self.built.python);
        self.run("venv", venv.args(["-m", "venv"]).arg(&self.venv))?;
        let mut pip = self.python();
        pip.args(["-m", "pip", "install", "--no-index", "--no-deps"]);
        self.run("pip", pip.arg(wheel))?;
        Ok(Check::of(
            "installs",
            &[],
            self.built.python.display().to_string(),
        ))
    }

    /// Nothing but the modules can be seen of an extension module.
    fn exports(&self, file: &str) -> Result<Check> {
        let release = self.built.release.version.rsplit_once('.');
        let python = release.map_or("", |(series, _)| series);
        let native = format!("lib/python{python}/site-packages/clinker/{}", file);
        let native = self.venv.join(native);
        let data = std::fs::read(&native).doing("read", &native)?;
        let elf = object::File::parse(data.as_slice()).doing("read the symbols of", &native)?;
        let symbols = elf.dynamic_symbols();
        let shown = symbols.filter(|symbol| symbol.is_definition());
        let shown: Vec<_> = shown
            .filter_map(|symbol| Some(symbol.name().ok()?.to_owned()))
            .collect();
        let is_module = |name: &&String| name.starts_with("PyInit_");
        let other: Vec<_> = shown
            .iter()
            .filter(|name| !is_module(name))
            .cloned()
            .collect();
        Ok(Check::of("exports", &other, shown.join(" ")))
    }

    fn test(&self, (shown, folder, pattern): Tests) -> Result<Check> {
        let mut tests = self.python();
        tests.args(["-m", "unittest", "discover", "--verbose"]);
        tests.args(["--start-directory", folder, "--pattern", pattern]);
        let log = format!(
            "{}-{}",
            self.name,
            pattern.trim_end_matches(".py").replace('*', "")
        );
        let (finished, log) = self.start(&log, &mut tests)?;
        let report = output::unittest(&finished.output).ok_or_else(|| {
            Failure::check("the test runner ended without a summary")
                .because(finished.status)
                .log(&log)
        })?;
        let mut problems = report.failures;
        if problems.is_empty() && (!finished.status.success() || report.counts.passed == 0) {
            problems.push(format!("{}, see {}", finished.status, log.display()));
        }
        Ok(Check::of(shown, &problems, report.counts.to_string()))
    }

    fn python(&self) -> Command {
        Command::new(self.venv.join("bin/python"))
    }

    fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        let (finished, log) = self.start(&format!("{}-{name}", self.name), command)?;
        if finished.status.success() {
            return Ok(());
        }
        Err(Failure::check(format!("{name} failed ({})", finished.status)).log(log))
    }

    fn start(&self, name: &str, command: &mut Command) -> Result<(Finished, PathBuf)> {
        let log = self.workspace.log(&format!("wheel-{name}"));
        let step = Step::new("Testing", name.to_owned());
        process::without_python_variables(command)
            .envs(&self.built.environment)
            .current_dir(self.workspace.root());
        let finished = process::run(command, &log, |line| step.detail(line.trim()))?;
        step.done();
        Ok((finished, log))
    }
}
