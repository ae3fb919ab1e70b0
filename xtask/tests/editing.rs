//! Editing the series: new, edit, refresh, drop, move, conflicts and bump.

mod support;

use support::{COUNT_STEPS, COUNT_TWICE, Fixture, REPORT_IMPORTS};

const EDIT: &str = "target/clinker/edit/9.9.2";

fn commits(fixture: &Fixture, folder: &str) -> String {
    fixture.git(&fixture.path().join(folder), &["log", "--format=%s"])
}

#[test]
fn an_edit_without_a_commit_amends_the_patch_and_rewrites_only_what_changed() {
    let fixture = Fixture::with_series();
    let later = fixture.read("root/patches/9.9/report-imports.patch");
    let folder = fixture.xtask(&["patch", "edit", "count-steps"]).ok().out;
    assert!(folder.trim_end().ends_with(EDIT), "{folder}");
    assert_eq!(commits(&fixture, EDIT), "Count steps\nCPython 9.9.2");
    fixture.replace(
        &format!("{EDIT}/Python/ceval.c"),
        "count();",
        "count_one();",
    );
    let ran = fixture
        .xtask(&["patch", "refresh"])
        .ok()
        .says("Amending `Count steps` with Python/ceval.c");
    assert_eq!(ran.out, "count-steps.patch\nseries.lock\n");
    assert!(
        fixture
            .read("root/patches/9.9/count-steps.patch")
            .contains("+    count_one();")
    );
    assert_eq!(fixture.read("root/patches/9.9/report-imports.patch"), later);
    fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
    fixture.xtask(&["check", "--each"]).ok();
}

#[test]
fn commits_made_with_plain_git_become_patches_in_their_place() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    let edit = fixture.path().join(EDIT);
    fixture.write(&format!("{EDIT}/Lib/more.py"), "more = 1\n");
    fixture.git(&edit, &["add", "--all"]);
    fixture.git(
        &edit,
        &["commit", "--quiet", "-m", &support::message("Add more")],
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    assert_eq!(
        fixture.read("root/patches/9.9/series"),
        "count-steps.patch\nadd-more.patch\nadd-an-instruction.patch\nreport-imports.patch\n"
    );
    fixture.xtask(&["check"]).ok();
}

#[test]
fn a_new_subject_renames_the_file_and_those_that_depend_on_it_follow() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/report-imports.patch",
        "Area: eval\n",
        "Area: eval\nDepends-On: count-steps\n",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.git(
        &fixture.path().join(EDIT),
        &[
            "commit",
            "--quiet",
            "--amend",
            "-m",
            &support::message("Count all steps"),
        ],
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    assert!(!fixture.has("root/patches/9.9/count-steps.patch"));
    assert!(
        fixture
            .read("root/patches/9.9/report-imports.patch")
            .contains("Depends-On: count-all-steps\n")
    );
    fixture.xtask(&["check"]).ok();
}

#[test]
fn a_new_patch_goes_after_the_one_it_is_said_to() {
    let fixture = Fixture::with_series();
    fixture.write(
        "root/patches/9.9/series",
        "# Counting\ncount-steps.patch\n\n# Rest\nadd-an-instruction.patch\nreport-imports.patch\n",
    );
    fixture
        .xtask(&[
            "patch",
            "new",
            "Name the system",
            "--area",
            "docs",
            "--after",
            "count-steps",
        ])
        .ok();
    fixture
        .xtask(&["patch", "refresh"])
        .fails(3)
        .says("patch name-the-system changes nothing");
    fixture.replace(&format!("{EDIT}/Lib/os.py"), "posix", "clinker");
    fixture.xtask(&["patch", "refresh"]).ok();
    assert_eq!(
        fixture.read("root/patches/9.9/series"),
        "# Counting\ncount-steps.patch\nname-the-system.patch\n\n# Rest\nadd-an-instruction.patch\nreport-imports.patch\n"
    );
    fixture.xtask(&["check"]).ok();
}

