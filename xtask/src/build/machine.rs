//! What a build uses of this machine: tools, and libraries of optional modules with the packages that bring them.

use crate::error::{Context, Failure, Result};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tool that a build runs.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// Its command.
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
    /// Whether nothing can be built without it.
    pub required: bool,
    /// Where it is, if it is there.
    pub path: Option<PathBuf>,
    /// First line of what it says of its version.
    pub version: Option<String>,
    #[serde(skip)]
    packages: [&'static str; 2],
}

/// Command, purpose, whether it is required, package for apt, package for dnf.
const TOOLS: &[(&str, &str, bool, &str, &str)] = &[
    ("cc", "compiles CPython", true, "gcc", "gcc"),
    ("make", "builds CPython", true, "make", "make"),
    ("ar", "makes static libraries", true, "binutils", "binutils"),
    (
        "ld",
        "joins the archive's objects",
        true,
        "binutils",
        "binutils",
    ),
    (
        "objcopy",
        "keeps the archive's symbols local",
        true,
        "binutils",
        "binutils",
    ),
    ("cargo", "builds the archive", true, "cargo", "cargo"),
    ("rustc", "builds the archive", true, "rustc", "rust"),
    (
        "git",
        "origin of sources, patch editing",
        true,
        "git",
        "git",
    ),
    (
        "python3",
        "regenerates generated files",
        true,
        "python3",
        "python3",
    ),
    (
        "pkg-config",
        "finds optional libraries",
        false,
        "pkg-config",
        "pkgconf",
    ),
    (
        "clang",
        "compiles CPython in the profile clang",
        false,
        "clang",
        "clang",
    ),
    ("gdb", "runs CPython's test_gdb", false, "gdb", "gdb"),
    (
        "valgrind",
        "counts instructions (callgrind)",
        false,
        "valgrind",
        "valgrind",
    ),
];

/// A system library that optional modules of the standard library need.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Library {
    /// Its usual name.
    pub name: &'static str,
    /// Modules that are not built without it.
    pub modules: &'static [&'static str],
    #[serde(skip)]
    headers: &'static [&'static str],
    #[serde(skip)]
    packages: [&'static str; 2],
}

macro_rules! libraries {
    ($($name:literal $modules:tt $headers:tt $apt:literal $dnf:literal;)*) => {
        &[$(Library { name: $name, modules: &$modules, headers: &$headers, packages: [$apt, $dnf] }),*]
    };
}

const LIBRARIES: &[Library] = libraries! {
    "zlib" ["zlib"] ["zlib.h"] "zlib1g-dev" "zlib-devel";
    "bzip2" ["_bz2"] ["bzlib.h"] "libbz2-dev" "bzip2-devel";
    "xz" ["_lzma"] ["lzma.h"] "liblzma-dev" "xz-devel";
    "libffi" ["_ctypes", "_ctypes_test"] ["ffi.h"] "libffi-dev" "libffi-devel";
    "OpenSSL" ["_ssl", "_hashlib"] ["openssl/ssl.h"] "libssl-dev" "openssl-devel";
    "SQLite" ["_sqlite3"] ["sqlite3.h"] "libsqlite3-dev" "sqlite-devel";
    "readline" ["readline"] ["readline/readline.h", "editline/readline.h"] "libreadline-dev" "readline-devel";
    "ncurses" ["_curses", "_curses_panel"] ["curses.h", "ncursesw/curses.h"] "libncurses-dev" "ncurses-devel";
    "gdbm" ["_gdbm"] ["gdbm.h"] "libgdbm-dev" "gdbm-devel";
    "ndbm" ["_dbm"] ["ndbm.h", "gdbm-ndbm.h", "db.h"] "libgdbm-compat-dev" "gdbm-devel";
    "Tk" ["_tkinter"] ["tk.h", "tcl8.6/tk.h"] "tk-dev" "tk-devel";
    "libuuid" ["_uuid"] ["uuid/uuid.h"] "uuid-dev" "libuuid-devel";
};

/// The C compiler: `CC`, or `gcc` or `cc`, as CPython's configure chooses it.
///
/// # Errors
/// When there is none.
pub fn compiler() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("CC") {
        let text = chosen.to_string_lossy().into_owned();
        let program = text.split_whitespace().next().unwrap_or_default();
        return which::which(program).map_err(|error| {
            Failure::environment(format!("the compiler that CC names, {text}, is not there"))
                .because(error)
        });
    }
    which::which("gcc")
        .or_else(|_| which::which("cc"))
        .map_err(|error| {
            Failure::environment("there is no C compiler")
                .because(error)
                .next(install(&[["gcc", "gcc"]]))
        })
}

