//! `test`: its parts, and the comparison with a pristine build, on an interpreter that only plays a test runner.

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use support::{Fixture, Ran};

const CONFIGURE: &str = r#"#!/bin/sh
source=$(cd "$(dirname "$0")" && pwd)
for word; do
    case $word in --prefix=*) prefix=${word#--prefix=} ;; esac
done
cat > Makefile <<END
python: $source/Lib/runner.py $source/Lib/results.txt
	cp $source/Lib/runner.py python
	chmod +x python
	cp $source/Lib/results.txt results.txt
install altbininstall sharedinstall inclinstall libainstall: python
	mkdir -p $prefix/bin
	cp python results.txt $prefix/bin
	mv $prefix/bin/python $prefix/bin/python3
END
"#;

/// Plays `python -m test`: each line of results.txt is a file, a case and a result. `once` is a case that passes only when
/// it is selected with -m, `eager` one that passes only without lazy imports, `interpreted` one that fails with PYTHON_JIT=all,warm,
/// `die` a process that dies.
const RUNNER: &str = r#"#!/usr/bin/env python3
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "results.txt")) as file:
    entries = [line.split() for line in file]
arguments = sys.argv[1:]
with open(os.path.join(here, "calls.txt"), "a") as calls:
    calls.write(" ".join(arguments) + "\n")
if "crash" in (entry[2] for entry in entries):
    sys.exit("Fatal Python error")
selected, junit, names, excluded, words = [], None, [], [], iter(arguments)
for word in words:
    if word == "-m":
        selected.append(next(words))
    elif word == "--junit-xml":
        junit = next(words)
    elif word in ("-u", "--timeout"):
        next(words)
    elif word == "-x":
        excluded = list(words)
    elif not word.startswith("-"):
        names.append(word)
selected = [case for case in selected if case != "test"]
files, xml, counts = {}, [], {"pass": 0, "fail": 0, "skip": 0}
for name, case, result in entries:
    case = f"test.{name}.C.{case}"
    if name in excluded or names and name not in names or selected and case not in selected:
        continue
    if result == "die":
        files[name] = "worker non-zero exit code (Exit code -11 (SIGSEGV))"
        continue
    if result == "eager":
        result = "fail" if os.environ.get("PYTHON_LAZY_IMPORTS") == "all" else "pass"
    if result == "interpreted":
        result = "fail" if os.environ.get("PYTHON_JIT") == "all,warm" else "pass"
    if result == "once":
        result = "pass" if selected else "fail"
    counts[result] += 1
    inner = {"pass": "", "fail": "<failure>x</failure>", "skip": "<skipped>x</skipped>"}[result]
    xml.append(f'<testcase name="{case}">{inner}</testcase>')
    files.setdefault(name, "passed")
    if result == "fail":
        files[name] = "failed (1 failure)"
        print(f"FAIL: {case.split('.')[-1]} ({case})")
for number, (name, state) in enumerate(files.items(), 1):
    print(f"0:00:0{number} load avg: 0.10 [{number}/{len(files)}] {name} {state}")
print(f"Total tests: run={sum(counts.values())} failures={counts['fail']} skipped={counts['skip']}")
if junit:
    with open(junit, "w") as file:
        file.write("<testsuites><testsuite>" + "".join(xml) + "</testsuite></testsuites>")
sys.exit(2 if counts["fail"] else 0)
"#;

const STOCK: &str = "\
test_a test_one pass
test_a test_two fail
test_b test_one pass
test_b test_two skip
test_c test_one pass
";

/// A patched interpreter with `patched` results, whose pristine one has those of [`STOCK`].
fn with_results(patched: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("upstream/configure", CONFIGURE);
    let configure = fixture.upstream().join("configure");
    std::fs::set_permissions(configure, Permissions::from_mode(0o755)).expect("a file");
    fixture.write("upstream/Lib/runner.py", RUNNER);
    fixture.write("upstream/Lib/results.txt", STOCK);
    fixture.release("9.9.3");
    fixture.port("9.9", &["9.9.3"]);
    fixture.xtask(&["fetch"]).ok();
    fixture.write(
        "root/cpython-ports/9.9/tests.toml",
        "[[group]]\nwhy = \"it is tested\"\nmodules = [\"test_a\", \"test_b\"]\n",
    );
    fixture.add_patches(&[(
        "Change results",
        &[
            ("Lib/results.txt", STOCK, patched),
            ("Lib/test/test_c.py", "", "import unittest\n"),
        ],
    )]);
    fixture
}

