//! Builds the archive and names it as a built-in module of CPython.
//!
//! All of its objects are joined into one, in which every symbol but the module's init function is local: so no Rust
//! symbol is seen by extensions, and nothing of it can clash with theirs.

use super::logged::Log;
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::lock::Lock;
use crate::workspace::Workspace;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The module's name.
const MODULE: &str = "_jit";
/// Its init function, which is its one global symbol.
pub const SYMBOL: &str = "PyInit__jit";

/// Builds `package` against the headers of a configured CPython and puts it into the build tree.
///
/// Returns whether the archive is another than before.
pub fn build(
    workspace: &Workspace,
    package: &str,
    source_tree: &Path,
    build_tree: &Path,
    log: &mut Log,
    lock: &Lock,
) -> Result<bool> {
    let library = compile(workspace, package, source_tree, build_tree, log, lock)?;
    let folder = build_tree.join("archive");
    std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
    let object = folder.join("joined.o");
    let mut join = Command::new("ld");
    join.args([
        "-r",
        "--gc-sections",
        "--force-group-allocation",
        "-u",
        SYMBOL,
        "-e",
        SYMBOL,
        "-o",
    ])
    .arg(&object)
    .arg(&library)
    .current_dir(&folder);
    log.run("Joining", "the archive's objects", &mut join, lock)
        .map_err(|failure| failure.next(format!("package {package} must define {SYMBOL}")))?;
    let mut hide = Command::new("objcopy");
    // Bitcode that rustc embeds is of no use once joined, and binutils with an LLVM plugin fail on it.
    hide.arg(format!("--keep-global-symbol={SYMBOL}"))
        .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
        .arg(&object)
        .current_dir(&folder);
    log.run("Hiding", "the archive's symbols", &mut hide, lock)?;
    let fresh = folder.join("fresh.a");
    if fresh.exists() {
        std::fs::remove_file(&fresh).doing("remove", &fresh)?;
    }
    let mut pack = Command::new("ar");
    pack.arg("rcsD")
        .arg(&fresh)
        .arg(&object)
        .current_dir(&folder);
    log.run("Packing", "the archive", &mut pack, lock)?;
    let archive = folder.join(format!("lib{package}.a"));
    let changed = !same(&fresh, &archive)?;
    if changed {
        std::fs::rename(&fresh, &archive).doing("write", &archive)?;
    }
    name_module(&archive, build_tree)?;
    Ok(changed)
}

/// Runs cargo and returns the static library it made.
fn compile(
    workspace: &Workspace,
    package: &str,
    source_tree: &Path,
    build_tree: &Path,
    log: &mut Log,
    lock: &Lock,
) -> Result<PathBuf> {
    let headers = [
        source_tree.join("Include"),
        source_tree.join("Include/internal"),
        build_tree.to_owned(),
    ];
    let headers = std::env::join_paths(&headers).map_err(|error| {
        Failure::environment("a folder of headers has `:` in its name")
            .at(source_tree.display())
            .because(error)
            .next("move the repository to a path without `:`")
    })?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--package", package, "--profile", "archive"])
        .current_dir(workspace.root())
        .env("CARGO_TARGET_DIR", workspace.cargo_target())
        .env("CLINKER_INCLUDE", &headers);
    log.run(
        "Building",
        &format!("the archive, {package}"),
        &mut cargo,
        lock,
    )?;
    // Everything is fresh now: this only asks cargo where the library is.
    cargo.args(["--quiet", "--message-format=json"]);
    let output = cargo
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .output()
        .doing("run cargo in", workspace.root())?;
    static_library(&String::from_utf8_lossy(&output.stdout), package).ok_or_else(|| {
        Failure::environment(format!("package {package} makes no static library"))
            .at(workspace.root().display())
            .next("its Cargo.toml needs `crate-type = [\"staticlib\"]` under [lib]")
    })
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

/// Names the archive in `Modules/Setup.local`. The file is left alone when it says so already: make depends on its time.
fn name_module(archive: &Path, build_tree: &Path) -> Result<()> {
    let file = build_tree.join("Modules/Setup.local");
    let text = format!(
        "*static*\n{MODULE} {} -lgcc_s -lm -lpthread -ldl\n",
        archive.display()
    );
    if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    write_atomically(&file, text.as_bytes())
}