#[test]
fn a_generated_file_is_made_anew_when_an_earlier_patch_changes_its_input() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.replace(
        &format!("{EDIT}/Python/bytecodes.c"),
        "inst(NOP)\n",
        "inst(NOP)\ninst(FIRST)\n",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    assert!(
        fixture
            .read(&format!("{EDIT}/Include/opcode_ids.h"))
            .contains("#define FIRST 1")
    );
    fixture.xtask(&["apply"]).ok();
    let ids = fixture.read("target/clinker/src/9.9.2/Include/opcode_ids.h");
    assert!(
        ids.contains("#define FIRST 1\n") && ids.contains("#define COUNT 3\n"),
        "{ids}"
    );
}

#[test]
fn drop_and_move_rearrange_the_series() {
    let fixture = Fixture::with_series();
    fixture
        .xtask(&["patch", "move", "report-imports", "--first"])
        .ok();
    assert_eq!(
        fixture.read("root/patches/9.9/series"),
        "report-imports.patch\ncount-steps.patch\nadd-an-instruction.patch\n"
    );
    fixture.xtask(&["patch", "drop", "count-steps"]).ok();
    assert!(!fixture.has("root/patches/9.9/count-steps.patch"));
    fixture.xtask(&["check", "--each"]).ok();
}

#[test]
fn a_patch_that_others_depend_on_is_not_dropped() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "root/patches/9.9/report-imports.patch",
        "Area: eval\n",
        "Area: eval\nDepends-On: count-steps\n",
    );
    fixture
        .xtask(&["patch", "drop", "count-steps"])
        .fails(3)
        .says("report-imports depends on count-steps");
}

/// A series whose second patch changes a line that the first one makes.
fn dependent() -> Fixture {
    let fixture = Fixture::fetched();
    fixture.add_patches(&[COUNT_STEPS, COUNT_TWICE, REPORT_IMPORTS]);
    fixture
}

#[test]
fn a_conflict_is_left_as_a_git_state_and_explained() {
    let fixture = dependent();
    let before = fixture.read("root/patches/9.9/count-steps.patch");
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.replace(&format!("{EDIT}/Python/ceval.c"), "count();", "count(1);");
    let ran = fixture
        .xtask(&["patch", "refresh"])
        .fails(3)
        .says("patch count-twice does not apply to CPython 9.9.2")
        .says("-    count();")
        .says("+    count(1);")
        .says("earlier patches change Python/ceval.c too: count-steps")
        .says("cargo xtask patch refresh --continue");
    assert!(
        ran.err
            .contains("count-twice.patch:15 wants Python/ceval.c:"),
        "{}",
        ran.err
    );
    assert_eq!(
        fixture.read("root/patches/9.9/count-steps.patch"),
        before,
        "nothing is written in a conflict"
    );
    let status = fixture.git(&fixture.path().join(EDIT), &["status"]);
    assert!(
        status.contains("cherry-pick") && status.contains("both modified"),
        "{status}"
    );

    fixture
        .xtask(&["patch", "refresh", "--continue"])
        .fails(3)
        .says("still have conflicts: Python/ceval.c");
    let file = format!("{EDIT}/Python/ceval.c");
    let text = fixture.read(&file);
    let start = text.find("<<<<<<<").expect("a marker");
    let end = text.find(">>>>>>>").expect("a marker");
    let end = end + text[end..].find('\n').expect("a line") + 1;
    fixture.write(
        &file,
        &format!(
            "{}    count(1);\n    count(2);\n{}",
            &text[..start],
            &text[end..]
        ),
    );
    fixture.xtask(&["patch", "refresh", "--continue"]).ok();
    assert!(
        fixture
            .read("root/patches/9.9/count-twice.patch")
            .contains("+    count(2);")
    );
    fixture.xtask(&["check", "--each"]).ok();
    fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
}