fn last_line(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap_or_default()
}

#[test]
fn the_last_line_is_the_sum_over_all_parts() {
    let patched = STOCK.replace("test_a test_two fail", "test_a test_two pass");
    let fixture = with_results(&patched);
    let ran = fixture
        .xtask(&[
            "test", "--part", "build", "--part", "own", "--part", "cpython",
        ])
        .ok()
        .says("own: 1 passed, 0 failed, 0 skipped")
        .says("cpython: 3 passed, 0 failed, 1 skipped");
    assert_eq!(ran.out, "5 passed, 0 failed, 1 skipped\n");
    let calls = fixture.read("target/clinker/build/9.9.3-dev/calls.txt");
    assert!(calls.lines().any(|line| line.ends_with(" test_a test_b")));
    assert!(calls.lines().any(|line| line.ends_with(" test_c")));
}

#[test]
fn a_failed_test_is_named_with_its_log() {
    let fixture = with_results(&format!("{STOCK}test_b test_new die\n"));
    let ran = fixture
        .xtask(&["test", "--part", "cpython"])
        .fails(1)
        .says("test.test_a.C.test_two")
        .says("test_b (whole file)")
        .says("log/test-cpython.log");
    assert_eq!(last_line(&ran), "1 passed, 2 failed, 1 skipped");
}

#[test]
fn a_part_that_cannot_run_is_a_failed_test() {
    let fixture = with_results("test_a test_one crash\n");
    let ran = fixture
        .xtask(&["test", "--part", "cpython"])
        .fails(1)
        .says("the test runner ended without a summary")
        .says("Fatal Python error");
    assert_eq!(last_line(&ran), "0 passed, 1 failed, 0 skipped");

    std::fs::remove_file(fixture.path().join("root/cpython-ports/9.9/tests.toml")).expect("a file");
    let ran = fixture
        .xtask(&["test", "--part", "cpython", "--part", "workflows"])
        .fails(1)
        .says("cannot read the list of CPython's tests")
        .says("cannot read the CI matrix");
    assert_eq!(last_line(&ran), "0 passed, 2 failed, 0 skipped");
}

#[test]
fn parts_are_printed_as_json() {
    let fixture = with_results(STOCK);
    let ran = fixture
        .xtask(&["test", "--part", "own", "--part", "series", "--json"])
        .ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["parts"][0]["part"], "own");
    assert_eq!(json["parts"][0]["passed"], 1);
    assert_eq!(json["sum"]["passed"], 2);
}

#[test]
fn failures_of_upstream_are_told_from_ours() {
    let fixture = with_results(
        "test_a test_one fail\ntest_a test_two fail\ntest_b test_one once\ntest_b test_two skip\ntest_d test_one pass\n",
    );
    let ran = fixture.xtask(&["test", "--full"]).fails(1);
    for line in [
        "ours      test.test_a.C.test_one [no client]",
        "upstream  test.test_a.C.test_two [no client]",
        "flaky     test.test_b.C.test_one [no client]",
        "lost      test.test_c.C.test_one [no client]",
    ] {
        assert!(
            ran.out.lines().any(|other| other == line),
            "no `{line}` in\n{}{}",
            ran.out,
            ran.err
        );
    }
    assert_eq!(last_line(&ran), "1 ours, 1 lost, 1 flaky, 1 upstream");
    let report = fixture.read("target/clinker/comparison-9.9.3-dev.md");
    assert!(report.contains("| ours | `test.test_a.C.test_one` | no client |"));
}

