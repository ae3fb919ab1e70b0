//! `dist`: what is in the archive, and that it is the same whenever it is made.

mod support;

use sha2::{Digest, Sha256};
use std::path::Path;
use support::Fixture;

const ARCHIVE: &str = "target/clinker/dist/clinker-9.9.4-dev-fake-linux.tar.xz";

fn content(fixture: &Fixture) -> Vec<u8> {
    std::fs::read(fixture.path().join(ARCHIVE)).expect("an archive")
}

/// Unpacks the archive with the machine's tar into `folder` of the fixture and returns the names in it.
fn unpack(fixture: &Fixture, folder: &str) -> Vec<String> {
    std::fs::create_dir(fixture.path().join(folder)).expect("a folder");
    let decoder = liblzma::read::XzDecoder::new(std::io::Cursor::new(content(fixture)));
    let mut archive = tar::Archive::new(decoder);
    let mut names = Vec::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        entry
            .unpack_in(fixture.path().join(folder))
            .expect("unpacked");
        names.push(name);
    }
    names
}

#[test]
fn the_archive_has_what_users_need_with_a_checksum_and_a_manifest() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.write("root/LICENSE", "Ours.\n");
    let ran = fixture.xtask(&["dist"]).ok();
    assert_eq!(
        ran.out,
        format!("{}\n", fixture.path().join(ARCHIVE).display())
    );
    let sum: String = Sha256::digest(content(&fixture))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        fixture.read(&format!("{ARCHIVE}.sha256")),
        format!("{sum}  clinker-9.9.4-dev-fake-linux.tar.xz\n")
    );

    let names = unpack(&fixture, "unpacked");
    for name in [
        "clinker/bin/python3",
        "clinker/include/python9.9/Python.h",
        "clinker/lib/python9.9/os.py",
        "clinker/licenses/LICENSE.clinker",
        "clinker/licenses/LICENSE.cpython",
    ] {
        assert!(
            names.iter().any(|other| other == name),
            "no {name} in {names:?}"
        );
    }
    assert!(
        names.iter().any(|name| name.contains("__pycache__/os.")),
        "{names:?}"
    );
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with("clinker/lib/python9.9/test")),
        "{names:?}"
    );

    let manifest = fixture.read("unpacked/clinker/clinker.json");
    assert_eq!(fixture.read(&ARCHIVE.replace(".tar.xz", ".json")), manifest);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let record = fixture.read("target/clinker/9.9.4-dev/clinker.json");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(manifest["series-tree"], record["identity"]["tree"]);
    assert_eq!(manifest["release"], "9.9.4");
    assert_eq!(manifest["archive"], record["identity"]["archive"]);
}

#[test]
fn an_unpacked_archive_works_after_its_build_is_gone() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.write("root/LICENSE", "Ours.\n");
    fixture.xtask(&["dist"]).ok();
    unpack(&fixture, "un packed");
    std::fs::remove_dir_all(fixture.output()).expect("removing a folder");
    let root = fixture.path().join("un packed/clinker");
    let ask = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(root.join(program))
            .args(arguments)
            .output();
        support::ran(&output.expect("running a program")).ok().out
    };
    let code = "import sysconfig as s; print(builtin, s.get_config_var('LIBDIR'))";
    let expected = format!("41 {}/lib\n", root.display());
    assert_eq!(ask("bin/python3", &["-c", code]), expected);
    assert_eq!(
        ask("bin/tool", &[]),
        format!("tool of {}\n", root.display())
    );
    let package = fixture.read("un packed/clinker/lib/pkgconfig/python-9.9.pc");
    assert_eq!(package, "prefix=${pcfiledir}/../..\nlibdir=${prefix}/lib\n");
}

