//! Builds the archive and names its modules as built-in ones of CPython.
//!
//! The objects of its Rust side are joined into one, in which every symbol but what the C side calls is local: so nothing of Rust
//! is seen by extensions, and nothing can clash with theirs. The C side is compiled by CPython's make, by the rules of
//! the package's `c.mk`.

use super::cpython::relative;
use super::logged::Log;
use crate::error::{Context, Failure, Result};
use crate::files::{remove_if_there, write_atomically};
use crate::workspace::Workspace;
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules' names.
const MODULES: [&str; 3] = ["_jit", "_lazyclient", "clinker"];
/// Their init functions, which are its global symbols.
pub const SYMBOLS: [&str; 3] = ["PyInit__jit", "PyInit__lazyclient", "PyInit_clinker"];
/// How the functions begin that the C side calls.
const CALLED: &str = "clinker_";

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
        let object = self.object(package, log)?;
        self.name_modules(package, &object)
    }

    /// Builds the object of the Rust side of `package`.
    pub(super) fn object(&self, package: &str, log: &mut Log) -> Result<PathBuf> {
        let library = self.compile(package, log)?;
        let folder = folder(self.build);
        std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
        let object = folder.join(format!("{package}.o"));
        let fresh = folder.join("fresh.o");
        let called = called(&library)?;
        let mut join = Command::new("ld");
        join.args(["-r", "--gc-sections", "--force-group-allocation"])
            .args(["-e", called.first().map_or("", String::as_str)])
            .args(called.iter().flat_map(|symbol| ["-u", symbol]));
        // What runs, in one place.
        let order = self.workspace.root().join(package).join("hot.ld");
        if order.exists() {
            join.arg("-T").arg(order);
        }
        join.arg("-o")
            .arg(&fresh)
            .arg(&library)
            .current_dir(&folder);
        log.run("Joining", "the archive's objects", &mut join)?;
        let mut hide = Command::new("objcopy");
        // Bitcode that rustc embeds is of no use once joined, and binutils with an LLVM plugin fail on it.
        hide.args(["--wildcard", &format!("--keep-global-symbol={CALLED}*")])
            .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
            .arg(&fresh)
            .current_dir(&folder);
        log.run("Hiding", "the archive's symbols", &mut hide)?;
        // Make goes by its time.
        if same(&fresh, &object)? {
            remove_if_there(&fresh)?;
        } else {
            std::fs::rename(&fresh, &object).doing("write", &object)?;
        }
        Ok(object)
    }

    /// Names the modules in `Modules/Setup.local`, by paths from the build tree: the folder that all of it lies in can be moved. Files are left alone when
    /// they say so already: make depends on their times.
    fn name_modules(&self, package: &str, object: &Path) -> Result<()> {
        let rules = folder(self.build).join("rules.mk");
        let from_here = |path: &Path| relative(self.build, path);
        write_if_new(
            &rules,
            &format!(
                "CLINKER_PACKAGE := {package}\nCLINKER_RUST := {object}\nCLINKER_LIBRARY := {library}\ninclude $(CLINKER_PACKAGE)/c.mk\n",
                package = from_here(&self.workspace.root().join(package))?.display(),
                object = from_here(object)?.display(),
                library = self.library()?,
            ),
        )?;
        write_if_new(
            &self.build.join("Modules/Setup.local"),
            &format!(
                // CPython's check of modules takes a line without `=` for one.
                "*static*\nCLINKER_RULES:=$(eval include {rules})\n{modules} $(CLINKER_LIBS)\n",
                rules = from_here(&rules)?.display(),
                modules = MODULES.join(" "),
            ),
        )
    }

    /// The name of CPython's static library.
    fn library(&self) -> Result<String> {
        let makefile = self.build.join("Makefile");
        let text = std::fs::read_to_string(&makefile).doing("read", &makefile)?;
        let value = |name: &str| {
            let mut lines = text.lines();
            lines
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(str::trim)
                .ok_or_else(|| {
                    Failure::environment(format!("CPython's makefile does not set {name}"))
                        .at(makefile.display())
                        .next("remove the build tree and build again")
                })
        };
        Ok(format!(
            "libpython{}{}.a",
            value("VERSION")?,
            value("ABIFLAGS")?
        ))
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
pub(super) fn folder(build_tree: &Path) -> PathBuf {
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

/// The functions of a static library that the C side calls.
fn called(library: &Path) -> Result<Vec<String>> {
    let data = std::fs::read(library).doing("read", library)?;
    let unreadable = "read the symbols of";
    let mut names = Vec::new();
    for member in ArchiveFile::parse(&*data)
        .doing(unreadable, library)?
        .members()
    {
        let member = member.doing(unreadable, library)?;
        let bytes = member.data(&*data).doing(unreadable, library)?;
        // Rust's metadata is a member too.
        let Ok(object) = object::File::parse(bytes) else {
            continue;
        };
        let defined = object
            .symbols()
            .filter(|symbol| symbol.is_global() && symbol.is_definition());
        let defined = defined.filter_map(|symbol| symbol.name().ok());
        names.extend(
            defined
                .filter(|name| name.starts_with(CALLED))
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    if !other.exists() {
        return Ok(false);
    }
    Ok(std::fs::read(one).doing("read", one)? == std::fs::read(other).doing("read", other)?)
}

pub(super) fn write_if_new(file: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    write_atomically(file, text.as_bytes())
}
