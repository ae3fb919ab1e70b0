//! `validate`: a patched interpreter is compared with the pristine one; each kind of difference is found.

mod support;

use support::Fixture;

#[test]
fn a_build_with_an_archive_that_shows_nothing_to_others_is_valid() {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    let ran = fixture.xtask(&["validate", "--json"]).ok();
    let checks: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let checks = checks.as_array().expect("checks");
    let found = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no {name} in {}", ran.out))["found"].clone()
    };
    assert!(
        checks.iter().all(|check| check["ok"] == true),
        "{}",
        ran.out
    );
    assert_eq!(
        found("version, magic, SOABI"),
        "0x9090200 3571 cpython-99-fake"
    );
    assert_eq!(
        found("exported symbols"),
        "1 more than pristine: PyInit__jit"
    );
    assert_eq!(
        found("shared .pyc files"),
        "either interpreter uses the other's"
    );
    let layouts = found("struct layouts");
    assert!(
        layouts
            .as_str()
            .expect("a text")
            .starts_with("3 structs with "),
        "{layouts}"
    );
    // _ctypes is missing on this machine, says the Makefile.
    let modules = found("modules");
    let modules = modules.as_str().expect("a text");
    assert!(
        modules.contains("sqlite3") && !modules.contains("ctypes"),
        "{modules}"
    );

    fixture
        .xtask(&["validate", "--wheels"])
        .fails(1)
        .says("1 of 12 checks do not hold")
        .says("no index in tests")
        .says("this check needs a network and a package index");
}

/// Edits that each let another check fail: path, old, new, and what is found.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "Include/Python.h",
        "    void *ob_type;\n",
        "    void *ob_type;\n    long more;\n",
        "struct layouts: PyFlagObject has 32 bytes instead of 24; PyPair differs at kind; struct _object has 24 bytes",
    ),
    (
        "Include/Python.h",
        "    char kind;\n",
        "    char more, kind;\n",
        "PyPair differs at kind",
    ),
    (
        "Include/Python.h",
        "int PyEval_Count(void);\n",
        "int PyEval_More(void);\nint rust_eh_personality(void);\nint smelly_name(void);\n",
        "no Rust symbol: rust_eh_personality\n",
    ),
    (
        "Python/eval.c",
        "int PyEval_Count(void) { return 2; }\n",
        "int PyEval_More(void) { return 2; }\nint PyEval_Hidden;\nint rust_eh_personality(void) { return 3; }\n\
         int smelly_name(void) { return 4; }\n",
        "exported symbols: PyEval_Count is gone; PyEval_Hidden is declared in no header\n",
    ),
    // Its name is one that the loader finds everywhere.
    (
        "Makefile.pre.in",
        "\t$(CC) -rdynamic -o $@",
        "\techo | $(CC) -shared -x c - -o libmore.so -Wl,-soname,$$PWD/libmore.so\n\
         \t$(CC) -rdynamic -Wl,--no-as-needed -o $@ libmore.so",
        "/libmore.so\n",
    ),
    (
        "Lib/driver.py",
        "MAGIC = 3571",
        "MAGIC = 3572",
        "version, magic, SOABI: magic number is 3572, not 3571\n",
    ),
    (
        "Lib/driver.py",
        "LACKS = None",
        "LACKS = 'ssl'",
        "modules: ssl cannot be imported: no ssl\n",
    ),
    (
        "Lib/driver.py",
        "os.__file__ = ",
        "os.__file__ = '/usr' + ",
        "prefix: /usr/",
    ),
    (
        "Lib/driver.py",
        "dont_write_bytecode = False",
        "dont_write_bytecode = True",
        "shared .pyc files: ",
    ),
    (
        "Lib/driver.py",
        "    os.symlink",
        "    sys.exit('no links')\n    os.symlink",
        "no links\n",
    ),
    (
        "Lib/driver.py",
        "        print(module, \"1.0 from\", library)",
        "        sys.exit(\"no pip\")",
        "ensurepip: -m ensurepip --version failed",
    ),
];

#[test]
fn each_difference_to_the_pristine_interpreter_is_found() {
    let fixture = Fixture::buildable();
    let edits: Vec<_> = DIFFERENCES
        .iter()
        .map(|&(path, old, new, _)| (path, old, new))
        .collect();
    fixture.add_patches(&[("Change everything", &edits)]);
    let ran = fixture
        .xtask(&["validate"])
        .fails(1)
        .says("11 of 11 checks do not hold");
    for (.., found) in DIFFERENCES {
        assert!(ran.err.contains(found), "no `{found}` in\n{}", ran.err);
    }
    assert!(ran.err.contains("why:   make smelly: "), "{}", ran.err);
    let failed = ran.out.lines().filter(|line| line.starts_with("FAILED "));
    assert_eq!(failed.count(), 11, "{}", ran.out);
}

#[test]
fn a_single_difference_is_the_only_one_that_is_named() {
    let fixture = Fixture::buildable();
    fixture.add_patches(&[(
        "Grow objects",
        &[(
            "Include/Python.h",
            "    long ob_refcnt;\n",
            "    long more, ob_refcnt;\n",
        )],
    )]);
    let ran = fixture
        .xtask(&["validate"])
        .fails(1)
        .says("1 of 11 checks do not hold")
        .says("struct _object has 24 bytes instead of 16");
    let failed: Vec<_> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("FAILED "))
        .collect();
    assert!(
        failed.len() == 1 && failed[0].contains("struct layouts"),
        "{failed:?}"
    );
}
