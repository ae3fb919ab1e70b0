//! `jit-bisect`: which functions are found, and what is refused.

mod support;

use support::{Fixture, Ran};

/// A command that compiles five functions, and fails when `bad` is one of them. What may be compiled is as `-X jit` has it.
const COMMAND: &str = r#"#!/bin/sh
case $PYTHON_JIT in
    0) echo right; exit 0 ;;
    *,log=*)
        for name in a b bad c d; do echo "f.py:1:$name"; done > "${PYTHON_JIT#*,log=}"
        compiled="a b bad c d" ;;
    *,allow=@*) compiled=$(cat "${PYTHON_JIT#*,allow=@}") ;;
esac
case $compiled in
    *bad*) echo wrong; exit $STATUS ;;
esac
echo right
"#;

fn bisect(status: &str, arguments: &[&str]) -> Ran {
    let fixture = Fixture::buildable();
    fixture.write("guilty", COMMAND);
    let command = fixture.path().join("guilty");
    support::buildable::executable(&command);
    let mut xtask = fixture.command();
    xtask
        .args(["jit-bisect", "--port", "9.9"])
        .args(arguments)
        .arg("--")
        .arg(&command)
        .env("STATUS", status);
    support::ran(&xtask.output().expect("running xtask"))
}

#[test]
fn the_function_is_found_by_the_exit_status() {
    let ran = bisect("3", &[]).ok();
    assert_eq!(ran.out, "f.py:1:bad\n");
    assert!(ran.err.contains("1 of 5 functions"), "{}", ran.err);
    assert!(
        ran.err
            .contains("PYTHON_JIT='auto,after=400,allow=f.py:1:bad' "),
        "{}",
        ran.err
    );
}

#[test]
fn the_function_is_found_by_the_output() {
    let ran = bisect("0", &["--output", "--mode", "all,warm"]).ok();
    assert_eq!(ran.out, "f.py:1:bad\n");
    assert!(ran.err.contains("PYTHON_JIT='all,warm,"), "{}", ran.err);
}

#[test]
fn a_command_that_does_not_fail() {
    let ran = bisect("0", &[]).fails(1);
    assert!(
        ran.err
            .contains("the command does the same in the interpreter as compiled"),
        "{}",
        ran.err
    );
}
