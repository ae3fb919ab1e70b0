//! `fuzz jit`: what the fuzzer is told, and what its exit status means.

mod support;

use support::{Fixture, Ran};

fn fuzz(script: &str, arguments: &[&str]) -> Ran {
    let fixture = Fixture::buildable();
    fixture.write("root/tests/fuzz/fuzz.py", script);
    let mut command = fixture.command();
    command
        .args(["fuzz", "jit", "--port", "9.9"])
        .args(arguments);
    support::ran(&command.output().expect("running xtask"))
}

#[test]
fn options_reach_the_fuzzer() {
    let script = "import sys; print(*sys.argv[1:])";
    let ran = fuzz(
        script,
        &[
            "--minutes",
            "2.5",
            "--seed",
            "7",
            "--mode",
            "all,warm",
            "--out",
            "o",
        ],
    );
    assert_eq!(
        ran.ok().out,
        "--minutes=2.5 --seed=7 --out o --mode all,warm\n"
    );
}

#[test]
fn a_difference_is_a_failed_check() {
    let ran = fuzz("raise SystemExit(1)", &[]).fails(1);
    assert!(
        ran.err
            .contains("compiled programs differ from interpreted ones"),
        "{}",
        ran.err
    );
}

#[test]
fn a_fuzzer_that_ends_otherwise_is_no_difference() {
    fuzz("raise SystemExit(7)", &[]).fails(2);
}
