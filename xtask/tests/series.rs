//! The patch series: round trip, trailers, generated files, strict application, work trees.

mod support;

use support::Fixture;

#[test]
fn refresh_without_a_change_writes_nothing() {
    let fixture = Fixture::with_series();
    let ran = fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
    assert_eq!(ran.out, "");
}

#[test]
fn patches_are_named_after_their_subjects_and_listed_in_order() {
    let fixture = Fixture::with_series();
    assert_eq!(
        fixture.read("root/patches/9.9/series"),
        "count-steps.patch\nadd-an-instruction.patch\nreport-imports.patch\n"
    );
    let list = fixture.xtask(&["patch", "list", "--json"]).ok().out;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list[1]["slug"], "add-an-instruction");
    assert_eq!(list[1]["area"], "eval");
    assert_eq!(list[1]["files"], serde_json::json!(["Python/bytecodes.c"]));
}

#[test]
fn git_am_of_the_patches_gives_the_trees_of_the_lock() {
    let fixture = Fixture::with_series();
    let author = fixture.path().join("author");
    fixture.git(&author, &["checkout", "--quiet", "-B", "am", "v9.9.2"]);
    let patches = fixture.path().join("root/patches/9.9");
    let patch = |slug: &str| format!("{}/{slug}.patch", patches.display());
    fixture.git(&author, &["am", "--quiet", &patch("count-steps")]);
    let tree = fixture.git(&author, &["rev-parse", "HEAD^{tree}"]);
    assert!(fixture.read("root/patches/9.9/series.lock").contains(&tree));
    let said = fixture.git(&author, &["log", "-1", "--format=%an <%ae>%n%B"]);
    assert_eq!(
        said,
        format!(
            "A. Tester <tester@example.org>\n{}",
            support::message("Count steps").trim_end()
        )
    );
}

#[test]
fn apply_moves_the_source_tree_and_generates_files() {
    let fixture = Fixture::with_series();
    let ran = fixture.xtask(&["apply", "--json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["release"], "9.9.2");
    assert!(
        fixture
            .read("target/clinker/src/9.9.2/Python/ceval.c")
            .contains("count();")
    );
    assert_eq!(
        fixture.read("target/clinker/src/9.9.2/Include/opcode_ids.h"),
        "/* made by Tools/ids.py */\n#define NOP 0\n#define POP_TOP 1\n#define COUNT 2\n#define RETURN 3\n"
    );
    assert!(
        !fixture
            .read("root/patches/9.9/add-an-instruction.patch")
            .contains("opcode_ids.h")
    );
}

#[test]
fn apply_keeps_the_times_of_files_that_do_not_differ() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["apply", "--through", "count-steps"]).ok();
    let time = |path: &str| {
        let file = fixture.path().join("target/clinker/src/9.9.2").join(path);
        std::fs::metadata(file)
            .and_then(|file| file.modified())
            .expect("a time")
    };
    let (same, other) = (time("Python/ceval.c"), time("Python/import.c"));
    fixture.xtask(&["apply"]).ok();
    assert_eq!(time("Python/ceval.c"), same);
    assert_ne!(time("Python/import.c"), other);
}

#[test]
fn edits_in_the_source_tree_are_never_overwritten() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["apply", "--through", "count-steps"]).ok();
    let edited = "target/clinker/src/9.9.2/Lib/os.py";
    fixture.write(edited, "mine\n");
    fixture
        .xtask(&["apply"])
        .fails(2)
        .says("Lib/os.py")
        .says("to keep the edits")
        .says("to discard the edits");
    assert_eq!(fixture.read(edited), "mine\n");
    assert!(
        !fixture.has("target/clinker/src/9.9.2/Lib/report.py"),
        "nothing may have moved"
    );
    assert!(
        fixture
            .read("target/clinker/src/9.9.2.edits.diff")
            .contains("+mine")
    );
    std::fs::remove_file(fixture.path().join(edited)).expect("removing the edit");
    fixture.xtask(&["apply"]).ok();
    assert_eq!(fixture.read(edited), "name = 'posix'\n");
}