#[test]
fn giving_up_keeps_the_series_and_the_edits() {
    let fixture = dependent();
    let series = |fixture: &Fixture| fixture.read("root/patches/9.9/series.lock");
    let before = series(&fixture);
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.replace(&format!("{EDIT}/Python/ceval.c"), "count();", "count(1);");
    fixture
        .xtask(&["patch", "drop", "report-imports"])
        .fails(3)
        .says("is not finished");
    let ran = fixture
        .xtask(&["patch", "refresh", "--abort"])
        .ok()
        .says("stay in the object database as commit");
    let commit = ran
        .err
        .trim_end()
        .rsplit(' ')
        .next()
        .expect("a commit")
        .to_owned();
    let database = fixture.path().join("target/clinker/git/9.9.git");
    let kept = fixture.git(&database, &["show", &format!("{commit}:Python/ceval.c")]);
    assert!(kept.contains("count(1);"));
    assert_eq!(series(&fixture), before);
    fixture.xtask(&["patch", "drop", "report-imports"]).ok();
}

#[test]
fn a_series_that_others_changed_meanwhile_is_not_overwritten() {
    let fixture = dependent();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.replace(
        &format!("{EDIT}/Python/ceval.c"),
        "count();\n    step",
        "count(1);\n    step",
    );
    fixture.replace(
        "root/patches/9.9/report-imports.patch",
        "Why it is done.",
        "Another reason.",
    );
    fixture
        .xtask(&["patch", "refresh"])
        .fails(3)
        .says("report-imports.patch");
    assert!(
        fixture
            .read("root/patches/9.9/report-imports.patch")
            .contains("Another reason.")
    );
}

#[test]
fn a_killed_write_of_the_series_is_finished_by_the_next_command() {
    let fixture = dependent();
    let lock = fixture.read("root/patches/9.9/series.lock");
    let blob = |text: &str| {
        fixture.write("new", text);
        fixture.git(
            &fixture.path().join("target/clinker/git/9.9.git"),
            &[
                "hash-object",
                "-w",
                &format!("{}/new", fixture.path().display()),
            ],
        )
    };
    let name = "root/patches/9.9/report-imports.patch";
    let (old, new) = (
        fixture.read(name),
        fixture
            .read(name)
            .replace("Why it is done.", "Another reason."),
    );
    let sum = |text: &str| sha2_of(text);
    fixture.write(
        "target/clinker/edit/9.9.writing.json",
        &format!(
            "{{\"folder\": \"{}\", \"files\": {{\"report-imports.patch\": {{\"before\": \"{}\", \"after\": \"{}\"}}}}}}",
            fixture.path().join("root/patches/9.9").display(),
            sum(&old),
            blob(&new)
        ),
    );
    fixture.xtask(&["patch", "list"]).ok().says("Finishing");
    assert_eq!(fixture.read(name), new);
    assert_eq!(fixture.read("root/patches/9.9/series.lock"), lock);
    assert!(!fixture.has("target/clinker/edit/9.9.writing.json"));
}

fn sha2_of(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn bump_drops_a_patch_that_upstream_has() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "upstream/Python/ceval.c",
        "    step(20);\n",
        "    count();\n    step(20);\n",
    );
    fixture.replace(
        "upstream/Python/import.c",
        "    step(2);\n",
        "    step(2);\n    moved();\n",
    );
    fixture.release("9.9.3");
    fixture.port("9.9", &["9.9.3", "9.9.2"]);
    fixture
        .xtask(&["bump", "--to", "9.9.3"])
        .ok()
        .says("Dropping")
        .says("CPython 9.9.2 is without it from now on");
    assert_eq!(
        fixture.read("root/patches/9.9/series"),
        "add-an-instruction.patch\nreport-imports.patch\n"
    );
    assert!(!fixture.has("root/patches/9.9/count-steps.patch"));
    assert!(
        fixture
            .read("root/patches/9.9/series.lock")
            .contains("release = \"9.9.3\"")
    );
    assert!(
        fixture
            .read("root/patches/9.9/report-imports.patch")
            .contains("@@ -10,6 +10,7 @@")
    );
}

