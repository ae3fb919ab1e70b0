//! `doctor`: what it lists, and when it fails.

mod support;

use support::{Fixture, Ran};

/// Runs `doctor` with these commands as all there are; `df` says that so many kilobytes are free.
fn doctor(fixture: &Fixture, missing: &[&str], free: u64, arguments: &[&str]) -> Ran {
    let path = fixture.tools_without(&[missing, &["df"]].concat(), &["apt-get"]);
    let listing = format!("#!/bin/sh\necho Filesystem\necho disk 9 9 {free} 1% /\n");
    fixture.write("tools/df", &listing);
    support::buildable::executable(&path.join("df"));
    let mut command = fixture.command();
    command.env("PATH", path).arg("doctor").args(arguments);
    support::ran(&command.output().expect("running xtask"))
}

#[test]
fn tools_and_libraries_are_listed_with_their_versions() {
    let fixture = Fixture::new();
    let ran = doctor(&fixture, &[], 9_000_000, &[]).ok();
    let line = |name: &str| {
        ran.out
            .lines()
            .find(|line| line.split_whitespace().nth(1) == Some(name))
            .unwrap_or_else(|| panic!("no {name} in\n{}", ran.out))
    };
    assert!(line("make").starts_with("ok ") && line("make").contains("Make"));
    assert!(line("cargo").starts_with("ok ") && line("cargo").contains("cargo 1."));
    assert!(line("valgrind").starts_with("none "));
    assert!(line("OpenSSL").ends_with("for _ssl, _hashlib"));
    assert!(line("8789").starts_with("disk "));
    assert!(
        ran.out
            .contains("To get what is missing: `sudo apt-get install ")
    );
    assert!(ran.out.contains(" valgrind"));
}

#[test]
fn a_needed_tool_that_is_missing_fails() {
    let fixture = Fixture::new();
    let ran = doctor(&fixture, &["make"], 9_000_000, &[])
        .fails(2)
        .says("make: builds CPython")
        .says("`sudo apt-get install make`");
    assert!(
        ran.out
            .lines()
            .any(|line| line.starts_with("MISSING  make ")),
        "{}",
        ran.out
    );
}

#[test]
fn too_little_space_fails() {
    let fixture = Fixture::new();
    doctor(&fixture, &[], 200_000, &[])
        .fails(2)
        .says("there is too little space for a build")
        .says("195 MB are free");
}

#[test]
fn json_has_every_tool_also_when_one_is_missing() {
    let fixture = Fixture::new();
    let ran = doctor(&fixture, &["ld"], 9_000_000, &["--json"]).fails(2);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let tools = json["tools"].as_array().expect("tools");
    let tool = |name: &str| {
        tools
            .iter()
            .find(|tool| tool["name"] == name)
            .expect("a tool")
    };
    assert_eq!(tool("ld")["path"], serde_json::Value::Null);
    assert_eq!(tool("ld")["required"], true);
    assert!(
        tool("git")["version"]
            .as_str()
            .expect("a version")
            .starts_with("git version")
    );
    assert_eq!(json["free-megabytes"], 8789);
    let named = |state: &str| {
        let libraries = json["libraries"][state].as_array().expect("libraries");
        libraries.iter().any(|library| library["name"] == "SQLite")
    };
    assert_ne!(named("present"), named("missing"));
}
