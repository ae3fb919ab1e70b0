//! `build` end to end, on an upstream that is configured, compiled, linked with an archive and installed in a second.

mod support;

use std::ffi::OsStr;
use support::Fixture;
use support::buildable::kill;

/// Prints what a patch of Lib/driver.py changes.
const MAGIC: &str =
    "import importlib.util as u; print(int.from_bytes(u.MAGIC_NUMBER[:2], 'little'))";

const ALL: [&str; 3] = ["Modules/config.o", "Programs/python.o", "Python/eval.o"];

#[test]
fn a_build_prints_the_interpreter_and_a_second_one_has_nothing_to_do() {
    let fixture = Fixture::buildable();
    let ran = fixture.xtask(&["build"]).ok().says("Configuring CPython");
    let python = fixture.prefix().join("bin/python3");
    assert_eq!(ran.out, format!("{}\n", python.display()));
    assert_eq!(fixture.compiled(), ALL);
    let code = "import sys; print(sys.prefix, builtin)";
    let prefix = fixture.prefix().display().to_string();
    assert_eq!(fixture.python(code), format!("{prefix} 0\n"));

    let again = fixture.xtask(&["build"]).ok().says("Up to date");
    assert_eq!(again.out, ran.out);
    assert!(!again.err.contains("Compiling"), "{}", again.err);
    assert_eq!(fixture.compiled(), [""; 0]);
}

#[test]
fn a_changed_patch_compiles_what_it_touches_and_nothing_else() {
    let fixture = Fixture::buildable();
    fixture.xtask(&["build"]).ok();
    fixture.compiled();
    fixture.add_patches(&[(
        "Count thrice",
        &[("Python/eval.c", "return 2;", "return 3;")],
    )]);
    fixture.xtask(&["build"]).ok();
    assert_eq!(fixture.compiled(), ["Python/eval.o"]);
    fixture.add_patches(&[(
        "Change the library",
        &[("Lib/driver.py", "MAGIC = 3571", "MAGIC = 3572")],
    )]);
    fixture.xtask(&["build"]).ok();
    assert_eq!(fixture.compiled(), [""; 0]);
    assert_eq!(fixture.python(MAGIC), "3572\n");
}

#[test]
fn a_profile_can_have_patches_on_top_of_the_series() {
    let fixture = Fixture::buildable();
    fixture.add_patches(&[(
        "Count thrice",
        &[("Python/eval.c", "return 2;", "return 3;")],
    )]);
    let patch = fixture.read("root/patches/9.9/count-thrice.patch");
    fixture.xtask(&["patch", "drop", "count-thrice"]).ok();
    fixture.write("root/more/count-thrice.patch", &patch);
    fixture.write("root/more/series", "count-thrice.patch\n");
    fixture.replace(
        "root/cpython-ports/9.9/port.toml",
        "[profile.dev]",
        "[profile.more]\nabout = \"an experiment\"\nconfigure = []\npatches = \"more\"\n\n[profile.dev]",
    );
    fixture.xtask(&["build", "--profile", "more"]).ok();
    fixture.xtask(&["build"]).ok();
    let source = |folder: &str| fixture.read(&format!("target/clinker/src/{folder}/Python/eval.c"));
    assert!(source("9.9.4-more").contains("return 3;"));
    assert!(source("9.9.4").contains("return 2;"));
}

#[test]
fn a_change_in_the_archive_alone_links_again_without_compiling() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture
        .xtask(&["build"])
        .ok()
        .says("Building the archive, counter");
    assert_eq!(fixture.compiled(), ALL);
    assert_eq!(
        fixture.run_python(&["-c", "print(builtin)"]).ok().out,
        "41\n"
    );

    fixture.archive(42);
    let ran = fixture.xtask(&["build"]).ok();
    assert!(!ran.err.contains("Configuring"), "{}", ran.err);
    assert_eq!(fixture.compiled(), [""; 0]);
    assert_eq!(fixture.python("print(builtin)"), "42\n");
    fixture.xtask(&["build"]).ok().says("Up to date");
}