#[test]
fn a_build_that_fails_as_upstream_does_is_clean_and_its_runs_are_kept() {
    let fixture = with_results(&format!("{STOCK}test_c test_two pass\n"));
    let ran = fixture.xtask(&["test", "--full"]).ok();
    assert_eq!(last_line(&ran), "0 ours, 0 lost, 0 flaky, 1 upstream");
    let calls = |fixture: &Fixture, pristine: &str| {
        let calls = fixture.read(&format!(
            "target/clinker/build/9.9.3-dev{pristine}/calls.txt"
        ));
        calls.lines().count()
    };
    let before = (calls(&fixture, ""), calls(&fixture, "-pristine"));
    let again = fixture
        .xtask(&["test", "--full", "--json"])
        .ok()
        .says("Kept pristine");
    assert_eq!((calls(&fixture, ""), calls(&fixture, "-pristine")), before);
    let json: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(json["runs"][0]["configuration"], "pristine");
    assert_eq!(json["findings"][0]["verdict"], "upstream");
    fixture.xtask(&["test", "--full", "--fresh"]).ok();
    assert_eq!(
        (calls(&fixture, ""), calls(&fixture, "-pristine")),
        (before.0 + 1, before.1 + 1)
    );
}

#[test]
fn an_interrupted_comparison_goes_on_with_what_is_kept() {
    let fixture = with_results("test_a test_one crash\n");
    fixture
        .xtask(&["test", "--full"])
        .fails(1)
        .says("CPython's test runner ended without a summary");
    fixture
        .xtask(&["test", "--full"])
        .fails(1)
        .says("Kept pristine");
}

#[test]
fn without_the_build_tree_it_says_how_to_get_one() {
    let fixture = with_results(STOCK);
    fixture.xtask(&["build"]).ok();
    let tree = fixture.output().join("build/9.9.3-dev");
    std::fs::remove_dir_all(tree).expect("removing a folder");
    let prefix = "target/clinker/9.9.3-dev";
    let ran = fixture.xtask(&["test", "--full"]).fails(2);
    ran.says("the build tree is gone").says(prefix);
}

#[test]
fn with_lazy_imports_what_is_left_out_is_named_and_neither_run_nor_lost() {
    let patched = STOCK.replace("one pass", "one eager");
    let fixture = with_results(&format!("{patched}test_d test_one pass\n"));
    let list = "root/cpython-ports/9.9/tests.toml";
    let group = fixture.read(list);
    let not_lazy = "[[not-lazy]]\nmodule = \"test_b\"\nwhy = \"is about imports\"\n";
    fixture.write(list, &format!("{group}{not_lazy}"));
    fixture.xtask(&["test", "--full"]).ok();
    let ran = fixture
        .xtask(&["test", "--full", "--lazy=all"])
        .fails(1)
        .says("Kept pristine");
    for line in [
        "left out  test_b: is about imports",
        "ours      test.test_a.C.test_one [lazy]",
        "ours      test.test_c.C.test_one [lazy]",
    ] {
        assert!(
            ran.out.lines().any(|other| other == line),
            "no `{line}` in\n{}{}",
            ran.out,
            ran.err
        );
    }
    assert_eq!(last_line(&ran), "2 ours, 0 lost, 0 flaky, 1 upstream");
    let report = fixture.read("target/clinker/comparison-9.9.3-dev-lazy.md");
    assert!(report.contains("| `test_b` | left out | is about imports |"));

    // A run that left out something else is not taken.
    fixture.write(list, &group);
    let ran = fixture.xtask(&["test", "--full", "--lazy=all"]).fails(1);
    assert_eq!(last_line(&ran), "3 ours, 0 lost, 0 flaky, 1 upstream");
    assert!(!ran.out.contains("left out"));
}