/// The C compiler that a profile names.
///
/// # Errors
/// When it is not there; the failure gives the command that installs it.
pub fn named_compiler(name: &str) -> Result<PathBuf> {
    which::which(name).or_else(|error| {
        // It knows the packages of those it has in its list.
        require_tool(name)?;
        Err(Failure::environment(format!(
            "the compiler that the profile names, {name}, is not there"
        ))
        .because(error)
        .next("install it, or build another profile"))
    })
}

/// All tools, found or not.
pub fn tools() -> Vec<Tool> {
    TOOLS
        .iter()
        .map(|&(name, purpose, required, apt, dnf)| {
            let path = if name == "cc" {
                compiler().ok()
            } else {
                which::which(name).ok()
            };
            Tool {
                name,
                purpose,
                required,
                version: path.as_deref().and_then(version),
                path,
                packages: [apt, dnf],
            }
        })
        .collect()
}

/// Fails when a tool that every build needs is missing.
///
/// # Errors
/// One that names all missing tools and the command that installs them.
pub fn require_tools() -> Result<()> {
    require(|_, required| required)
}

/// Fails when the tool `name` is missing.
///
/// # Errors
/// One that says what it is for and gives the command that installs it.
pub fn require_tool(name: &str) -> Result<()> {
    require(|tool, _| tool == name)
}

/// Fails when a tool is missing that `wanted` chooses, given its name and whether every build needs it.
fn require(wanted: impl Fn(&str, bool) -> bool) -> Result<()> {
    let missing = TOOLS.iter().filter(|&&(name, _, required, ..)| {
        wanted(name, required)
            && if name == "cc" {
                compiler().is_err()
            } else {
                which::which(name).is_err()
            }
    });
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::environment("this machine lacks tools that are needed");
    for (name, purpose, ..) in &missing {
        failure = failure.because(format!("{name}: {purpose}"));
    }
    let packages: Vec<_> = missing.iter().map(|&&(.., apt, dnf)| [apt, dnf]).collect();
    Err(failure
        .next(install(&packages))
        .next("`cargo xtask doctor` lists all of them"))
}

/// The command that installs the packages of `tools` and `libraries` on this machine.
pub fn install_command(tools: &[&Tool], libraries: &[&Library]) -> String {
    let tools = tools.iter().map(|tool| tool.packages);
    let libraries = libraries.iter().map(|library| library.packages);
    install(&tools.chain(libraries).collect::<Vec<_>>())
}

fn install(packages: &[[&str; 2]]) -> String {
    let (column, command) = if which::which("apt-get").is_ok() {
        (0, "sudo apt-get install")
    } else if which::which("dnf").is_ok() {
        (1, "sudo dnf install")
    } else {
        (0, "install the packages that your system has for:")
    };
    let mut names: Vec<_> = packages.iter().map(|names| names[column]).collect();
    names.sort_unstable();
    names.dedup();
    let text = format!("{command} {}", names.join(" "));
    if command.starts_with("sudo") {
        format!("`{text}`")
    } else {
        text
    }
}

/// The first line a program prints when asked for its version.
pub fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .next()
        .filter(|_| output.status.success())
        .map(|line| line.trim().to_owned())
}

/// Libraries of optional modules: those whose headers the compiler finds, and those it does not.
///
/// # Errors
/// When the compiler cannot be run.
pub fn libraries(compiler: &Path) -> Result<(Vec<&'static Library>, Vec<&'static Library>)> {
    let mut probe = String::new();
    for (number, library) in LIBRARIES.iter().enumerate() {
        let tests: Vec<_> = library
            .headers
            .iter()
            .map(|header| format!("__has_include(<{header}>)"))
            .collect();
        probe += &format!("#if {}\nfound {number}\n#endif\n", tests.join(" || "));
    }
    let mut child = Command::new(compiler)
        .args(["-E", "-P", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("run", compiler)?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(probe.as_bytes())
            .doing("write to", compiler)?;
    }
    let output = child.wait_with_output().doing("run", compiler)?;
    if !output.status.success() {
        return Err(Failure::environment("the C compiler does not work")
            .at(compiler.display())
            .because(String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<usize> = text
        .lines()
        .filter_map(|line| line.strip_prefix("found ")?.trim().parse().ok())
        .collect();
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for (number, library) in LIBRARIES.iter().enumerate() {
        if found.contains(&number) {
            present.push(library)
        } else {
            missing.push(library)
        }
    }
    Ok((present, missing))
}

/// The libraries that the given modules lack.
pub fn libraries_of(modules: &[String]) -> Vec<&'static Library> {
    let needs = |library: &&Library| {
        modules
            .iter()
            .any(|module| library.modules.contains(&module.as_str()))
    };
    LIBRARIES.iter().filter(needs).collect()
}
