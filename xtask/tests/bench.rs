//! `bench instructions`: what is compared, what is allowed, and what is refused.

mod support;

use support::{Fixture, Ran};

const SETTINGS: &str = "packages = [\"pyperformance==1\"]\n\n[instructions]\ntolerance = 0.3\n\n\
    [instructions.loops]\nfast = 10\nslow = 5\n\n\
    [instructions.dictionary]\ntolerance = 0.4\nloops = 7\noperations = [\"get\"]\n\n\
    [designs]\nbenchmarks = []\noperations = []\nnames = []\nloops = 1\n\n\
    [jit]\nseconds = 0.02\nrounds = 2\n\n[jit.benchmarks]\nfast = []\nslow = [\"x\"]\n";

/// Counts 1000 instructions for a start and 100000 for each loop, and as many more as MORE says when the interpreter is
/// the patched one.
const VALGRIND: &str = r#"#!/bin/sh
loops=0
more=${MORE:-0}
for word; do
    case $word in
        --loops=*) loops=${word#--loops=} ;;
        get_str | get_int) dictionary=1 ;;
        [0-9]*) if [ "$dictionary" ]; then loops=$word; fi ;;
        *-pristine/*) more=0 ;;
    esac
done
echo "==7== Collected : $((1000 + loops * (100000 + more)))"
"#;

fn fixture() -> Fixture {
    let fixture = Fixture::buildable();
    fixture.write("root/cpython-ports/9.9/bench.toml", SETTINGS);
    // As if pip had installed them.
    let packages = "target/clinker/bench/packages-9.9.4";
    for name in ["fast", "slow"] {
        let script = format!("pyperformance/data-files/benchmarks/bm_{name}/run_benchmark.py");
        fixture.write(&format!("{packages}/{script}"), "");
    }
    fixture.write(&format!("{packages}/clinker.json"), "\"pyperformance==1\"");
    fixture
}

fn bench(fixture: &Fixture, more: u32, arguments: &[&str]) -> Ran {
    let path = support::buildable::path_with(fixture, "valgrind", VALGRIND);
    let mut command = fixture.command();
    command
        .args(["bench", "instructions", "--port", "9.9"])
        .args(["--profile", "dev"])
        .args(arguments)
        .env("PATH", path)
        .env("MORE", more.to_string());
    support::ran(&command.output().expect("running xtask"))
}

#[test]
fn a_loop_is_counted_without_the_start() {
    let ran = bench(&fixture(), 300, &[]).ok();
    let found: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(found[0], ["pristine", "patched"]);
    assert_eq!(found[1], ["startup", "1000", "1000", "+0.00%"]);
    assert_eq!(found[2], ["fast", "1000000", "1003000", "+0.30%"]);
    assert_eq!(found[3], ["slow", "500000", "501500", "+0.30%"]);
    assert_eq!(found[4], ["dict_get_str", "700000", "702100", "+0.30%"]);
    assert_eq!(found[5], ["dict_get_int", "700000", "702100", "+0.30%"]);
    assert_eq!(found.len(), 6);
}

#[test]
fn operations_of_dictionaries_have_a_tolerance_of_their_own() {
    bench(&fixture(), 390, &["--benchmark", "dict_get_int"]).ok();
    bench(&fixture(), 410, &["--benchmark", "dict_get_int"])
        .fails(1)
        .says("dict_get_int: +0.41 %, allowed 0.4");
}

#[test]
fn more_than_is_allowed_fails() {
    bench(&fixture(), 301, &["--benchmark", "slow", "--json"])
        .fails(1)
        .prints("\"patched\": 501505")
        .says("executes more instructions than it may")
        .says("slow: +0.30 %, allowed 0.3");
}

#[test]
fn an_unknown_benchmark_is_refused_before_anything_is_built() {
    let fixture = fixture();
    bench(&fixture, 0, &["--benchmark", "none"])
        .fails(2)
        .says("counts no benchmark none")
        .says("choose of fast, slow, dict_get_str, dict_get_int");
    assert!(!fixture.prefix().exists());
}

#[test]
fn without_valgrind_nothing_is_built() {
    let fixture = fixture();
    let path = fixture.tools_without(&[], &[]);
    let mut command = fixture.command();
    command
        .args(["bench", "instructions", "--port", "9.9"])
        .env("PATH", path);
    support::ran(&command.output().expect("running xtask"))
        .fails(2)
        .says("valgrind: counts instructions");
    assert!(!fixture.prefix().exists());
}