#[test]
fn a_mode_of_the_compiler_is_one_run_against_pristine() {
    let fixture =
        with_results(&STOCK.replace("test_c test_one pass", "test_c test_one interpreted"));
    let ran = fixture
        .xtask(&["test", "--full", "--jit", "all,warm"])
        .fails(1);
    let line = "ours      test.test_c.C.test_one [all,warm]";
    assert!(ran.out.lines().any(|other| other == line), "{}", ran.out);
    assert_eq!(last_line(&ran), "1 ours, 0 lost, 0 flaky, 1 upstream");
    let report = fixture.read("target/clinker/comparison-9.9.3-dev-jit-all-warm.md");
    assert!(report.contains("| ours | `test.test_c.C.test_one` | all,warm |"));

    let ran = fixture
        .xtask(&["test", "--full", "--jit", "auto"])
        .ok()
        .says("Kept pristine");
    assert_eq!(last_line(&ran), "0 ours, 0 lost, 0 flaky, 1 upstream");

    // Code that tests.toml has interpreted in this mode.
    let list = "root/cpython-ports/9.9/tests.toml";
    let group = fixture.read(list);
    let interpreted =
        "[[interpreted]]\ncode = [\"c.py:f\"]\nmodes = [\"all,warm\"]\nwhy = \"is looked at\"\n";
    fixture.write(list, &format!("{group}{interpreted}"));
    fixture
        .xtask(&["test", "--full", "--jit", "all,warm"])
        .ok()
        .prints("interpreted c.py:f: is looked at");
    fixture
        .xtask(&["test", "--full", "--jit", "auto", "--lazy", "all"])
        .fails(2)
        .says("cannot be used with");
}

/// Two topics: one whose results are as good as upstream's, and one with which `test_c` fails.
fn with_topics() -> Fixture {
    let fixture = with_results(&STOCK.replace("test_b test_one pass", "test_b test_one once"));
    let line = "    if result == \"eager\":\n";
    let breaks = format!("    if name == \"test_c\":\n        result = \"fail\"\n{line}");
    fixture.add_patches(&[("Break a test", &[("Lib/runner.py", line, &breaks)])]);
    fixture.write(
        "root/patches/9.9/series",
        "# Results\nchange-results.patch\n\n# Runner\nbreak-a-test.patch\n",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    fixture
}

#[test]
fn each_topic_alone_is_compared_with_the_pristine_build() {
    let fixture = with_topics();
    let full = ["export-patches", "--build", "--full", "--profile", "dev"];
    // The whole series fails the test that it brings.
    let ran = fixture.xtask(&full).fails(1).says("2 of 3 topics");
    for line in [
        "flaky     test.test_b.C.test_one [topic]",
        "0 ours, 0 lost, 1 flaky, 1 upstream",
        "results: builds and passes its tests and all of CPython's suite",
        "ours      test.test_c.C.test_one [topic]",
        "1 ours, 0 lost, 0 flaky, 1 upstream",
    ] {
        assert!(
            ran.out.lines().any(|other| other == line),
            "no `{line}` in\n{}{}",
            ran.out,
            ran.err
        );
    }
    assert!(!ran.out.contains("runner: builds"), "{}", ran.out);
    let report = fixture.read("target/clinker/comparison-9.9.3-dev-topic-runner.md");
    assert!(report.contains("| ours | `test.test_c.C.test_one` | topic |"));
}

#[test]
fn a_topic_that_passed_the_whole_suite_is_not_built_again_until_it_changes() {
    let fixture = with_topics();
    let full = |topic| {
        let words = ["export-patches", "--build", "--full", "--profile", "dev"];
        fixture.xtask(&[&words[..], &["--topic", topic]].concat())
    };
    full("results").ok();
    full("runner").fails(1).says("Kept pristine");
    let built = fixture.read("target/clinker/build/9.9.3-dev-topic/python");
    full("results")
        .ok()
        .says("topic-results (kept)")
        .says("all of CPython's suite, results (kept)");
    assert_eq!(
        fixture.read("target/clinker/build/9.9.3-dev-topic/python"),
        built
    );
    full("runner").fails(1).says("Kept topic");

    fixture.replace(
        "root/patches/9.9/change-results.patch",
        "+test_b test_one once",
        "+test_b test_one skip",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    full("results")
        .fails(1)
        .prints("lost      test.test_b.C.test_one [topic]");
}

#[test]
fn a_list_with_unknown_keys_is_refused() {
    let fixture = with_results(STOCK);
    let list = "root/cpython-ports/9.9/tests.toml";
    let group = fixture.read(list);
    fixture.write(list, &format!("{group}[[lazy]]\nmodule = \"test_b\"\n"));
    fixture
        .xtask(&["test", "--full", "--lazy=all"])
        .fails(2)
        .says("the list of CPython's tests is not valid");
}
