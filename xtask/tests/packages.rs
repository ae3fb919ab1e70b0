//! `test --packages`: suites of packages are compared between modes.

mod support;

use support::{Fixture, Ran};

const PACKAGES: &str = r#"
environment = { COMMON = "1" }

[[mode]]
name = "plain"
environment = {}

[[mode]]
name = "other"
environment = { MODE = "other" }

[[package]]
name = "one"
tests = ["tests"]
"#;

/// Plays pytest: the case `a` has the result that a file of the package's sources says for the mode.
const PYTEST: &str = r#"
import os, sys
assert os.environ["COMMON"] == "1" and sys.argv[-1] == "tests"
result = open(os.environ.get("MODE", "plain") + ".txt").read().strip()
if result == "crash":
    sys.exit("Fatal error")
junit = sys.argv[sys.argv.index("--junitxml") + 1]
open(junit, "w").write(f"<testsuite><testcase classname='t' name='a'>{result}</testcase>"
                       "<testcase classname='t' name='b'/></testsuite>")
"#;

fn fixture(other: &str) -> Fixture {
    fixture_with(PACKAGES, other)
}

fn fixture_with(settings: &str, other: &str) -> Fixture {
    let fixture = Fixture::buildable();
    let packages = "root/cpython-ports/9.9/packages";
    fixture.write(&format!("{packages}/packages.toml"), settings);
    fixture.write(&format!("{packages}/requirements.txt"), "one==1\n");
    // As if pip had brought them.
    let folder = "target/clinker/packages/9.9.4-dev";
    fixture.write(&format!("{folder}/installed/pytest.py"), PYTEST);
    fixture.write(&format!("{folder}/installed/clinker.json"), "\"one==1\\n\"");
    fixture.write("one-1/plain.txt", "");
    fixture.write("one-1/other.txt", other);
    fixture.write(&format!("{folder}/archives/one==1/.keep"), "");
    let archives = fixture.path().join(folder).join("archives/one==1");
    std::fs::remove_file(archives.join(".keep")).expect("removing a file");
    let status = std::process::Command::new("tar")
        .args(["-czf", "one-1.tar.gz", "-C"])
        .args([fixture.path(), "one-1".as_ref()])
        .current_dir(&archives)
        .status();
    assert!(status.expect("running tar").success());
    fixture
}

fn test(fixture: &Fixture, arguments: &[&str]) -> Ran {
    fixture.xtask(&[&["test", "--packages"], arguments].concat())
}

#[test]
fn suites_with_the_same_results_are_the_same() {
    test(&fixture(""), &[])
        .ok()
        .prints("plain    2 passed, 0 failed, 0 skipped, 0 different")
        .prints("other    2 passed, 0 failed, 0 skipped, 0 different");
}

#[test]
fn a_case_with_another_result_is_named() {
    test(&fixture("<failure/>"), &["--package", "one"])
        .fails(1)
        .prints("other    1 passed, 1 failed, 0 skipped, 1 different")
        .prints("Failed instead of Passed: t::a");
}

#[test]
fn a_suite_that_ends_early_differs_in_every_case() {
    test(&fixture("crash"), &["--json"])
        .fails(1)
        .prints("(the whole suite, exit status: 1: Fatal error)")
        .prints("\"found\": \"missing\"");
}

#[test]
fn a_case_that_must_differ_is_a_failure_if_it_does_not() {
    let differs = r#"
[[package.differs]]
mode = "other"
why = "is about the mode"
cases = ["t::a"]
"#;
    let settings = format!("{PACKAGES}{differs}");
    test(&fixture_with(&settings, "<failure/>"), &[])
        .ok()
        .prints("other    1 passed, 1 failed, 0 skipped, 0 different");
    test(&fixture_with(&settings, ""), &[])
        .fails(1)
        .prints("Passed instead of Passed: t::a (packages.toml says that it differs)");
}

#[test]
fn a_package_can_name_its_modes() {
    let settings = format!("{PACKAGES}modes = []\n");
    let ran = test(&fixture_with(&settings, "<failure/>"), &[])
        .ok()
        .prints("plain    2 passed, 0 failed, 0 skipped, 0 different");
    assert!(!ran.out.contains("other"));
    let settings = format!("{PACKAGES}modes = [\"third\"]\n");
    test(&fixture_with(&settings, ""), &[])
        .fails(2)
        .says("one names the mode third, which does not exist");
}

#[test]
fn files_of_the_folder_of_its_name_are_put_into_the_sources() {
    let fixture = fixture("");
    let folder = "root/cpython-ports/9.9/packages/one";
    fixture.write(&format!("{folder}/other.txt"), "<failure/>");
    fixture.write(&format!("{folder}/tests/conftest.py"), "");
    test(&fixture, &[])
        .fails(1)
        .prints("Failed instead of Passed: t::a");
    fixture.read("target/clinker/packages/9.9.4-dev/run/one-1/tests/conftest.py");
}

#[test]
fn an_unknown_package_is_refused() {
    let fixture = fixture("");
    test(&fixture, &["--package", "two"])
        .fails(2)
        .says("packages.toml has no package two");
    assert!(!fixture.prefix().exists());
}
