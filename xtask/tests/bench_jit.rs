//! `bench jit`: what is run, and what is shown of it.

mod support;

use support::{Fixture, Ran};

const SETTINGS: &str = "packages = [\"pyperformance==1\"]\n\n[instructions]\ntolerance = 0.3\n\n[instructions.loops]\n\n\
    [instructions.dictionary]\ntolerance = 0.4\nloops = 7\noperations = []\n\n\
    [designs]\nbenchmarks = []\noperations = []\nnames = []\nloops = 1\n\n\
    [jit]\nseconds = 0.05\nrounds = 2\n\n[jit.benchmarks]\none = []\ntwo = [\"--flag\"]\n";
const DRIVER: &str = include_str!("../../cpython-ports/3.13/bench/steady.py");
const ONE: &str = "import pyperf\n\
    runner = pyperf.Runner()\n\
    runner.bench_func('one', sum, range(1000))\n";
/// A script with two benchmarks, an option, and objects that are pickled by the name of their class.
const TWO: &str = "import pickle, pyperf\n\
    class C: pass\n\
    def run(loops, x):\n\
    \x20   start = pyperf.perf_counter()\n\
    \x20   for _ in range(loops): pickle.loads(pickle.dumps(C()))\n\
    \x20   return pyperf.perf_counter() - start\n\
    if __name__ == '__main__':\n\
    \x20   runner = pyperf.Runner(add_cmdline_args=lambda *_: None)\n\
    \x20   runner.argparser.add_argument('--flag', action='store_true', required=True)\n\
    \x20   runner.parse_args()\n\
    \x20   runner.bench_time_func('two_a', run, 1)\n\
    \x20   runner.bench_time_func('two_b', run, 1)\n";

fn bench(two: &str, arguments: &[&str]) -> (Fixture, Ran) {
    let fixture = Fixture::buildable();
    fixture.write("root/cpython-ports/9.9/bench.toml", SETTINGS);
    fixture.write("root/cpython-ports/9.9/bench/steady.py", DRIVER);
    // As if pip had installed them.
    let packages = "target/clinker/bench/packages-9.9.4";
    for (name, text) in [("one", ONE), ("two", two)] {
        let script = format!("pyperformance/data-files/benchmarks/bm_{name}/run_benchmark.py");
        fixture.write(&format!("{packages}/{script}"), text);
    }
    fixture.write(&format!("{packages}/clinker.json"), "\"pyperformance==1\"");
    let mut command = fixture.command();
    command
        .args(["bench", "jit", "--port", "9.9", "--profile", "dev"])
        .args(arguments);
    let ran = support::ran(&command.output().expect("running xtask"));
    (fixture, ran)
}

#[test]
fn all_benchmarks_with_all_interpreters() {
    let (fixture, ran) = bench(
        TWO,
        &[
            "--against",
            "other=python3",
            "--json",
            "a.json",
            "--svg",
            "a.svg",
        ],
    );
    let ran = ran.ok();
    for expected in [
        "steady state",
        "first second",
        "peak memory",
        "geometric mean",
        "worst",
        "other: python3",
    ] {
        assert!(ran.out.contains(expected), "{expected}\n{}", ran.out);
    }
    let json = std::fs::read(fixture.path().join("a.json"))
        .or_else(|_| std::fs::read(fixture.path().join("root/a.json")))
        .expect("the JSON");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let names: Vec<_> = json["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["one", "two_a", "two_b"]);
    for row in json["rows"].as_array().expect("rows") {
        let measured = row["measured"].as_array().expect("an array");
        assert_eq!(measured.len(), 3);
        for one in measured {
            assert!(one["steady"].as_f64() > Some(0.0));
            assert!(one["first"].as_f64() >= one["steady"].as_f64());
            assert!(one["peak"].as_u64() > Some(1000));
            assert_eq!(one["rounds"].as_array().map(Vec::len), Some(2));
        }
    }
}

#[test]
fn one_benchmark() {
    let (_, ran) = bench(
        TWO,
        &["--benchmark", "one", "--rounds", "1", "--seconds", "0.01"],
    );
    let ran = ran.ok();
    assert!(
        ran.out.contains("best of 1 interleaved rounds of 0.01 s"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("two_a"), "{}", ran.out);
}

#[test]
fn an_unknown_benchmark() {
    let (_, ran) = bench(TWO, &["--benchmark", "three"]);
    let ran = ran.fails(2);
    assert!(ran.err.contains("choose of one, two"), "{}", ran.err);
}

#[test]
fn a_benchmark_that_fails() {
    let (_, ran) = bench("raise ValueError('broken')\n", &[]);
    let ran = ran.fails(1);
    assert!(
        ran.err.contains("a benchmark failed with stock"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("ValueError: broken"), "{}", ran.err);
}
