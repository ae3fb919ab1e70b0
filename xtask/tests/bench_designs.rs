//! `bench lazy-designs`: what is tried, counted and started with which design, and what is a failure.

mod support;

use support::{Fixture, Ran};

const PROFILES: &str = "[profile.plain]\nabout = \"as upstream has it\"\nconfigure = []\n\n\
    [profile.hooks]\nabout = \"the series\"\nconfigure = []\narchive = false\n\n\
    [profile.lazy-opcodes]\nabout = \"an experiment\"\nconfigure = []\narchive = false\n\n[profile.dev]";

const SETTINGS: &str = "packages = [\"pyperformance==1\"]\n\n[instructions]\ntolerance = 0.3\n\n\
    [instructions.loops]\nfast = 10\nother = 10\n\n\
    [instructions.dictionary]\ntolerance = 0.4\nloops = 7\noperations = [\"get\", \"pop\"]\n\n\
    [designs]\nbenchmarks = [\"fast\"]\noperations = [\"get\"]\nnames = [\"own\"]\nloops = 1000\n\n\
    [jit]\nseconds = 0.02\nrounds = 2\n\n[jit.benchmarks]\n";

const TOOLS: &str = "rounds = 3\nhide = []\n\n[[tool]]\nname = \"talk\"\nscript = \"talk\"\n\
    version = [\"--version\"]\nhelp = [\"--help\"]\njob = { about = \"works\", arguments = [\"work\"] }\n";

/// What is read with the design of each interpreter; the driver takes the options of Python for itself.
const ESCAPES: &str = r#"
import json, os, sys
got = {"hooks": ["object", DICTIONARY], "lazy-opcodes": ["placeholder", "object"], "lazy-loader": ["missing", "TypeError"]}
design = os.path.basename(sys.prefix).removeprefix("9.9.4-")
print(json.dumps(dict(zip(["vars(m)[k]", "m.k"], got[design]))))
"#;

/// A start costs 1000 instructions and each loop 100000; with everything lazy the loops of the instructions' design cost 1000 more
/// each, and those of the loader twice as much.
const VALGRIND: &str = r#"#!/bin/sh
loop=100000
loops=0
for word; do
    case $word in
        */bin/python*) python=$word ;;
        lazy_imports=all)
            case $python in
                */9.9.4-lazy-opcodes/*) loop=101000 ;;
                */lazy-loader/*) loop=200000 ;;
            esac ;;
        --loops=*) loops=${word#--loops=} ;;
        [0-9]*) loops=$word ;;
    esac
done
echo "==7== Collected : $((1000 + loops * loop))"
"#;

/// A fixture in which the second way of reading gets this from the dictionary.
fn fixture(dictionary: &str) -> Fixture {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    let port = "root/cpython-ports/9.9";
    fixture.replace(&format!("{port}/port.toml"), "[profile.dev]", PROFILES);
    let escapes = ESCAPES.replace("DICTIONARY", &format!("{dictionary:?}"));
    let packages = "target/clinker/bench/packages-9.9.4";
    let tools = "target/clinker/bench/tools-9.9.4-hooks";
    let script = "pyperformance/data-files/benchmarks/bm_fast/run_benchmark.py";
    for (file, text) in [
        ("root/counter/wheel/clinker.pth".into(), ""),
        (
            "root/counter/wheel/clinker/__init__.py".into(),
            "there = 1\n",
        ),
        ("root/counter/src/python/jit.py".into(), ""),
        ("root/counter/data/lazy-default.profile".into(), ""),
        (format!("{port}/bench.toml"), SETTINGS),
        (format!("{port}/bench/designs/escapes.py"), &escapes),
        (format!("{port}/tools/tools.toml"), TOOLS),
        (format!("{port}/tools/requirements.txt"), "talk==1\n"),
        (format!("{port}/tools/project/words.txt"), "one\n"),
        // As if pip had installed them.
        (format!("{packages}/clinker.json"), "\"pyperformance==1\""),
        (format!("{packages}/{script}"), ""),
        (format!("{tools}/clinker.json"), "\"talk==1\\n\""),
        (
            format!("{tools}/bin/talk"),
            "import sys\nprint(*sys.argv[1:])\n",
        ),
    ] {
        fixture.write(&file, text);
    }
    fixture
}

fn bench(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let path = support::buildable::path_with(fixture, "valgrind", VALGRIND);
    let mut command = fixture.command();
    command
        .args(["bench", "lazy-designs", "--port", "9.9"])
        .args(arguments)
        .env("PATH", path);
    support::ran(&command.output().expect("running xtask"))
}

/// Lines of a table, by words.
fn lines(ran: &Ran) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    ran.out.lines().map(words).collect()
}

#[test]
fn every_design_is_tried_counted_and_started() {
    let fixture = fixture("object");
    let json = fixture.path().join("found.json").display().to_string();
    let ran = bench(&fixture, &["--rounds", "2", "--json", &json]).ok();
    let found = lines(&ran);
    let first = "2 ways of reading a deferred import, and what they get\n\
        dictionary instructions loader\n\
        object 2 1 0\n\
        placeholder 0 1 0\n\
        missing 0 0 1\n\
        an exception 0 0 1\n\
        \n\
        CPython 9.9.4 (plain), the fastest of 2 interleaved runs";
    assert_eq!(found[..8].join("\n"), first, "{}", ran.out);
    let last = "\n\
        instructions with eager imports\n\
        stock dictionary instructions loader\n\
        start 1000 +0.0 % +0.0 % +0.0 %\n\
        fast 1000000 +0.0 % +0.0 % +0.0 %\n\
        \n\
        instructions with everything lazy but for stock\n\
        stock dictionary instructions loader\n\
        start 1000 +0.0 % +0.0 % +0.0 %\n\
        names, own 100000000 +0.0 % +1.0 % +100.0 %\n\
        names, own beside a deferred import 100000000 +0.0 % +1.0 % +100.0 %\n\
        dictionary, get 700000 +0.0 % +1.0 % +100.0 %";
    assert!(found.join("\n").ends_with(last), "{}", ran.out);
    ran.prints("processor time: stock in ms")
        .prints("bench/lazy-loader/bin/python -X lazy_imports=all, compared with stock");
    let found: serde_json::Value = serde_json::from_str(&fixture.read("found.json")).expect("JSON");
    assert_eq!(found["escapes"][1]["way"], "vars(m)[k]");
    assert_eq!(found["escapes"][1]["outcomes"][1], "placeholder");
    let rows = found["tools"]["rows"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [Some("talk --version")]);
    // The loader is that of the wheel.
    let module = "target/clinker/bench/lazy-loader/lib/python9.9/site-packages/clinker/__init__.py";
    assert_eq!(fixture.read(module), "there = 1\n");
}

#[test]
fn a_placeholder_that_the_dictionary_shows_is_a_failure() {
    bench(&fixture("placeholder"), &["--rounds", "1"])
        .fails(1)
        .prints("placeholder")
        .says("1 ways of reading do not get the object from the dictionary")
        .says("m.k\n         placeholder");
}

#[test]
fn an_unknown_tool_is_refused_before_anything_is_built() {
    let fixture = fixture("object");
    bench(&fixture, &["--tool", "none"])
        .fails(2)
        .says("tools.toml has no tool none");
    assert!(!fixture.output().join("9.9.4-plain-pristine").exists());
}
