//! `check --build-each`: on an upstream whose interpreter is a shell script.

mod support;

use support::Fixture;

const CONFIGURE: &str = r"#!/bin/sh
source=$(cd $(dirname $0) && pwd)
for word; do
    case $word in --prefix=*) prefix=${word#--prefix=} ;; esac
done
cat > Makefile <<END
python: $source/Lib/python.sh
	cp $source/Lib/python.sh python
	chmod +x python
install altbininstall sharedinstall inclinstall libainstall: python
	mkdir -p $prefix/bin
	cp python $prefix/bin/python3
END
";

/// Writes down what it is asked to test.
const PYTHON: &str =
    "#!/bin/sh\n[ \"$2\" = test ] && echo \"$@\" >> \"$(dirname $0)/../../asked\"\nexit 0\n";

fn fixture(python: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("upstream/configure", CONFIGURE);
    fixture.write("upstream/Lib/python.sh", PYTHON);
    fixture.release("9.9.4");
    fixture.port("9.9", &["9.9.4"]);
    fixture.xtask(&["fetch", "--all"]).ok();
    fixture.add_patches(&[
        ("Add a test", &[("Lib/test/test_count.py", "", "a test\n")]),
        (
            "Change the interpreter",
            &[
                ("Lib/python.sh", PYTHON, python),
                ("Lib/test/test_capi/test_eval.py", "", "a test\n"),
            ],
        ),
        ("Change no test", &[("Lib/os.py", "posix", "clinker")]),
    ]);
    fixture
}

#[test]
fn every_patch_is_built_and_its_tests_are_run() {
    let fixture = fixture(&PYTHON.replace("exit 0", "exit 0 # changed"));
    fixture
        .xtask(&["check", "--build-each"])
        .ok()
        .says("1 of 3: add-a-test")
        .says("change-no-test: it brings no tests");
    assert_eq!(
        fixture.read("target/clinker/asked"),
        "-m test --match test.test_count.* test_count\n-m test --match test.test_capi.test_eval.* test_capi\n"
    );
}

#[test]
fn what_passed_is_kept_until_it_changes() {
    let fixture = fixture(&PYTHON.replace("exit 0", "exit 0 # changed"));
    fixture.xtask(&["check", "--build-each"]).ok();
    let asked = fixture.read("target/clinker/asked");
    fixture
        .xtask(&["check", "--build-each"])
        .ok()
        .says("add-a-test (kept)")
        .says("change-the-interpreter (kept)")
        .says("change-no-test (kept)");
    assert_eq!(fixture.read("target/clinker/asked"), asked);
    fixture.xtask(&["patch", "drop", "add-a-test"]).ok();
    fixture.xtask(&["check", "--build-each"]).ok();
    assert_eq!(
        fixture.read("target/clinker/asked"),
        format!("{asked}-m test --match test.test_capi.test_eval.* test_capi\n")
    );
}

#[test]
fn a_patch_that_fails_its_tests_is_named_and_the_others_are_still_tried() {
    let fixture =
        fixture("#!/bin/sh\n[ \"$2\" = test ] && echo the test fails && exit 1\nexit 0\n");
    fixture
        .xtask(&["check", "--build-each"])
        .fails(1)
        .says("with the series up to change-the-interpreter")
        .says("the test fails")
        .says("change-no-test: it brings no tests");
}

#[test]
fn each_topic_is_built_alone_with_the_tests_of_its_patches() {
    let fixture = fixture(&PYTHON.replace("exit 0", "exit 0 # changed"));
    fixture.write(
        "root/patches/9.9/series",
        "# Counting\nadd-a-test.patch\n\n# Interpreter\nchange-the-interpreter.patch\n\n# Library\nchange-no-test.patch\n",
    );
    fixture.replace(
        "root/patches/9.9/change-no-test.patch",
        "Area: ",
        "Depends-On: change-the-interpreter\nArea: ",
    );
    fixture.xtask(&["patch", "refresh"]).ok();
    let build = || fixture.xtask(&["export-patches", "--build", "--profile", "dev"]);
    let ran = build().ok();
    assert_eq!(
        ran.out,
        "counting: builds and passes its tests\ninterpreter: builds and passes its tests\n\
         library: builds and passes its tests\nwhole-series: builds and passes its tests\n"
    );
    assert_eq!(
        fixture.read("target/clinker/asked"),
        "-m test --match test.test_count.* test_count\n\
         -m test --match test.test_capi.test_eval.* test_capi\n\
         -m test --match test.test_capi.test_eval.* test_capi\n\
         -m test --match test.test_capi.test_eval.* --match test.test_count.* test_capi test_count\n"
    );
    assert!(!fixture.has("target/clinker/export"));
    build().ok().says("Passed topic-library (kept)");
}

#[test]
fn a_topic_that_fails_its_tests_is_named() {
    let fixture =
        fixture("#!/bin/sh\n[ \"$2\" = test ] && echo the test fails && exit 1\nexit 0\n");
    fixture
        .xtask(&[
            "export-patches",
            "--build",
            "--profile",
            "dev",
            "--topic",
            "change-the-interpreter",
        ])
        .fails(1)
        .says("topic change-the-interpreter: ")
        .says("1 of 1 topics");
}
