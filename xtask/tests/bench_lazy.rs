//! `bench lazy`: what is measured and compared, and what is refused. Tools are scripts that the fake upstream's Python runs.

mod support;

use support::{Fixture, Ran};

const TOOLS: &str = r#"
rounds = 2
hide = ['\d+ seconds']

[[tool]]
name = "talk"
script = "talk"
version = ["--version"]
help = ["--help"]
job = { about = "works", arguments = ["work", "{packages}"], result = "done.txt" }

[[tool]]
name = "other"
script = "other"
version = ["--version"]
help = []
job = { about = "works", arguments = ["work"] }
"#;

/// Says what it is given, and how long it took, which no two runs agree on; the job copies a file of the project.
const TALK: &str = r#"
import os, sys, time
print("talk", *sys.argv[1:], time.time_ns(), "seconds")
print("import time:       190 |        190 |   _io", file=sys.stderr)
if sys.argv[1] == "work":
    assert sys.argv[2] == os.environ["PYTHONPATH"]
    open("done.txt", "w").write(open("words.txt").read())
"#;

fn fixture() -> Fixture {
    let fixture = Fixture::buildable();
    let tools = "root/cpython-ports/9.9/tools";
    fixture.write(&format!("{tools}/tools.toml"), TOOLS);
    fixture.write(&format!("{tools}/requirements.txt"), "talk==1\n");
    fixture.write(&format!("{tools}/project/words.txt"), "one two\n");
    // As if pip had installed them.
    for folder in ["tools-9.9.4-dev", "tools-for-plain"] {
        let packages = format!("target/clinker/bench/{folder}");
        for name in ["talk", "other"] {
            fixture.write(&format!("{packages}/bin/{name}"), TALK);
        }
        fixture.write(&format!("{packages}/clinker.json"), "\"talk==1\\n\"");
    }
    fixture
}

fn bench(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let options = ["bench", "lazy", "--port", "9.9", "--profile", "dev"];
    fixture.run(&[&options, arguments].concat())
}

#[test]
fn every_command_is_measured_with_every_interpreter() {
    let fixture = fixture();
    let json = fixture.path().join("found.json").display().to_string();
    let svg = fixture.path().join("found.svg").display().to_string();
    bench(
        &fixture,
        &[
            "--tool",
            "talk",
            "--against",
            "plain=python3",
            "--against",
            "plain all=python3 -X lazy_imports=all",
            "--json",
            &json,
            "--svg",
            &svg,
        ],
    )
    .ok()
    .prints("wall time: stock in ms, others as a part of their base")
    .prints("stock   normal      all  profile    plain  plain all")
    .prints("processor time: stock in ms")
    .prints("modules loaded")
    .prints("peak memory in MiB")
    .prints("plain all: python3 -X lazy_imports=all, compared with plain");
    let found: serde_json::Value = serde_json::from_str(&fixture.read("found.json")).expect("JSON");
    let rows = found["rows"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            Some("talk --version"),
            Some("talk --help"),
            Some("talk works")
        ]
    );
    let bases: Vec<_> = found["interpreters"]
        .as_array()
        .expect("interpreters")
        .iter()
        .map(|one| one["base"].as_u64())
        .collect();
    assert_eq!(bases, [0, 0, 0, 0, 0, 4].map(Some));
    for measured in rows
        .iter()
        .flat_map(|row| row["measured"].as_array())
        .flatten()
    {
        assert_eq!(measured["walls"].as_array().map(Vec::len), Some(2));
        assert_eq!(measured["difference"], serde_json::Value::Null);
        assert!(measured["wall"].as_f64() > Some(0.0), "{measured}");
        assert!(measured["peak"].as_u64() > Some(1000), "{measured}");
        assert!(measured["modules"].as_u64() >= Some(1), "{measured}");
    }
    let image = fixture.read("found.svg");
    assert!(roxmltree::Document::parse(&image).is_ok(), "{image}");
    assert!(image.contains("plain all / plain"), "{image}");
}

#[test]
fn a_command_that_does_something_else_is_a_failure() {
    let fixture = fixture();
    let edit = "sys.argv[1] = 'shout' if '/9.9.4-dev/' in sys.executable else 'say'\n";
    let other = TALK.replace("print(\"talk\"", &format!("{edit}print(\"talk\""));
    fixture.write(
        "target/clinker/bench/tools-9.9.4-dev/bin/talk",
        &other.replace("sys.executable", "sys.prefix + '/'"),
    );
    bench(&fixture, &["--tool", "talk", "--rounds", "1"])
        .fails(1)
        .says("9 commands do not do the same as with the stock interpreter")
        .says("normal: talk --version")
        .says("-talk say …")
        .says("+talk shout …");
}

#[test]
fn an_interpreter_of_the_user_may_differ() {
    let fixture = fixture();
    fixture.write(
        "target/clinker/bench/tools-for-plain/bin/talk",
        "raise SystemExit('no')\n",
    );
    bench(&fixture, &["--tool", "talk", "--against", "plain=python3"])
        .ok()
        .prints("! plain, talk --version: exit status: 1 instead of exit status: 0: no");
}

#[test]
fn an_unknown_tool_is_refused_before_anything_is_built() {
    let fixture = fixture();
    bench(&fixture, &["--tool", "none"])
        .fails(2)
        .says("tools.toml has no tool none")
        .says("choose of talk, other");
    bench(&fixture, &["--against", "python3"])
        .fails(2)
        .says("it has no `=`");
    assert!(!fixture.prefix().exists());
}

#[test]
fn two_interpreters_of_one_name_are_refused() {
    bench(&fixture(), &["--against", "all=python3"])
        .fails(2)
        .says("all is there already");
}
