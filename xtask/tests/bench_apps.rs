//! `bench apps`: what is measured and compared, and what is refused. Applications are scripts that the fake upstream's Python runs.

mod support;

use support::{Fixture, Ran};

const APPS: &str = r#"
rounds = 2
hide = ['\d+ seconds']

[[app]]
name = "copy"
about = "copies a file that was made for it"
prepare = ["make.py", "{packages}", "{sources}"]
arguments = ["{packages}/bin/copy", "made.txt"]
result = "copied.txt"

[[app]]
name = "talk"
about = "says something"
arguments = ["talk.py"]
"#;

const MAKE: &str = r#"
import os, sys
assert not os.path.exists("made.txt")
assert sys.argv[1] == os.environ["PYTHONPATH"], sys.argv
open("made.txt", "w").write(os.path.basename(sys.argv[2]))
"#;

/// Says how long it took, which no two runs agree on.
const COPY: &str = r#"
import sys, time
print(time.time_ns(), "seconds")
open("copied.txt", "w").write(open(sys.argv[1]).read())
"#;

fn fixture() -> Fixture {
    let fixture = Fixture::buildable();
    let apps = "root/cpython-ports/9.9/apps";
    fixture.write(&format!("{apps}/apps.toml"), APPS);
    fixture.write(&format!("{apps}/requirements.txt"), "copy==1\n");
    fixture.write(&format!("{apps}/project/make.py"), MAKE);
    fixture.write(&format!("{apps}/project/talk.py"), "print('hello')\n");
    // As if pip had installed them.
    let packages = "target/clinker/bench/apps-9.9.4";
    fixture.write(&format!("{packages}/bin/copy"), COPY);
    fixture.write(&format!("{packages}/clinker.json"), "\"copy==1\\n\"");
    fixture
}

fn bench(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let options = ["bench", "apps", "--port", "9.9", "--profile", "dev"];
    fixture.run(&[&options, arguments].concat())
}

#[test]
fn every_application_is_measured_with_every_interpreter() {
    let fixture = fixture();
    let json = fixture.path().join("found.json").display().to_string();
    let against = ["--against", "other=python3", "--json", &json];
    bench(&fixture, &against)
        .ok()
        .prints("the best of 2 interleaved rounds")
        .prints("wall time: stock in s, others how many times as fast")
        .prints("processor time of all threads")
        .prints("peak memory")
        .prints("geometric mean")
        .prints("worst")
        .prints("bin/python3 -X jit=auto")
        .prints("other: python3");
    let found: serde_json::Value = serde_json::from_str(&fixture.read("found.json")).expect("JSON");
    let rows = found["rows"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [Some("copy"), Some("talk")]);
    for row in rows {
        let measured = row["measured"].as_array().expect("an array");
        assert_eq!(measured.len(), 3);
        for one in measured {
            assert!(one["wall"].as_f64() > Some(0.0), "{one}");
            assert!(one["cpu"].as_f64() > Some(0.0), "{one}");
            assert!(one["peak"].as_u64() > Some(1000), "{one}");
            assert_eq!(one["walls"].as_array().map(Vec::len), Some(2));
            assert_eq!(one["difference"], serde_json::Value::Null);
        }
    }
}

#[test]
fn one_application() {
    let ran = bench(&fixture(), &["talk", "--rounds", "1"]);
    let ran = ran
        .ok()
        .prints("best of 1 interleaved rounds")
        .prints("talk");
    assert!(!ran.out.contains("copy"), "{}", ran.out);
}

#[test]
fn an_application_that_does_something_else_is_a_failure() {
    let fixture = fixture();
    fixture.write(
        "root/cpython-ports/9.9/apps/project/talk.py",
        "import sys\nprint('hello' if 'pristine' in sys.prefix else 'good-bye')\n",
    );
    bench(&fixture, &["--rounds", "1"])
        .fails(1)
        .says("1 commands do not do the same as with the stock interpreter")
        .says("-hello")
        .says("+good-bye");
}

#[test]
fn an_application_that_fails_with_stock_is_not_measured() {
    let fixture = fixture();
    let talk = "root/cpython-ports/9.9/apps/project/talk.py";
    fixture.write(talk, "raise ValueError('broken')\n");
    bench(&fixture, &["talk"])
        .fails(1)
        .says("talk fails with the stock interpreter")
        .says("ValueError: broken");
}

#[test]
fn files_that_cannot_be_made() {
    let fixture = fixture();
    let make = "root/cpython-ports/9.9/apps/project/make.py";
    fixture.write(make, "raise OSError('full')\n");
    bench(&fixture, &["copy"])
        .fails(2)
        .says("the files of copy could not be made")
        .says("OSError: full");
}

#[test]
fn an_unknown_application_is_refused_before_anything_is_built() {
    let fixture = fixture();
    bench(&fixture, &["none"])
        .fails(2)
        .says("apps.toml has no application none")
        .says("choose of copy, talk");
    assert!(!fixture.prefix().exists());
}
