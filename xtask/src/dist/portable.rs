//! Takes the folders of the machine it was built on out of a copy of a prefix.
//!
//! In texts they become [`PREFIX`] and the like. `sysconfig` and pkg-config find the real folder when they are asked: so
//! extensions are built against the headers of the place where the interpreter lies. Debug information, which names
//! every source file, is left out.

use crate::build::Built;
use crate::error::{Context, Failure, Result};
use crate::validate::Check;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What stands for the folder the interpreter lies in.
const PREFIX: &str = "/clinker-prefix";
/// What stands for the folder CPython was compiled in.
const BUILD: &str = "/clinker-build";
/// What stands for the folder of CPython's sources.
const SOURCE: &str = "/clinker-source";

/// Added to the module that holds the variables of `sysconfig`.
const RELOCATE: &str = "
import os as _os
_prefix = _os.path.abspath(__file__)
for _ in range(3):
    _prefix = _os.path.dirname(_prefix)
build_time_vars = {
    name: value.replace('{PREFIX}', _prefix) if isinstance(value, str) else value
    for name, value in build_time_vars.items()
}
";

/// Replaces the folders of this machine in all texts.
pub fn forget_paths(root: &Path, built: &Built) -> Result<()> {
    // The names of some begin with those of others: a patched build's with its pristine one's.
    let mut folders = [
        (folder(&built.prefix), PREFIX),
        (folder(&built.build_tree), BUILD),
        (folder(&built.source_tree), SOURCE),
    ];
    folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
    for path in files(root)? {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let mut new = text.clone();
        for (folder, name) in &folders {
            new = new.replace(folder, name);
        }
        if path.extension().is_some_and(|extension| extension == "pc") {
            new = new.replace(&format!("prefix={PREFIX}\n"), "prefix=${pcfiledir}/../..\n");
        }
        if file_name(&path).starts_with("_sysconfigdata") {
            new += &RELOCATE.replace("{PREFIX}", PREFIX);
        }
        if file_name(&path) == "RECORD" {
            new = without_hashes_of_scripts(&new);
        }
        if new != text {
            std::fs::write(&path, new).doing("write", &path)?;
        }
    }
    Ok(())
}

/// A list of installed files in which scripts, which are not as pip has written them, have no hash and size.
fn without_hashes_of_scripts(record: &str) -> String {
    let line = |line: &str| match line.split_once(',') {
        Some((path, _)) if path.contains("/bin/") && path.starts_with("../") => {
            format!("{path},,\n")
        }
        _ => format!("{line}\n"),
    };
    record.lines().map(line).collect()
}

/// Removes debug information, and the hash of a program that depends on it.
pub fn strip(root: &Path) -> Result<()> {
    for path in files(root)? {
        let mut start = [0; 8];
        let file = std::fs::File::open(&path).doing("read", &path)?;
        let whole = std::io::Read::read_exact(&mut &file, &mut start);
        if whole.is_err() || !(start.starts_with(b"\x7fELF") || &start == b"!<arch>\n") {
            continue;
        }
        let output = Command::new("objcopy")
            .args([
                "--strip-debug",
                "--enable-deterministic-archives",
                "--remove-section=.note.gnu.build-id",
            ])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .doing("run objcopy on", &path)?;
        if !output.status.success() {
            return Err(Failure::environment("objcopy cannot strip a program")
                .at(path.display())
                .because(String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(())
}

/// No text of the unpacked archive names a folder of this repository.
pub fn check(unpacked: &Path, workspace: &Workspace) -> Check {
    const NAME: &str = "no folder of this machine";
    let named = |path: &PathBuf| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(&folder(&workspace.output())))
    };
    let checked = files(unpacked).map(|files| {
        let problems = files.iter().filter(|path| named(path));
        let problems: Vec<_> = problems.map(|path| path.display().to_string()).collect();
        Check::of(NAME, &problems, format!("{} files", files.len()))
    });
    Check::made(NAME, checked)
}

fn folder(path: &Path) -> String {
    path.display().to_string()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.doing("list", root)?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::without_hashes_of_scripts;

    #[test]
    fn scripts_alone_lose_their_hashes() {
        let record = "../../../bin/pip3,sha256=abc,231\npip/bin/x.py,sha256=def,4\npip/a.pyc,,\n";
        assert_eq!(
            without_hashes_of_scripts(record),
            "../../../bin/pip3,,\npip/bin/x.py,sha256=def,4\npip/a.pyc,,\n"
        );
    }
}
