//! Builds the archive and names it as built-in modules of CPython.
//!
//! All of its objects are joined into one, in which every symbol but the modules' init functions is local: so no Rust
//! symbol is seen by extensions, and nothing of it can clash with theirs.

use super::cpython::relative;
use super::logged::Log;
use crate::error::{Context, Failure, Result};
use crate::files::{remove_if_there, write_atomically};
use crate::workspace::Workspace;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules' names.
const MODULES: [&str; 3] = ["_jit", "_lazyclient", "clinker"];
/// Their init functions, which are its global symbols.
pub const SYMBOLS: [&str; 3] = ["PyInit__jit", "PyInit__lazyclient", "PyInit_clinker"];
/// Programs of the build tree that it is linked into.
const LINKED: [&str; 2] = ["python", "Programs/_testembed"];

/// Where an archive is built.
pub struct Trees<'a> {
    /// The repository that has its package.
    pub workspace: &'a Workspace,
    /// CPython's sources.
    pub source: &'a Path,
    /// CPython's objects.
    pub build: &'a Path,
}

impl Trees<'_> {
    /// Builds `package` against the headers of a configured CPython and puts it into the build tree.
    pub fn build(&self, package: &str, log: &mut Log) -> Result<()> {
        let library = self.compile(package, log)?;
        let folder = folder(self.build);
        std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
        let object = folder.join("joined.o");
        let mut join = Command::new("ld");
        join.args([
            "-r",
            "--gc-sections",
            "--force-group-allocation",
            "-e",
            SYMBOLS[0],
        ])
        .args(SYMBOLS.iter().flat_map(|symbol| ["-u", symbol]));
        // What runs, in one place.
        let order = self.workspace.root().join(package).join("hot.ld");
        if order.exists() {
            join.arg("-T").arg(order);
        }
        join.arg("-o")
            .arg(&object)
            .arg(&library)
            .current_dir(&folder);
        log.run("Joining", "the archive's objects", &mut join)
            .map_err(|failure| {
                failure.next(format!(
                    "package {package} must define {}",
                    SYMBOLS.join(" and ")
                ))
            })?;
        let mut hide = Command::new("objcopy");
        // Bitcode that rustc embeds is of no use once joined, and binutils with an LLVM plugin fail on it.
        hide.args(SYMBOLS.map(|symbol| format!("--keep-global-symbol={symbol}")))
            .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
            .arg(&object)
            .current_dir(&folder);
        log.run("Hiding", "the archive's symbols", &mut hide)?;
        let fresh = folder.join("fresh.a");
        remove_if_there(&fresh)?;
        let mut pack = Command::new("ar");
        pack.arg("rcsD")
            .arg(&fresh)
            .arg(&object)
            .current_dir(&folder);
        log.run("Packing", "the archive", &mut pack)?;
        let archive = folder.join(format!("lib{package}.a"));
        if !same(&fresh, &archive)? {
            // Make does not know that programs are made of the archive. They go first: a build that is killed between
            // these lines would else take the old ones for finished.
            for program in LINKED {
                remove_if_there(&self.build.join(program))?;
            }
            std::fs::rename(&fresh, &archive).doing("write", &archive)?;
        }
        name_module(&archive, self.build)
    }

    /// Whether the assertions of C are on in this build: they are in headers of CPython too, which the archive includes.
    fn has_assertions(&self) -> Result<bool> {
        let makefile = self.build.join("Makefile");
        let text = std::fs::read_to_string(&makefile).doing("read", &makefile)?;
        Ok(!text.lines().any(|line| {
            line.strip_prefix("OPT=")
                .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "-DNDEBUG"))
        }))
    }

    /// Runs cargo and returns the static library it made.
    fn compile(&self, package: &str, log: &mut Log) -> Result<PathBuf> {
        let headers = [
            self.source.join("Include"),
            self.source.join("Include/internal"),
            self.build.to_owned(),
        ];
        let headers = std::env::join_paths(&headers).map_err(|error| {
            Failure::environment("a folder of headers has `:` in its name")
                .at(self.source.display())
                .because(error)
                .next("move the repository to a path without `:`")
        })?;
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--package", package, "--profile", "archive"])
            .current_dir(self.workspace.root())
            .env("CARGO_TARGET_DIR", self.workspace.cargo_target())
            .env("CLINKER_INCLUDE", &headers)
            .env("RUSTFLAGS", rust_flags());
        if self.has_assertions()? {
            cargo.env("CLINKER_ASSERTIONS", "1");
        } else {
            cargo.env_remove("CLINKER_ASSERTIONS");
        }
        log.run("Building", &format!("the archive, {package}"), &mut cargo)?;
        // Everything is fresh now: this only asks cargo where the library is.
        cargo.args(["--quiet", "--message-format=json"]);
        let output = cargo
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .output()
            .doing("run cargo in", self.workspace.root())?;
        static_library(&String::from_utf8_lossy(&output.stdout), package).ok_or_else(|| {
            Failure::environment(format!("package {package} makes no static library"))
                .at(self.workspace.root().display())
                .next("its Cargo.toml needs `crate-type = [\"staticlib\"]` under [lib]")
        })
    }
}

/// Where the archive of a build tree is: beside it, since `make clean`, which is a step of a build with a profile, removes
/// every archive in it.
fn folder(build_tree: &Path) -> PathBuf {
    let mut name = build_tree.file_name().unwrap_or_default().to_owned();
    name.push("-archive");
    build_tree.with_file_name(name)
}

/// The user's own flags, and one that keeps the user's home out of the messages of panics.
fn rust_flags() -> String {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let own = std::env::var("RUSTFLAGS").unwrap_or_default();
    let remap = home.map(|home| format!("--remap-path-prefix={}=/cargo", home.display()));
    // Flags are parted by blanks, so a path that has one cannot be named.
    let remap = remap.filter(|flag| !flag.contains(' '));
    format!("{own} {}", remap.unwrap_or_default())
        .trim()
        .to_owned()
}

fn static_library(messages: &str, package: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        #[serde(default)]
        package_id: String,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    }
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok());
    messages
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| {
            let id = &message.package_id;
            id.contains(&format!("/{package}#")) || id.contains(&format!("#{package}@"))
        })
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "a"))
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    if !other.exists() {
        return Ok(false);
    }
    Ok(std::fs::read(one).doing("read", one)? == std::fs::read(other).doing("read", other)?)
}

/// Names the archive in `Modules/Setup.local`, by its path from the build tree: the folder both lie in can be moved. The file is left alone when it says so
/// already: make depends on its time.
fn name_module(archive: &Path, build_tree: &Path) -> Result<()> {
    let file = build_tree.join("Modules/Setup.local");
    let archive = relative(build_tree, archive)?;
    // The makefile may give the archive to the linker once for each module: it takes the one object in it once.
    let lines = MODULES.map(|module| {
        format!(
            "{module} {} -lgcc_s -lm -lpthread -ldl\n",
            archive.display()
        )
    });
    let text = format!("*static*\n{}", lines.concat());
    if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    write_atomically(&file, text.as_bytes())
}