#[test]
fn no_symbol_of_rust_is_global_but_what_the_c_side_calls() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.xtask(&["build"]).ok();
    let mut folder = fixture.build_tree().into_os_string();
    folder.push("-archive");
    let object = std::path::PathBuf::from(folder).join("counter.o");
    let listed = std::process::Command::new("nm")
        .args(["-g", "--defined-only", "--format=posix"])
        .arg(object)
        .output()
        .expect("running nm");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, rest)| !rest.is_empty())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["clinker_number"], "{listed}");
}

#[test]
fn the_rust_side_is_not_where_make_clean_removes_objects() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.xtask(&["build"]).ok();
    let objects = walkdir::WalkDir::new(fixture.build_tree()).into_iter();
    let objects = objects.filter_map(|entry| Some(entry.ok()?.file_name().to_owned()));
    assert!(!objects.into_iter().any(|name| name == "counter.o"));
    let rules = fixture.read("target/clinker/build/9.9.4-dev-archive/rules.mk");
    let named = rules
        .lines()
        .find_map(|line| line.strip_prefix("CLINKER_RUST := "))
        .expect("the object's path");
    assert!(fixture.build_tree().join(named).is_file(), "{named}");
}

#[test]
fn an_archive_that_was_replaced_just_before_a_build_failed_is_linked_by_the_next() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.xtask(&["build"]).ok();
    fixture.archive(42);
    // The step after the archive is replaced cannot be done: its file is a folder.
    let setup = fixture.build_tree().join("Modules/Setup.local");
    let aside = fixture.path().join("Setup.local");
    std::fs::rename(&setup, &aside).expect("renaming a file");
    std::fs::create_dir(&setup).expect("a folder");
    fixture
        .xtask(&["build"])
        .fails(2)
        .says("Modules/Setup.local");
    std::fs::remove_dir(&setup).expect("removing a folder");
    std::fs::rename(&aside, &setup).expect("renaming a file");
    fixture.xtask(&["build"]).ok();
    assert_eq!(fixture.python("print(builtin)"), "42\n");
}

#[test]
fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    let fixture = Fixture::buildable();
    let path = fixture.tools_without(&["make", "cc", "gcc"], &["apt-get"]);
    let run = |arguments: &[&str]| {
        let mut command = fixture.command();
        command.env("PATH", &path).args(arguments);
        support::ran(&command.output().expect("running xtask"))
    };
    run(&["build", "--port", "9.9"])
        .fails(2)
        .says("make: builds CPython")
        .says("cc: compiles CPython")
        .says("`sudo apt-get install gcc make`");
    assert!(!fixture.build_tree().exists());
    std::fs::rename(path.join("apt-get"), path.join("dnf")).expect("renaming a file");
    run(&["build", "--port", "9.9"])
        .fails(2)
        .says("`sudo dnf install gcc make`");
    run(&["doctor"])
        .fails(2)
        .says("`sudo dnf install gcc make`");
}

#[test]
fn a_profile_can_name_its_compiler() {
    let fixture = Fixture::buildable();
    fixture.replace(
        "root/cpython-ports/9.9/port.toml",
        "[profile.dev]",
        "[profile.other]\nabout = \"another compiler\"\ncompiler = \"clang\"\nconfigure = []\n\n[profile.dev]",
    );
    let tools = fixture.tools_without(&[], &["apt-get"]);
    let build = |path: &OsStr| {
        let mut command = fixture.command();
        // The profile's own counts.
        command.env("PATH", path).env("CC", "gcc");
        command.args(["build", "--port", "9.9", "--profile", "other"]);
        support::ran(&command.output().expect("running xtask"))
    };
    build(tools.as_os_str())
        .fails(2)
        .says("clang: compiles CPython in the profile clang")
        .says("`sudo apt-get install clang`");
    fixture.write("tools/clang", "#!/bin/sh\nexec gcc \"$@\"\n");
    support::buildable::executable(&tools.join("clang"));
    let mut path = tools.into_os_string();
    path.push(":");
    path.push(support::search_path());
    build(&path).ok();
    let makefile = fixture.read("target/clinker/build/9.9.4-other/Makefile");
    assert!(makefile.contains("\nCC = clang\n"), "{makefile}");
    let record = fixture.read("target/clinker/9.9.4-other/clinker.json");
    assert!(record.contains("tools/clang "), "{record}");
}

