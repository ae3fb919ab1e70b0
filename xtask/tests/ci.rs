//! The CI matrix: its expansion, its rows run here, the workflow files made from it.

mod support;

use support::{Fixture, Ran};

const MATRIX: &str = r#"runner = "machine-1"

[suite.look]
about = "prints the series"
minutes = 5
steps = [["patch", "list", "--port", "{port}"], ["fetch", "--port", "{port}", "--release", "{release}", "--offline"]]

[[rows]]
ports = ["9.9"]
releases = "newest"
profiles = ["dev"]
suites = ["look"]

[[rows]]
label = "wide"
ports = ["9.9"]
releases = "all"
profiles = "all"
suites = ["look"]
"#;

fn with_matrix(text: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("root/ci/matrix.toml", text);
    fixture
}

fn ci(fixture: &Fixture, arguments: &[&str]) -> Ran {
    fixture.run(&[&["ci"], arguments].concat())
}

fn jobs(ran: &Ran) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let rows = json["include"].as_array().expect("rows");
    rows.iter()
        .map(|row| row["job"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn the_default_is_widened_by_labels_and_each_job_is_there_once() {
    let fixture = with_matrix(MATRIX);
    let ran = ci(&fixture, &["matrix"]).ok();
    assert_eq!(jobs(&ran), ["look-9.9.2-dev"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        json["include"][0],
        serde_json::json!({
            "job": "look-9.9.2-dev", "port": "9.9", "release": "9.9.2", "profile": "dev",
            "suite": "look", "runner": "machine-1", "minutes": 5,
        })
    );
    let ran = ci(&fixture, &["matrix", "--label", "wide"]).ok();
    assert_eq!(jobs(&ran), ["look-9.9.2-dev", "look-9.9.1-dev"]);
}

#[test]
fn unknown_labels_and_jobs_name_the_known_ones() {
    let fixture = with_matrix(MATRIX);
    ci(&fixture, &["matrix", "--label", "no"])
        .fails(2)
        .says("use one of: wide");
    ci(&fixture, &["run", "no"])
        .fails(2)
        .says("use one of: look-9.9.2-dev, look-9.9.1-dev");
}

#[test]
fn a_matrix_that_names_what_is_not_there_is_an_error() {
    let wrong = |old: &str, new: &str| {
        let fixture = with_matrix(&MATRIX.replacen(old, new, 1));
        ci(&fixture, &["matrix"]).fails(2).err
    };
    assert!(wrong("[\"dev\"]", "[\"fast\"]").contains("port 9.9 has no profile fast, only dev"));
    assert!(wrong("suites = [\"look\"]", "suites = [\"lock\"]").contains("no suite called lock"));
    assert!(wrong("\"patch\", \"list\"", "\"patch\", \"lost\"").contains("patch lost --port 9.9"));
    assert!(wrong("minutes", "hours").contains("hours"));
    assert!(wrong("label = \"wide\"", "label = \"a: b\"").contains("a-z"));
}

#[test]
fn a_row_runs_its_steps_and_ends_with_the_status_of_the_first_that_fails() {
    let fixture = with_matrix(MATRIX);
    // Nothing was fetched yet, so that the second step fails.
    ci(&fixture, &["run", "look-9.9.2-dev"])
        .fails(2)
        .says("step 1 of 2: cargo xtask patch list --port 9.9")
        .says("step 2 of 2");
    fixture.xtask(&["fetch"]).ok();
    ci(&fixture, &["run", "look-9.9.2-dev"]).ok();
}

#[test]
fn a_workflow_file_that_drifted_is_found_and_written_again() {
    const FILE: &str = "root/.github/workflows/ci.yml";
    let fixture = with_matrix(MATRIX);
    ci(&fixture, &["workflows", "--check"])
        .fails(1)
        .says("where: .github/workflows/ci.yml")
        .says("next:  `cargo xtask ci workflows`");
    assert!(!fixture.has(FILE));
    ci(&fixture, &["workflows"]).ok();
    ci(&fixture, &["workflows", "--check"]).ok();
    let text = fixture.read(FILE);
    assert!(text.contains("'ci-wide')) && '--label wide'"));
    assert!(text.contains("runs-on: machine-1"));

    fixture.replace("root/ci/matrix.toml", "machine-1", "machine-2");
    ci(&fixture, &["workflows", "--check"]).fails(1);
}