#[test]
fn an_interrupted_apply_is_finished_by_the_next_one() {
    let fixture = Fixture::with_series();
    let whole = fixture.xtask(&["apply"]).ok().out;
    let src = "target/clinker/src/9.9.2";
    let tip = whole.split(' ').next().expect("a tree");
    let before = fixture
        .xtask(&["apply", "--through", "count-steps"])
        .ok()
        .out;
    // As left by a kill in the middle of moving to the tip: one file is moved, one is missing, the marker says so.
    fixture.replace(
        &format!("{src}.tree.json"),
        "\"moving\":null",
        &format!("\"moving\":\"{tip}\""),
    );
    assert!(
        fixture
            .read(&format!("{src}.tree.json"))
            .contains(before.split(' ').next().expect("a tree"))
    );
    fixture.replace(
        &format!("{src}/Python/import.c"),
        "    step(10);\n",
        "    report();\n    step(10);\n",
    );
    std::fs::remove_file(fixture.path().join(format!("{src}/Lib/os.py"))).expect("removing");
    assert_eq!(fixture.xtask(&["apply"]).ok().out, whole);
    assert_eq!(
        fixture.read(&format!("{src}/Lib/os.py")),
        "name = 'posix'\n"
    );
    assert_eq!(fixture.read(&format!("{src}/Lib/report.py")), "count = 0\n");
}

#[test]
fn a_patch_that_does_not_apply_is_explained() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/count-steps.patch",
        "     step(19);\n",
        "     step(nineteen);\n",
    );
    let ran = fixture
        .xtask(&["apply"])
        .fails(3)
        .says("patch count-steps does not apply to CPython 9.9.2");
    let place = ran
        .err
        .lines()
        .find(|line| line.contains("where:"))
        .expect("a place")
        .to_owned();
    assert!(
        place.contains("count-steps.patch:15 wants Python/ceval.c:20"),
        "{place}"
    );
    ran.says("the nearest match is Python/ceval.c:20")
        .says("-    step(nineteen);")
        .says("+    step(19);");
    assert!(
        !fixture.has("target/clinker/src/9.9.2"),
        "nothing may have been written"
    );
}

#[test]
fn a_line_that_upstream_changed_is_named_with_the_releases() {
    let fixture = Fixture::with_series();
    fixture
        .take_patches(&[(
            "Use the addition",
            &[(
                "Python/ceval.c",
                "added_upstream();\n",
                "added_upstream();\n    used();\n",
            )],
        )])
        .fails(3)
        .says("patch use-the-addition does not apply to CPython 9.9.1")
        .says("upstream changed these lines between CPython 9.9.2 (-) and 9.9.1 (+)")
        .says("-    added_upstream();");
}

#[test]
fn check_accepts_what_refresh_wrote() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["check", "--each"]).ok();
}

#[test]
fn an_unknown_trailer_is_named_with_its_line() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/count-steps.patch",
        "Area: eval",
        "Aera: eval",
    );
    fixture
        .xtask(&["check"])
        .fails(1)
        .says("patch count-steps: the trailer Aera is unknown")
        .says("count-steps.patch:8")
        .says("write Area");
}

#[test]
fn a_missing_trailer_is_named() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/count-steps.patch",
        "News: none [only a test]\n",
        "",
    );
    fixture
        .xtask(&["check"])
        .fails(1)
        .says("patch count-steps: the trailer News is missing");
}

#[test]
fn a_file_that_drifted_from_the_lock_is_found() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/report-imports.patch",
        "+count = 0\n",
        "+count = 1\n",
    );
    fixture
        .xtask(&["check"])
        .fails(1)
        .says("report-imports")
        .says("cargo xtask patch refresh");
}