#[test]
fn the_archive_of_the_same_build_is_the_same_and_so_is_that_of_another_build_of_the_same() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    fixture.write("root/LICENSE", "Ours.\n");
    fixture.xtask(&["dist"]).ok();
    let first = content(&fixture);
    std::fs::remove_file(fixture.path().join(ARCHIVE)).expect("removing a file");
    // Byte code that a user's run has left, and other times.
    fixture.write(
        "target/clinker/9.9.4-dev/lib/python9.9/__pycache__/os.pyc",
        "old",
    );
    let touched = std::process::Command::new("touch")
        .args(["-d", "2001-01-01"])
        .arg(fixture.prefix().join("bin/python9.9"))
        .status();
    assert!(touched.expect("running touch").success());
    fixture.xtask(&["dist"]).ok();
    assert!(
        content(&fixture) == first,
        "a second archive of the same build differs"
    );

    std::fs::remove_dir_all(fixture.prefix()).expect("removing a folder");
    std::fs::remove_dir_all(fixture.build_tree()).expect("removing a folder");
    fixture.xtask(&["dist"]).ok();
    assert!(
        content(&fixture) == first,
        "the archive of a second build differs"
    );
}

#[test]
fn the_archive_of_a_build_in_another_folder_is_the_same() {
    let archive = |target: &str| {
        let fixture = Fixture::buildable();
        fixture.archive(41);
        fixture.write("root/LICENSE", "Ours.\n");
        let mut command = fixture.command();
        command
            .env("CARGO_TARGET_DIR", fixture.path().join(target))
            .args(["dist", "--port", "9.9"]);
        let ran = support::ran(&command.output().expect("running xtask")).ok();
        std::fs::read(Path::new(ran.out.trim_end())).expect("an archive")
    };
    assert!(archive("target") == archive("another-place"));
}

#[test]
fn an_archive_that_does_not_work_elsewhere_fails_and_json_says_why() {
    let fixture = Fixture::buildable();
    fixture.write("root/LICENSE", "Ours.\n");
    let library = fixture.prefix().join("lib/python9.9");
    fixture.add_patches(&[(
        "Name the folder",
        &[(
            "Lib/driver.py",
            "os.__file__ = os.path.join(library, \"os.py\")",
            &format!("os.__file__ = '{}/os.py'", library.display()),
        )],
    )]);
    let ran = fixture
        .xtask(&["dist", "--json"])
        .fails(1)
        .says("1 of 5 checks do not hold");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let checks = json["checks"].as_array().expect("checks");
    let failed: Vec<_> = checks.iter().filter(|check| check["ok"] == false).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["name"], "prefix");
}

/// `dist` with a port that states this version of glibc.
fn dist_stating(glibc: &str) -> (Fixture, support::Ran) {
    let fixture = Fixture::buildable();
    fixture.write("root/LICENSE", "Ours.\n");
    fixture.replace(
        "root/cpython-ports/9.9/port.toml",
        "[abi]\n",
        &format!("[abi]\nglibc = \"{glibc}\"\n"),
    );
    let ran = fixture.xtask(&["dist", "--json"]);
    (fixture, ran)
}

#[test]
fn the_manifest_tells_which_glibc_is_needed() {
    let (fixture, ran) = dist_stating("99.0");
    let ran = ran.ok();
    let manifest = fixture.read(&ARCHIVE.replace(".tar.xz", ".json"));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let floor = manifest["glibc"].as_str().expect("a version");
    assert!(floor.starts_with("2."), "{floor}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let checks = json["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == "glibc");
    let found = check.expect("a check")["found"].as_str().expect("a text");
    assert!(found.starts_with(&format!("{floor}, for ")), "{found}");
}

#[test]
fn an_archive_that_needs_a_newer_glibc_than_the_port_states_fails() {
    let (_fixture, ran) = dist_stating("2.1");
    let ran = ran.fails(1).says("checks do not hold");
    assert!(ran.out.contains("the port states 2.1"), "{}", ran.out);
}

#[test]
fn a_port_that_states_no_version_of_glibc_is_an_error() {
    let (_fixture, ran) = dist_stating("new");
    ran.fails(2).says("is no version of glibc");
}
