//! Packs a built interpreter into a relocatable `.tar.xz` that is the same, byte for byte, whenever it is made of the
//! same files.
//!
//! Names are sorted, owners and times are fixed. Because times are fixed, byte code is compiled so that it is not compared
//! with the time of its source. What else differs between builds of the same is taken out by [`portable`].

mod floor;
mod pack;
mod portable;

use crate::build::{Built, Record};
use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::lock::Lock;
use crate::port::{Port, Variables};
use crate::source::{file_sha256, unpack_tarball};
use crate::ui;
use crate::validate::{self, Check};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `dist` has made.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Packed {
    /// The archive.
    pub archive: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// What it is made of, and the version of glibc that it needs.
    pub manifest: PathBuf,
    /// Checks of the unpacked archive.
    pub checks: Vec<Check>,
}

/// Packs `built` and checks what comes out of the archive.
pub fn pack(workspace: &Workspace, port: &Port, built: &Built, profile: &str) -> Result<Packed> {
    let record = Record::of(&built.prefix).ok_or_else(|| {
        Failure::environment("the interpreter has no record of what it is made of")
            .at(built.prefix.display())
            .next("run `cargo xtask build` with the same options")
    })?;
    let folder = workspace.output().join("dist");
    let _lock = Lock::take(&folder.with_added_extension("lock"))?;
    let staging = folder.join(".staging");
    if staging.exists() {
        std::fs::remove_dir_all(&staging).doing("remove an unfinished archive", &staging)?;
    }
    std::fs::create_dir_all(&staging).doing("make a folder", &staging)?;
    let target = machine_triplet(&built.python)?;
    let label = format!("clinker-{}-{profile}-{target}", built.release.version);

    let root = staging.join("clinker");
    let step = ui::Step::new("Collecting", built.prefix.display().to_string());
    pack::copy(&built.prefix, &root)?;
    copy_licenses(workspace, built, &root)?;
    let floor = floor::of(&root)?;
    let configuration = &record.identity.configuration;
    let arguments = configuration.arguments.iter();
    let manifest = serde_json::json!({
        "release": built.release.version,
        "profile": profile,
        "target": target,
        "glibc": floor.as_ref().map(|floor| floor.version.to_string()),
        "series-tree": record.identity.tree,
        "upstream-tree": built.release.tree,
        "configure": arguments.filter(|word| !word.starts_with("--prefix=")).collect::<Vec<_>>(),
        "compiler": configuration.compiler,
        "archive": record.identity.archive,
    });
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Failure::environment("cannot write JSON").because(error))?;
    write_atomically(&root.join("clinker.json"), text.as_bytes())?;
    portable::forget_paths(&root, built)?;
    portable::strip(&root)?;
    step.done();
    compile_byte_code(&root, &built.environment)?;

    let name = format!("{label}.tar.xz");
    let packed = staging.join(&name);
    pack::write(&root, &packed)?;
    let archive = folder.join(&name);
    std::fs::rename(&packed, &archive).doing("write", &archive)?;
    std::fs::remove_dir_all(&staging).doing("remove", &staging)?;
    let sha256 = file_sha256(&archive)?;
    write_atomically(
        &folder.join(format!("{name}.sha256")),
        format!("{sha256}  {name}\n").as_bytes(),
    )?;
    let manifest = folder.join(format!("{label}.json"));
    write_atomically(&manifest, text.as_bytes())?;

    let elsewhere = tempfile::tempdir().doing("make a temporary folder for", &archive)?;
    unpack_tarball(&archive, elsewhere.path())?;
    let step = ui::Step::new("Checking", "the unpacked archive");
    let python = elsewhere.path().join("bin/python3");
    let mut checks = vec![portable::check(elsewhere.path(), workspace)];
    checks.extend(floor::check(port, elsewhere.path()));
    checks.extend(validate::smoke(
        &python,
        &built.environment,
        &built.missing_modules,
    ));
    step.done();
    Ok(Packed {
        archive,
        sha256,
        manifest,
        checks,
    })
}

fn machine_triplet(python: &Path) -> Result<String> {
    let code = "import sysconfig; print(sysconfig.get_config_var('MULTIARCH') or sysconfig.get_platform())";
    let output = Command::new(python)
        .args(["-I", "-c", code])
        .stdin(Stdio::null())
        .output()
        .doing("run", python)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if text.is_empty() {
        return Err(
            Failure::environment("the interpreter does not tell its platform")
                .at(python.display())
                .because(String::from_utf8_lossy(&output.stderr)),
        );
    }
    Ok(text)
}

fn copy_licenses(workspace: &Workspace, built: &Built, root: &Path) -> Result<()> {
    let folder = root.join("licenses");
    std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
    let licenses = [
        (built.source_tree.join("LICENSE"), "LICENSE.cpython"),
        (workspace.root().join("LICENSE"), "LICENSE.clinker"),
    ];
    for (from, name) in licenses {
        std::fs::copy(&from, folder.join(name)).doing("copy the license", &from)?;
    }
    Ok(())
}

fn compile_byte_code(root: &Path, environment: &Variables) -> Result<()> {
    let step = ui::Step::new("Compiling", "byte code");
    let python = root.join("bin/python3");
    // One file after the other: which objects marshal shares in a file depends on those compiled before in the process.
    let output = Command::new(&python)
        .args([
            "-I",
            "-m",
            "compileall",
            "-q",
            "-f",
            "--invalidation-mode",
            "unchecked-hash",
        ])
        // Paths within byte code must not name this machine.
        .args(["-s", ".", "-p", "/clinker", "lib"])
        .current_dir(root)
        .envs(environment)
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::null())
        .output()
        .doing("run", &python)?;
    if !output.status.success() {
        return Err(Failure::environment("the byte code cannot be compiled")
            .at(python.display())
            .because(String::from_utf8_lossy(&output.stdout)));
    }
    step.done();
    Ok(())
}
