//! Which modules of CPython's suite are run: those a port names, those its series touches, and not those that lazy imports cannot
//! pass; and what of them the compiler leaves alone.

use super::full::Jit;
use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "kebab-case")]
struct File {
    group: Vec<Group>,
    #[serde(default)]
    not_lazy: Vec<NotLazy>,
    #[serde(default)]
    interpreted: Vec<Interpreted>,
}

/// What the file lists.
#[derive(Debug)]
struct Lists {
    modules: Vec<String>,
    not_lazy: Vec<NotLazy>,
    interpreted: Vec<Interpreted>,
}

/// How many modules may be left out when all imports are lazy.
const MOST_NOT_LAZY: usize = 8;

/// A module that is left out when all imports are lazy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NotLazy {
    /// Its name, as the test runner takes it.
    pub module: String,
    /// Why it cannot pass.
    pub why: String,
}

/// Code that is not compiled, because its tests look at what the interpreter has made of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpreted {
    /// Patterns, as `deny=` of the compiler takes them.
    pub code: Vec<String>,
    /// In which modes of the compiler.
    pub modes: Vec<Jit>,
    /// Why they do.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    why: String,
    modules: Vec<String>,
}

/// The modules that `cpython-ports/<port>/tests.toml` names, in its order.
///
/// # Errors
/// When the file is missing or not valid, names no module, one twice, or gives no reason.
pub fn named(workspace: &Workspace, port: &str) -> Result<Vec<String>> {
    Ok(read(workspace, port)?.modules)
}

/// The modules that the same file leaves out when all imports are lazy.
///
/// # Errors
/// As [`named`].
pub fn not_lazy(workspace: &Workspace, port: &str) -> Result<Vec<NotLazy>> {
    Ok(read(workspace, port)?.not_lazy)
}

/// The code that the same file has interpreted in a mode of the compiler.
///
/// # Errors
/// As [`named`].
pub fn interpreted(workspace: &Workspace, port: &str, mode: Jit) -> Result<Vec<Interpreted>> {
    let mut interpreted = read(workspace, port)?.interpreted;
    interpreted.retain(|one| one.modes.contains(&mode));
    Ok(interpreted)
}

fn read(workspace: &Workspace, port: &str) -> Result<Lists> {
    let path = workspace.port_file(port).with_file_name("tests.toml");
    let text = std::fs::read_to_string(&path).doing("read the list of CPython's tests", &path)?;
    parse(&text).map_err(|why| {
        Failure::environment("the list of CPython's tests is not valid")
            .at(path.display())
            .because(why)
            .next("correct the file: [[group]] tables with `why` and `modules`, [[not-lazy]] tables with `module` and `why`, [[interpreted]] tables with `code`, `modes` and `why`")
    })
}

fn parse(text: &str) -> Result<Lists, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut seen = BTreeSet::new();
    let mut modules = Vec::new();
    for group in file.group {
        if group.why.trim().is_empty() {
            return Err("a group has no reason in `why`".into());
        }
        for module in group.modules {
            if !seen.insert(module.clone()) {
                return Err(format!("{module} is there twice"));
            }
            modules.push(module);
        }
    }
    if modules.is_empty() {
        return Err("it names no module".into());
    }
    let mut seen = BTreeSet::new();
    for NotLazy { module, why } in &file.not_lazy {
        if why.trim().is_empty() {
            return Err(format!("{module} is left out without a reason in `why`"));
        }
        if !seen.insert(module) {
            return Err(format!("{module} is left out twice"));
        }
    }
    if seen.len() > MOST_NOT_LAZY {
        return Err(format!(
            "it leaves out {} modules; {MOST_NOT_LAZY} are allowed",
            seen.len()
        ));
    }
    for Interpreted { code, modes, why } in &file.interpreted {
        let listed = code.join(" ");
        if why.trim().is_empty() {
            return Err(format!("{listed} is interpreted without a reason in `why`"));
        }
        if code.is_empty() || modes.is_empty() {
            return Err(format!(
                "what is interpreted because it {why} names no code or no mode"
            ));
        }
        // The words of the compiler's option have commas between them.
        if listed.contains(',') {
            return Err(format!("{listed}: a pattern has no comma"));
        }
    }
    Ok(Lists {
        modules,
        not_lazy: file.not_lazy,
        interpreted: file.interpreted,
    })
}