#[test]
fn bump_goes_on_after_a_conflict_that_names_upstreams_commit() {
    let fixture = Fixture::with_series();
    fixture.replace(
        "upstream/Python/ceval.c",
        "    step(20);\n",
        "    step(20, fast);\n",
    );
    fixture.git(
        &fixture.upstream(),
        &["commit", "--quiet", "--all", "-m", "gh-77: Make steps fast"],
    );
    fixture.release("9.9.3");
    fixture.port("9.9", &["9.9.3", "9.9.2", "9.9.1"]);
    let history = fixture.upstream();
    fixture
        .xtask(&[
            "bump",
            "--to",
            "9.9.3",
            "--history",
            history.to_str().expect("UTF-8"),
        ])
        .fails(3)
        .says("patch count-steps does not apply to CPython 9.9.3")
        .says("upstream changed these lines between CPython 9.9.2 (-) and 9.9.3 (+)")
        .says("gh-77: Make steps fast")
        .says("cargo xtask bump --continue");
    let edit = "target/clinker/edit/9.9.3";
    fixture.git(
        &fixture.path().join(edit),
        &["checkout", "--quiet", "--ours", "Python/ceval.c"],
    );
    fixture.replace(
        &format!("{edit}/Python/ceval.c"),
        "    step(19);\n",
        "    step(19);\n    count();\n",
    );
    // The series now has a place that 9.9.2 has not: it is written, and the release it does not fit is named.
    fixture.port("9.9", &["9.9.3"]);
    fixture.xtask(&["bump", "--continue"]).ok();
    assert!(
        fixture
            .read("root/patches/9.9/count-steps.patch")
            .contains(" step(20, fast);")
    );
    fixture.xtask(&["check"]).ok();
    fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
}

#[test]
fn a_users_git_settings_do_not_show_in_patches() {
    let fixture = Fixture::with_series();
    fixture.write(
        "home/.gitconfig",
        "[user]\nname = B\nemail = b@example.org\n[diff]\nnoprefix = true\nmnemonicPrefix = true\ncontext = 9\n\
         [core]\nautocrlf = true\nabbrev = 7\n[commit]\ngpgSign = true\n",
    );
    fixture.write("home/.config/git/attributes", "*.c diff=cpp\n");
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture.xtask(&["patch", "refresh"]).ok().says("Unchanged");
    fixture.replace(&format!("{EDIT}/Lib/crlf.txt"), "two\r\n", "zwei\r\n");
    fixture.xtask(&["patch", "refresh"]).ok();
    fixture.xtask(&["check"]).ok();
    fixture.xtask(&["apply"]).ok();
    assert_eq!(
        fixture.read("target/clinker/src/9.9.2/Lib/crlf.txt"),
        "one\r\nzwei\r\nthree\r\n"
    );
}

#[test]
fn a_second_command_waits_for_the_first_and_says_so() {
    let fixture = Fixture::with_series();
    let lock = fixture.path().join("target/clinker/edit/9.9.lock");
    let lock = std::fs::File::options()
        .write(true)
        .open(lock)
        .expect("the lock");
    lock.lock().expect("locking");
    let mut command = fixture.command();
    let mut child = command
        .args(["patch", "refresh", "--port", "9.9"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("running xtask");
    let mut said = String::new();
    let mut talk = std::io::BufReader::new(child.stderr.take().expect("its talk"));
    std::io::BufRead::read_line(&mut talk, &mut said).expect("a line");
    assert!(said.contains("Waiting for another command"), "{said}");
    drop(lock);
    assert!(child.wait().expect("waiting").success());
}

#[test]
fn edits_in_a_work_tree_that_nobody_opened_are_kept() {
    let fixture = Fixture::with_series();
    fixture.xtask(&["patch", "edit", "count-steps"]).ok();
    fixture
        .xtask(&["patch", "refresh", "--abort"])
        .ok()
        .says("there were no edits");
    fixture.replace(&format!("{EDIT}/Lib/os.py"), "posix", "mine");
    let ran = fixture
        .xtask(&["patch", "edit", "report-imports"])
        .ok()
        .says("had edits that belonged to no patch");
    let line = ran
        .err
        .lines()
        .find(|line| line.contains("as commit"))
        .expect("a commit");
    let commit = line.rsplit(' ').next().expect("a commit");
    let database = fixture.path().join("target/clinker/git/9.9.git");
    assert_eq!(
        fixture.git(&database, &["show", &format!("{commit}:Lib/os.py")]),
        "name = 'mine'"
    );
}
