//! `soak`: what the script is told, and what its exit status means.

mod support;

use support::{Fixture, Ran};

fn soak(script: &str, arguments: &[&str]) -> Ran {
    let fixture = Fixture::buildable();
    fixture.write("root/tests/soak/soak.py", script);
    fixture.run(&[&["soak", "--port", "9.9"], arguments].concat())
}

#[test]
fn options_reach_the_script() {
    let script = "import sys; print(*sys.argv[1:])";
    assert_eq!(
        soak(script, &[]).ok().out,
        "--minutes=30 --jit=auto --clients=3 --seed=0\n"
    );
    let ran = soak(
        script,
        &[
            "--minutes",
            "0.5",
            "--jit",
            "all,warm",
            "--clients",
            "2",
            "--seed",
            "7",
        ],
    );
    assert_eq!(
        ran.ok().out,
        "--minutes=0.5 --jit=all,warm --clients=2 --seed=7\n"
    );
}

#[test]
fn what_it_finds_is_a_failed_check() {
    soak("raise SystemExit(1)", &[])
        .fails(1)
        .says("the server did what it must not");
}

#[test]
fn a_script_that_ends_otherwise_found_nothing() {
    soak("raise SystemExit(7)", &[]).fails(2);
}