/// The test module that the file at `path` of a CPython source tree is part of, as its test runner calls it.
///
/// A file in a package, such as `Lib/test/test_capi/test_misc.py`, stands for itself; data and helpers stand for nothing.
pub fn of_path(path: &Path) -> Option<String> {
    let inner = path.strip_prefix("Lib/test").ok()?;
    let file = inner.file_name()?.to_str()?.strip_suffix(".py")?;
    if !file.starts_with("test_") {
        return None;
    }
    let package: Vec<&str> = inner
        .parent()?
        .iter()
        .map(|part| part.to_str())
        .collect::<Option<_>>()?;
    match package.as_slice() {
        [] => Some(file.to_owned()),
        packages if packages.iter().all(|part| part.starts_with("test_")) => {
            Some(format!("test.{}.{file}", packages.join(".")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_keep_their_order() {
        let text = "[[group]]\nwhy = 'a'\nmodules = ['test_b', 'test_a']\n[[group]]\nwhy = 'b'\nmodules = ['test_c']\n";
        assert_eq!(parse(text).unwrap().modules, ["test_b", "test_a", "test_c"]);
    }

    #[test]
    fn what_is_left_out_has_reasons_and_is_little() {
        let with = |tables: &str| {
            parse(&format!(
                "[[group]]\nwhy = 'a'\nmodules = ['test_a']\n{tables}"
            ))
        };
        let table = |name: &str| format!("[[not-lazy]]\nmodule = '{name}'\nwhy = 'b'\n");
        let left_out = with(&table("test_a")).unwrap().not_lazy;
        assert_eq!(left_out[0].module, "test_a");
        assert_eq!(left_out[0].why, "b");
        let why = |tables: &str| with(tables).unwrap_err();
        assert!(why(&table("test_a").replace('b', "")).contains("without a reason"));
        assert!(why(&table("test_a").repeat(2)).contains("test_a is left out twice"));
        let many: String = (0..9).map(|n| table(&format!("test_{n}"))).collect();
        assert!(why(&many).contains("9 modules; 8 are allowed"));
        assert!(why("[[not-lazy]]\nmodule = 'test_a'\nwhy = 'b'\nwho = 'c'\n").contains("who"));
    }

    #[test]
    fn what_is_interpreted_has_modes_and_reasons() {
        let with = |table: &str| {
            parse(&format!(
                "[[group]]\nwhy = 'a'\nmodules = ['test_a']\n[[interpreted]]\n{table}"
            ))
        };
        let lists = with("code = ['a.py:f']\nmodes = ['all,sync']\nwhy = 'b'\n").unwrap();
        assert_eq!(lists.interpreted[0].modes, [Jit::AllSync]);
        let why = |table: &str| with(table).unwrap_err();
        assert!(why("code = ['f']\nmodes = ['auto']\nwhy = ''\n").contains("without a reason"));
        assert!(why("code = ['f']\nmodes = []\nwhy = 'b'\n").contains("no mode"));
        assert!(why("code = ['f']\nmodes = ['some']\nwhy = 'b'\n").contains("some"));
        assert!(why("code = ['f,g']\nmodes = ['auto']\nwhy = 'b'\n").contains("no comma"));
    }

    #[test]
    fn a_module_without_reason_or_twice_is_an_error() {
        let why = |text| parse(text).unwrap_err();
        assert!(why("[[group]]\nwhy = ' '\nmodules = ['test_a']\n").contains("no reason"));
        assert!(
            why("[[group]]\nwhy = 'a'\nmodules = ['test_a', 'test_a']\n")
                .contains("test_a is there twice")
        );
        assert!(why("[[group]]\nwhy = 'a'\nmodules = []\n").contains("no module"));
        assert!(why("[[group]]\nmodules = []\n").contains("why"));
    }

    #[test]
    fn a_path_stands_for_its_test_module() {
        let of = |path| of_path(Path::new(path));
        assert_eq!(of("Lib/test/test_code.py").as_deref(), Some("test_code"));
        assert_eq!(
            of("Lib/test/test_capi/test_misc.py").as_deref(),
            Some("test.test_capi.test_misc")
        );
        assert_eq!(of("Lib/test/test_capi/__init__.py"), None);
        assert_eq!(of("Lib/test/support/test_x.py"), None);
        assert_eq!(of("Lib/test/data/test_x.txt"), None);
        assert_eq!(of("Lib/idlelib/test_x.py"), None);
    }
}
