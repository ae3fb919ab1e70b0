//! Exporting the series for upstream: topics, mails, `git am`, branches, lints.

mod support;

use support::{COUNT_STEPS, COUNT_TWICE, Fixture};

/// A series in two topics: the second depends on a patch of the first.
fn with_topics() -> Fixture {
    let fixture = Fixture::with_series();
    fixture.write(
        "root/patches/9.9/series",
        "# Counting\ncount-steps.patch\nadd-an-instruction.patch\n\n# Import reports\nreport-imports.patch\n",
    );
    fixture.replace(
        "root/patches/9.9/report-imports.patch",
        "Area: eval\n",
        "Upstream-Issue: gh-77\nArea: eval\nDepends-On: count-steps\nReviewed-by: B <b@example.org>\n",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    fixture.covers("9.9", &["counting", "import-reports"]);
    std::fs::remove_file(fixture.path().join("root/patches/9.9/covers/untitled.md"))
        .expect("removing a file");
    fixture
}

#[test]
fn each_topic_and_the_whole_series_are_exported() {
    let fixture = with_topics();
    let ran = fixture.xtask(&["export-patches"]).ok();
    let folders: Vec<&str> = ran
        .out
        .lines()
        .filter_map(|line| line.rsplit('/').next())
        .collect();
    assert_eq!(folders, ["counting", "import-reports", "whole-series"]);
    for mail in [
        "counting/0001-count-steps.patch",
        "counting/0002-add-an-instruction.patch",
        "import-reports/0001-count-steps.patch",
        "import-reports/0002-report-imports.patch",
        "whole-series/0003-report-imports.patch",
    ] {
        assert!(
            fixture.has(&format!("target/clinker/export/{mail}")),
            "{mail}"
        );
    }
    assert!(!fixture.has("target/clinker/export/import-reports/0003-report-imports.patch"));
}

#[test]
fn mails_have_no_trailers_of_ours_and_generated_files() {
    let fixture = with_topics();
    fixture.xtask(&["export-patches"]).ok();
    let mail = fixture.read("target/clinker/export/whole-series/0003-report-imports.patch");
    assert!(mail.contains("Subject: [PATCH] gh-77: Report imports\n"));
    assert!(mail.contains("\nWhy it is done.\n\nReviewed-by: B <b@example.org>\n---\n"));
    for ours in ["Upstream-", "Area:", "News:", "Depends-On:"] {
        assert!(!mail.contains(ours), "{ours} in {mail}");
    }
    let mail = fixture.read("target/clinker/export/whole-series/0002-add-an-instruction.patch");
    assert!(mail.contains("+++ b/Include/opcode_ids.h"));
}

#[test]
fn git_am_of_the_whole_series_gives_the_trees_of_the_lock() {
    let fixture = with_topics();
    fixture
        .xtask(&["export-patches", "--topic", "whole-series"])
        .ok();
    let author = fixture.path().join("author");
    fixture.git(&author, &["checkout", "--quiet", "-B", "am", "v9.9.2"]);
    for slug in [
        "0001-count-steps",
        "0002-add-an-instruction",
        "0003-report-imports",
    ] {
        let mail = fixture
            .output()
            .join(format!("export/whole-series/{slug}.patch"));
        fixture.git(&author, &["am", "--quiet", mail.to_str().expect("UTF-8")]);
        let tree = fixture.git(&author, &["rev-parse", "HEAD^{tree}"]);
        assert!(
            fixture.read("root/patches/9.9/series.lock").contains(&tree),
            "{slug}"
        );
    }
}

#[test]
fn a_topic_is_a_branch_and_has_the_text_of_a_pull_request() {
    let fixture = with_topics();
    fixture
        .xtask(&["export-patches", "--topic", "Import Reports"])
        .ok();
    let database = fixture.output().join("git/9.9.git");
    let log = fixture.git(
        &database,
        &["log", "--format=%s", "export/import-reports-9.9.2"],
    );
    assert_eq!(log, "gh-77: Report imports\nCount steps\nCPython 9.9.2");
    let text = fixture.read("target/clinker/export/import-reports/PULL_REQUEST.md");
    assert!(text.starts_with("# About import-reports\n"), "{text}");
    assert!(text.contains("## Design\n\nThe Design of import-reports.\n"));
    assert!(text.contains("### gh-77: Report imports\n\nWhy it is done.\n"));
    assert!(text.contains("- [ ] supply: no issue is named"));
    assert!(!text.contains("Area:"));
}

#[test]
fn the_cover_letter_comes_before_the_mails() {
    let fixture = with_topics();
    fixture
        .xtask(&["export-patches", "--topic", "whole-series"])
        .ok();
    let folder = fixture.output().join("export/whole-series");
    let letter = fixture.read("target/clinker/export/whole-series/0000-cover-letter.patch");
    for part in [
        "\nSubject: [PATCH 0/3] About whole-series\n",
        "\n## Problem\n\nThe Problem of whole-series.\n",
        "(3):\n  Count steps\n  Add an instruction\n  gh-77: Report imports\n",
        " files changed, ",
    ] {
        assert!(letter.contains(part), "no `{part}` in {letter}");
    }
    // As PULL_REQUEST.md says.
    let author = fixture.path().join("author");
    fixture.git(&author, &["checkout", "--quiet", "-B", "am", "v9.9.2"]);
    let mut mails: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .filter(|path| path.ends_with(".patch"))
        .collect();
    mails.sort();
    let mut words = vec!["am", "--quiet", "--empty=drop"];
    words.extend(mails.iter().map(String::as_str));
    fixture.git(&author, &words);
    let log = fixture.git(&author, &["log", "--format=%s", "v9.9.2..HEAD"]);
    assert_eq!(
        log,
        "gh-77: Report imports\nAdd an instruction\nCount steps"
    );
}

#[test]
fn a_single_patch_has_no_cover_letter() {
    let fixture = with_topics();
    fixture
        .xtask(&["export-patches", "--topic", "count-steps"])
        .ok();
    assert!(!fixture.has("target/clinker/export/count-steps/0000-cover-letter.patch"));
    let text = fixture.read("target/clinker/export/count-steps/PULL_REQUEST.md");
    assert!(text.starts_with("# Count steps\n"), "{text}");
}

#[test]
fn each_topic_has_a_complete_cover_letter_and_there_is_no_other() {
    let fixture = with_topics();
    let covers = "root/patches/9.9/covers";
    let found = |fixture: &Fixture| -> Vec<String> {
        let ran = fixture.xtask(&["export-patches", "--check"]).fails(1);
        let lines = ran.out.lines().filter(|line| line.ends_with("[cover]"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(found(&fixture), [""; 0]);
    fixture.replace(
        &format!("{covers}/counting.md"),
        "## Tests\n",
        "## Checks\n",
    );
    fixture.write(&format!("{covers}/other.md"), "# Other\n");
    std::fs::remove_file(fixture.path().join(covers).join("import-reports.md"))
        .expect("removing a file");
    let lines = found(&fixture);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("counting.md: error: its parts have to be Problem, Design"));
    assert!(lines[1].contains("topic import-reports has no cover letter"));
    assert!(lines[2].contains("other.md: error: no topic has this name"));
    fixture
        .xtask(&["export-patches"])
        .fails(1)
        .says("the cover letter of counting is not complete");
}

#[test]
fn a_patch_that_is_not_for_upstream_is_no_topic_of_its_own() {
    let fixture = with_topics();
    let file = "root/patches/9.9/report-imports.patch";
    fixture.replace(
        file,
        "Upstream-Status: Pending",
        "Upstream-Status: Inappropriate [ours]",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    fixture.xtask(&["export-patches"]).ok();
    assert!(!fixture.has("target/clinker/export/import-reports"));
    assert!(fixture.has("target/clinker/export/whole-series/0003-report-imports.patch"));
}

#[test]
fn an_unknown_topic_names_the_known_ones() {
    let fixture = with_topics();
    fixture
        .xtask(&["export-patches", "--topic", "hooks"])
        .fails(2)
        .says("use one of: counting, import-reports, whole-series");
}

#[test]
fn a_topic_that_needs_another_says_how_to_name_it() {
    let fixture = Fixture::fetched();
    fixture.add_patches(&[COUNT_STEPS, COUNT_TWICE]);
    fixture
        .xtask(&["export-patches", "--topic", "count-twice"])
        .fails(3)
        .says("name that patch with a Depends-On trailer");
    assert!(!fixture.has("target/clinker/export/count-twice"));
}

#[test]
fn a_lock_that_says_something_else_is_found() {
    let fixture = with_topics();
    let lock = fixture.read("root/patches/9.9/series.lock");
    let tree = fixture.git(
        &fixture.output().join("git/9.9.git"),
        &["rev-parse", "refs/clinker/stack/9.9.2^{tree}"],
    );
    fixture.write(
        "root/patches/9.9/series.lock",
        &lock.replace(&tree, &"1".repeat(40)),
    );
    fixture
        .xtask(&["export-patches"])
        .fails(1)
        .says("patch report-imports gives tree")
        .says("`cargo xtask patch refresh`");
}

#[test]
fn the_check_names_file_and_line_and_writes_nothing() {
    let fixture = with_topics();
    let ran = fixture.xtask(&["export-patches", "--check"]).fails(1);
    let patch = fixture.path().join("root/patches/9.9/report-imports.patch");
    let place = format!("{}:", patch.display());
    assert!(
        ran.out
            .lines()
            .any(|line| line.starts_with(&place) && line.ends_with("[tests]")),
        "{}",
        ran.out
    );
    assert!(!fixture.has("target/clinker/export"));
    let json = fixture
        .xtask(&["export-patches", "--check", "--json"])
        .fails(1)
        .out;
    let findings: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let pending = findings
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["level"] == "pending")
        .count();
    assert_eq!(pending, 2);
}

#[test]
fn a_series_without_objections_passes_the_check() {
    let fixture = Fixture::fetched();
    fixture.add_patches(&[(
        COUNT_STEPS.0,
        &[
            COUNT_STEPS.1[0],
            ("Lib/test/test_steps.py", "", "import unittest\n"),
        ],
    )]);
    let ran = fixture.xtask(&["export-patches", "--check"]).ok();
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains(": pending: no issue is named"));
}