#[test]
fn a_killed_make_is_finished_by_the_next_build() {
    let fixture = Fixture::buildable();
    fixture.build_killed_at("Python/eval.o");
    assert!(!fixture.prefix().join("clinker.json").exists());
    assert_eq!(
        std::fs::read(fixture.build_tree().join("Python/eval.o")).expect("half an object"),
        b"half"
    );
    fixture.compiled();
    fixture.xtask(&["build"]).ok();
    assert!(fixture.compiled().contains(&"Python/eval.o".to_owned()));
    assert_eq!(fixture.python("print(builtin)"), "0\n");
}

#[test]
fn a_make_that_goes_on_when_xtask_is_killed_is_waited_for() {
    let fixture = Fixture::buildable();
    let mut child = fixture.build_that_hangs_at("Python/eval.o");
    kill(9, &child.id().to_string());
    child.wait().expect("waiting");
    let mut command = fixture.command();
    let mut second = command
        .args(["build", "--port", "9.9"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("running xtask");
    let mut talk = std::io::BufReader::new(second.stderr.take().expect("its talk"));
    let mut said = String::new();
    while !said.contains("Waiting for another command") {
        let read = std::io::BufRead::read_line(&mut talk, &mut said).expect("a line");
        assert!(read > 0, "it does not wait:\n{said}");
    }
    assert!(second.try_wait().expect("looking after xtask").is_none());
    std::fs::remove_file(fixture.flag()).expect("the flag");
    std::io::Read::read_to_string(&mut talk, &mut said).expect("its talk");
    assert!(second.wait().expect("waiting").success(), "{said}");
    assert_eq!(fixture.python("print(builtin)"), "0\n");
}

#[test]
fn a_killed_install_is_finished_by_the_next_build() {
    let fixture = Fixture::buildable();
    fixture.xtask(&["build"]).ok();
    fixture.add_patches(&[(
        "Change the library",
        &[("Lib/driver.py", "MAGIC = 3571", "MAGIC = 3572")],
    )]);
    let driver = fixture.prefix().join("lib/python9.9/driver.py");
    fixture.build_killed_at(driver.to_str().expect("UTF-8"));
    assert_eq!(std::fs::read(&driver).expect("half a file"), b"half");
    assert!(!fixture.prefix().join("clinker.json").exists());
    fixture.xtask(&["build"]).ok().says("Installing");
    assert_eq!(fixture.python(MAGIC), "3572\n");
    fixture.xtask(&["build"]).ok().says("Up to date");
}

#[test]
fn a_full_disk_is_named_and_nothing_half_made_counts_as_built() {
    let fixture = Fixture::buildable();
    let driver = fixture.prefix().join("lib/python9.9/driver.py");
    for target in ["Python/eval.o", "python", driver.to_str().expect("UTF-8")] {
        fixture
            .build_on_a_full_disk(target)
            .fails(2)
            .says("No space left on device")
            .says("next:  free some space on the disk of")
            .says("log/build-9.9.4-dev.log");
        assert!(!fixture.prefix().join("clinker.json").exists());
    }
    fixture.xtask(&["build"]).ok();
    assert_eq!(fixture.python("print(builtin)"), "0\n");
}

#[test]
fn a_log_that_cannot_be_written_because_the_disk_is_full_ends_the_build() {
    let fixture = Fixture::buildable();
    let log = fixture.output().join("log");
    std::fs::create_dir_all(&log).expect("a folder");
    let log = log.join("build-9.9.4-dev.log");
    std::os::unix::fs::symlink("/dev/full", &log).expect("a link");
    fixture
        .xtask(&["build"])
        .fails(2)
        .says("cannot write a log")
        .says("free some space on the disk of");
    assert!(!fixture.prefix().exists());
    std::fs::remove_file(&log).expect("removing a link");
    fixture.xtask(&["build"]).ok();
}

#[test]
fn a_failed_step_shows_its_last_lines_and_the_build_goes_on_after_a_correction() {
    let fixture = Fixture::buildable();
    fixture.add_patches(&[(
        "Break it",
        &[("Python/eval.c", "return 2;", "return;;nothing")],
    )]);
    fixture
        .xtask(&["build"])
        .fails(2)
        .says("compiling CPython failed")
        .says("nothing")
        .says("log/build-9.9.4-dev.log");
    fixture.compiled();
    fixture.xtask(&["patch", "drop", "break-it"]).ok();
    fixture.xtask(&["build"]).ok();
    let compiled = fixture.compiled();
    assert!(
        !compiled.contains(&"Programs/python.o".to_owned()),
        "{compiled:?}"
    );
}

#[test]
fn a_build_goes_on_when_nobody_reads_what_it_says() {
    let fixture = Fixture::buildable();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = fixture.command();
    command.args(["build", "--port", "9.9"]).stderr(writer);
    let ran = support::ran(&command.output().expect("running xtask")).ok();
    assert_eq!(
        ran.out,
        format!("{}\n", fixture.prefix().join("bin/python3").display())
    );
}

#[test]
fn json_says_where_everything_is_and_what_is_missing() {
    let fixture = Fixture::buildable();
    let ran = fixture
        .xtask(&["build", "--json"])
        .ok()
        .says("optional modules that were not built: _ctypes");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let prefix = fixture.prefix();
    assert_eq!(json["release"], "9.9.4");
    assert_eq!(json["prefix"], prefix.to_str().expect("UTF-8"));
    assert_eq!(
        json["python"],
        prefix.join("bin/python3").to_str().expect("UTF-8")
    );
    assert_eq!(
        json["build-tree"],
        fixture.build_tree().to_str().expect("UTF-8")
    );
    assert_eq!(json["missing-modules"], serde_json::json!(["_ctypes"]));
    let record = fixture.read("target/clinker/9.9.4-dev/clinker.json");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(json["key"], record["key"]);
    let again = fixture.xtask(&["build", "--json"]).ok().out;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&again).expect("JSON"),
        json
    );
}

#[test]
fn a_build_without_patches_has_folders_of_its_own() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    let ran = fixture.xtask(&["build", "--pristine", "--json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert!(!fixture.prefix().exists());
    let source = json["source-tree"].as_str().expect("a path");
    let text = std::fs::read_to_string(format!("{source}/Python/eval.c")).expect("a file");
    assert!(text.contains("return 1;"), "{text}");
    assert!(!ran.err.contains("archive"), "{}", ran.err);
    let pristine = fixture.run(&[
        "run",
        "--port",
        "9.9",
        "--pristine",
        "--",
        "-c",
        "print(builtin)",
    ]);
    assert_eq!(pristine.ok().out, "0\n");
}

#[test]
fn scripts_of_the_prefix_find_their_interpreter_wherever_it_is_moved() {
    let fixture = Fixture::buildable();
    fixture.xtask(&["build"]).ok();
    let moved = fixture.path().join("moved here");
    std::fs::rename(fixture.prefix(), &moved).expect("renaming a folder");
    let output = std::process::Command::new(moved.join("bin/tool")).output();
    let ran = support::ran(&output.expect("running a script")).ok();
    assert_eq!(ran.out, format!("tool of {}\n", moved.display()));
}
