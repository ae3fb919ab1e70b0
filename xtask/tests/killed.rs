//! Every command that writes is killed at moments all over its run; run again, it leaves what an uninterrupted run leaves.

mod support;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use support::buildable::kill;
use support::{Fixture, message};

/// How many moments are tried.
const MOMENTS: u32 = 5;

type Files = BTreeMap<String, Vec<u8>>;

/// Copies what is in a folder into another one, with times.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .status();
    assert!(status.expect("running cp").success());
}

/// Empties a folder.
fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path).expect("removing a folder");
        } else {
            std::fs::remove_file(&path).expect("removing a file");
        }
    }
}

/// Names, and content of files or targets of links, of all that is in these folders of the fixture.
fn files(fixture: &Fixture, folders: &[&str]) -> Files {
    fn add(files: &mut Files, path: &Path) {
        let name = path.display().to_string();
        if path.is_symlink() {
            let target = std::fs::read_link(path).expect("a link");
            files.insert(name, target.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            for entry in std::fs::read_dir(path).expect("a folder") {
                add(files, &entry.expect("an entry").path());
            }
        } else if path.exists() && path.extension().is_none_or(|extension| extension != "pyc") {
            files.insert(name, std::fs::read(path).expect("a file"));
        }
    }
    let mut files = Files::new();
    for folder in folders {
        add(&mut files, &fixture.path().join(folder));
    }
    files
}

/// Runs a command to its end; then, from the same state, kills it after a part of that time and runs it again: what is in
/// `folders` must be the same. Every other time what it has started is killed with it, else it goes on.
#[track_caller]
fn the_same_after_kills(fixture: &Fixture, arguments: &[&str], folders: &[&str]) {
    let saved = tempfile::tempdir().expect("a folder");
    copy(fixture.path(), saved.path());
    let start = Instant::now();
    fixture.xtask(arguments).ok();
    let time = start.elapsed();
    let whole = files(fixture, folders);
    for moment in 1..=MOMENTS {
        empty(fixture.path());
        copy(saved.path(), fixture.path());
        let mut child = fixture
            .command()
            .args(arguments)
            .args(["--port", "9.9"])
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("running xtask");
        std::thread::sleep(time * moment / (MOMENTS + 1));
        if child.try_wait().expect("looking after xtask").is_none() {
            let group = if moment % 2 == 0 { "-" } else { "" };
            kill(9, &format!("{group}{}", child.id()));
        }
        child.wait().expect("waiting for xtask");
        // A patch that is dropped already cannot be dropped again.
        let had_done_it = !folders.is_empty() && files(fixture, folders) == whole;
        let again = fixture.xtask(arguments);
        let place = format!("{arguments:?}, killed at moment {moment}: {}", again.err);
        assert!(again.status == 0 || had_done_it, "{place}");
        let left = files(fixture, folders);
        for (name, content) in &whole {
            assert!(left.get(name) == Some(content), "{name} differs, {place}");
        }
        for name in left.keys() {
            assert!(whole.contains_key(name), "{name} was left, {place}");
        }
    }
}

/// The series and the work tree of an edit that was begun.
const SERIES: &str = "root/patches/9.9";
const EDIT: &str = "target/clinker/edit/9.9.2";

#[test]
fn fetch() {
    let fixture = Fixture::new();
    the_same_after_kills(&fixture, &["fetch", "--all"], &[]);
    fixture.xtask(&["fetch", "--all", "--offline"]).ok();
}

#[test]
fn apply() {
    let fixture = Fixture::with_series();
    the_same_after_kills(&fixture, &["apply"], &["target/clinker/src/9.9.2"]);
}

#[test]
fn patch_edit() {
    let fixture = Fixture::with_series();
    let arguments = ["patch", "edit", "count-steps"];
    the_same_after_kills(&fixture, &arguments, &[&format!("{EDIT}/Python")]);
    fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
}

#[test]
fn patch_refresh() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.replace(&format!("{EDIT}/Python/ceval.c"), "count()", "count(1)");
    fixture.write(&format!("{EDIT}/Lib/more.py"), "more = 1\n");
    let edit = fixture.path().join(EDIT);
    fixture.git(&edit, &["add", "--all"]);
    fixture.git(&edit, &["commit", "--quiet", "-m", &message("Add more")]);
    the_same_after_kills(&fixture, &["patch", "refresh"], &[SERIES]);
}

#[test]
fn patch_edit_over_what_git_has_recorded_half() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    let folder = fixture.output().join("edit/9.9.2");
    let record = fixture.output().join("git/9.9.git/worktrees/9.9.2");
    std::fs::remove_dir_all(&folder).expect("removing a folder");
    for name in ["commondir", "locked"] {
        std::fs::write(record.join(name), "").expect("writing a file");
    }
    std::fs::write(folder.with_extension("2.making"), "").expect("writing a file");
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    assert!(folder.join("Python").is_dir());
}

#[test]
fn patch_drop_and_move() {
    let fixture = Fixture::with_series();
    the_same_after_kills(&fixture, &["patch", "drop", "count-steps"], &[SERIES]);
    let fixture = Fixture::with_series();
    let arguments = ["patch", "move", "report-imports", "--first"];
    the_same_after_kills(&fixture, &arguments, &[SERIES]);
}

#[test]
fn bump() {
    let fixture = Fixture::with_series();
    fixture.replace("upstream/Python/import.c", "    step(2);\n", "");
    fixture.release("9.9.3");
    fixture.port("9.9", &["9.9.3", "9.9.2"]);
    the_same_after_kills(&fixture, &["bump", "--to", "9.9.3"], &[SERIES]);
}

#[test]
fn export_patches() {
    let fixture = Fixture::with_series();
    the_same_after_kills(&fixture, &["export-patches"], &["target/clinker/export"]);
}

#[test]
fn build_and_dist() {
    let fixture = Fixture::buildable();
    the_same_after_kills(&fixture, &["build"], &["target/clinker/9.9.4-dev"]);
    fixture.write("root/LICENSE", "Ours.\n");
    the_same_after_kills(&fixture, &["dist"], &["target/clinker/dist"]);
}

#[test]
fn check() {
    let fixture = Fixture::buildable();
    let arguments = ["check", "--each", "--build-each"];
    the_same_after_kills(&fixture, &arguments, &["target/clinker/each"]);
}