#[test]
fn a_generated_file_in_a_patch_is_found_and_refresh_takes_it_out() {
    let fixture = Fixture::with_series();
    let patch = "root/patches/9.9/add-an-instruction.patch";
    let clean = fixture.read(patch);
    fixture.replace(patch, "-- \nclinker\n", "diff --git a/Include/opcode_ids.h b/Include/opcode_ids.h\n--- a/Include/opcode_ids.h\n+++ b/Include/opcode_ids.h\n@@ -1,2 +1,3 @@\n /* made by Tools/ids.py */\n+/* by hand */\n #define NOP 0\n-- \nclinker\n");
    fixture
        .xtask(&["check"])
        .fails(1)
        .says("Include/opcode_ids.h");
    fixture.xtask(&["patch", "refresh"]).ok();
    assert_eq!(fixture.read(patch), clean);
}

#[test]
fn a_dependency_has_to_come_first() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/count-steps.patch",
        "Area: eval\n",
        "Area: eval\nDepends-On: report-imports\n",
    );
    fixture
        .xtask(&["check"])
        .fails(1)
        .says("depends on report-imports");
}

#[test]
fn a_generator_that_fails_shows_what_it_said() {
    let fixture = Fixture::fetched();
    fixture
        .take_patches(&[(
            "Break the generator",
            &[("Tools/ids.py", "import re\n", "import missing_module\n")],
        )])
        .fails(1)
        .says("No module named 'missing_module'");
}

#[test]
fn files_with_dos_line_ends_survive() {
    let fixture = Fixture::fetched();
    fixture.add_patches(&[(
        "Change a DOS file",
        &[("Lib/crlf.txt", "two\r\n", "zwei\r\n")],
    )]);
    fixture.xtask(&["apply"]).ok();
    assert_eq!(
        fixture.read("target/clinker/src/9.9.2/Lib/crlf.txt"),
        "one\r\nzwei\r\nthree\r\n"
    );
    let author = fixture.path().join("author");
    fixture.git(&author, &["checkout", "--quiet", "-B", "am", "v9.9.2"]);
    let patch = fixture
        .path()
        .join("root/patches/9.9/change-a-dos-file.patch");
    let patch = patch.display().to_string();
    fixture.git(&author, &["am", "--quiet", &patch]);
    assert_eq!(
        fixture.read("author/Lib/crlf.txt"),
        "one\r\nzwei\r\nthree\r\n"
    );
}

#[test]
fn a_second_port_is_added_as_data() {
    let fixture = Fixture::new();
    fixture.replace("upstream/Lib/os.py", "posix", "next");
    fixture.release("10.0.0");
    fixture.port("10", &["10.0.0"]);
    let from = fixture.author(&[(
        "Count steps",
        &[(
            "Python/ceval.c",
            "    step(20);\n",
            "    count();\n    step(20);\n",
        )],
    )]);
    let from = from.to_str().expect("UTF-8");
    fixture
        .xtask_for("10", &["patch", "refresh", "--from", from])
        .ok();
    fixture.xtask_for("10", &["apply"]).ok();
    assert_eq!(
        fixture.read("target/clinker/src/10.0.0/Lib/os.py"),
        "name = 'next'\n"
    );
    assert!(
        fixture
            .read("target/clinker/src/10.0.0/Python/ceval.c")
            .contains("count();")
    );
}

#[test]
fn an_unknown_patch_gets_the_nearest_name() {
    let fixture = Fixture::with_series();
    fixture
        .xtask(&["patch", "show", "count-step"])
        .fails(2)
        .says("did you mean count-steps?");
}

#[test]
fn killing_apply_at_any_moment_and_running_it_again_gives_the_same() {
    let fixture = Fixture::with_series();
    let whole = fixture.xtask(&["apply"]).ok().out;
    for (round, wait) in [5, 15, 25, 40, 60, 90].into_iter().enumerate() {
        let through = ["count-steps", "report-imports"][round % 2];
        let mut command = fixture.command();
        let mut child = command
            .args(["apply", "--port", "9.9", "--through", through])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("running xtask");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().expect("killing xtask");
        child.wait().expect("waiting for xtask");
        assert_eq!(fixture.xtask(&["apply"]).ok().out, whole);
        assert_eq!(
            fixture.read("target/clinker/src/9.9.2/Lib/report.py"),
            "count = 0\n"
        );
    }
}
