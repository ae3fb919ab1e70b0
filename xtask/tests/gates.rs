//! CPython's own checks in `export-patches --check`, with small tools that print what upstream's print.

mod support;

use support::Fixture;

const TOOLS: &[(&str, &str)] = &[
    (
        "Tools/patchcheck/patchcheck.py",
        r#"import os
SRCDIR = None
def corrected(paths):
    found = []
    for path in paths:
        path_here = os.path.join(SRCDIR, path)
        text = open(path_here).read()
        if "\t" in text:
            found.append(path)
            open(path_here, "w").write(text.expandtabs())
    return found
normalize_whitespace = normalize_c_whitespace = corrected
"#,
    ),
    ("Lib/_colorize.py", "colors = None\n"),
    (
        "Tools/check-c-api-docs/main.py",
        r#"import _colorize, sys
missing = [name for name in open("Include/x.h").read().split() if name not in open("Doc/c-api/x.rst").read()]
print("x.h", "BAD" if missing else "OK")
for name in missing:
    print("UNDOCUMENTED:", name)
sys.exit(bool(missing))
"#,
    ),
    ("Include/x.h", "PyX_Old\n"),
    ("Doc/c-api/x.rst", "X\n"),
    (
        "Tools/build/stable_abi.py",
        r#"import sys
assert sys.argv[1] == "Misc/stable_abi.toml", sys.argv
if open(sys.argv[1]).read() != open("PC/python3dll.c").read():
    print("File PC/python3dll.c differs from expected!")
    raise Exception("not generated")
"#,
    ),
    ("Misc/stable_abi.toml", "one\n"),
    ("PC/python3dll.c", "one\n"),
    (
        "Tools/clinic/clinic.py",
        r#"import sys
assert sys.argv[1] == "-f", sys.argv
for path in sys.argv[2:]:
    folder, name = path.split("/")
    open(f"{folder}/clinic/{name}.h", "w").write(open(path).read().replace("input", "output"))
"#,
    ),
    ("Python/made.c", "[clinic input]\nint a;\tint b;\n"),
    (
        "Python/clinic/made.c.h",
        "[clinic output]\nint a;\tint b;\n",
    ),
    (
        "configure",
        "#!/bin/sh\necho ran >> ../../configured\necho int > pyconfig.h\n",
    ),
    // Knows the types of pyconfig.h, and wants a header.
    (
        "Tools/c-analyzer/check-c-globals.py",
        r#"import sys
assert sys.argv[1:4] == ["--format", "summary", "--traceback"], sys.argv
assert "Include/x.h" in sys.argv, sys.argv
known = open("pyconfig.h").read().split()
print("analyzing files...\n..\nchecking analysis results...")
found = [(path, line) for path in sys.argv[4:] if path.endswith(".c")
         for line in open(path) if line.startswith("static ") and line.split()[1] in known]
for path, line in found:
    print(path, "-", line.split()[2].strip(";"), "not supported (mutable)", "static int", sep="\t")
print("-------------------------")
sys.exit(len(found))
"#,
    ),
    ("Python/globals.c", "static int old;\n"),
    ("Doc/conf.py", "\n"),
    // Where `python -m sphinx` finds it first. Wants to be asked for the page, and reads only what has no doctree.
    (
        "Doc/sphinx.py",
        r#"import os, sys
words = sys.argv[1:]
assert words[:4] == ["--builder", "dummy", "--nitpick", "--quiet"], words
out = open(words[words.index("--warning-file") + 1], "w")
pages = words[words.index("build/dummy") + 1:]
os.makedirs("build/doctrees", exist_ok=True)
for name in pages + ["other.rst"]:
    doctree = f"build/doctrees/{name[:-4]}.doctree"
    if os.path.exists(doctree):
        continue
    open(doctree, "w")
    for number, line in enumerate(open(name), 1):
        if "missing" in line:
            out.write(f"{os.path.abspath(name)}:{number}: WARNING: target not found: {line.strip()} [ref.ref]\n")
"#,
    ),
    ("Doc/page.rst", "an old missing\n"),
    ("Doc/other.rst", "another missing\n"),
];

/// As if pip had installed what builds the documentation.
const REQUIREMENTS: &str = "sphinx==1\n";

/// An upstream that has the tools, all of which pass but for what stands in its files already.
fn with_tools(change: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new();
    for (path, text) in TOOLS.iter().chain(change) {
        fixture.write(&format!("upstream/{path}"), text);
    }
    fixture.release("9.9.3");
    fixture.port("9.9", &["9.9.3"]);
    fixture.write("root/cpython-ports/9.9/docs/requirements.txt", REQUIREMENTS);
    fixture.write(
        "target/clinker/gates/docs-packages/clinker.json",
        "\"sphinx==1\\n\"",
    );
    fixture.xtask(&["fetch", "--all"]).ok();
    fixture
}

#[test]
fn what_a_topic_adds_is_found() {
    let fixture = with_tools(&[]);
    fixture.add_patches(&[
        (
            "Change everything",
            &[
                ("Lib/tabs.py", "", "if True:\n\tpass\n"),
                ("Include/x.h", "PyX_Old\n", "PyX_Old PyX_New\n"),
                ("Misc/stable_abi.toml", "one\n", "two\n"),
                ("Python/made.c", "int a;", "long a;"),
                ("Python/globals.c", "old;\n", "old;\nstatic int new;\n"),
                ("Doc/page.rst", "an old", "a new missing\nan old"),
            ],
        ),
        ("Change the name", &[("Lib/os.py", "posix", "nt")]),
    ]);
    let ran = fixture.xtask(&["export-patches", "--check"]).fails(1);
    for (path, gate) in [
        ("Lib/tabs.py", "patchcheck"),
        ("Include/x.h: PyX_New", "check-c-api-docs"),
        ("PC/python3dll.c", "limited-abi"),
        ("Python/clinic/made.c.h", "regen"),
        ("Python/globals.c: the global new is", "check-c-globals"),
        (
            "Doc/page.rst: the documentation's build says: target not found: a new missing",
            "docs-build",
        ),
    ] {
        let found: Vec<&str> = ran
            .out
            .lines()
            .filter(|line| line.ends_with(&format!("[{gate}]")))
            .collect();
        assert_eq!(found.len(), 1, "{gate}: {}", ran.out);
        assert!(found[0].contains(&format!("error: {path}")), "{}", found[0]);
    }
    let tabs = ran.out.lines().find(|line| line.ends_with("[patchcheck]"));
    assert!(
        tabs.is_some_and(|line| line.contains("change-everything.patch: ")),
        "{tabs:?}"
    );
    // Once for the pristine tree and the topics; and what is one tree is checked once.
    assert_eq!(fixture.read("target/clinker/configured"), "ran\n");
    let ran = ran.says("whole-series is what untitled is");

    // The pages are read anew, and nothing is configured again.
    let again = fixture.xtask(&["export-patches", "--check"]).fails(1);
    assert_eq!(again.out, ran.out);
    assert_eq!(fixture.read("target/clinker/configured"), "ran\n");
}

#[test]
fn what_takes_minutes_is_left_out_when_asked() {
    let fixture = with_tools(&[]);
    fixture.add_patches(&[(
        "Change everything",
        &[
            ("Lib/tabs.py", "", "if True:\n\tpass\n"),
            ("Python/globals.c", "old;\n", "old;\nstatic int new;\n"),
            ("Doc/page.rst", "an old", "a new missing\nan old"),
        ],
    )]);
    let ran = fixture
        .xtask(&["export-patches", "--check", "--quick"])
        .fails(1);
    assert!(ran.out.contains("[patchcheck]"), "{}", ran.out);
    for gate in ["check-c-globals", "docs-build"] {
        assert!(!ran.out.contains(&format!("[{gate}]")), "{}", ran.out);
    }
    assert!(!fixture.has("target/clinker/configured"));
}

#[test]
fn without_pyconfig_h_the_globals_cannot_be_checked() {
    let fixture = with_tools(&[("configure", "#!/bin/sh\nexit 1\n")]);
    fixture.add_patches(&[(
        "Change a global",
        &[("Python/globals.c", "old;\n", "old;\nstatic int new;\n")],
    )]);
    fixture
        .xtask(&["export-patches", "--check"])
        .fails(2)
        .says("CPython's configure made no pyconfig.h");
}

#[test]
fn what_the_pristine_tree_has_is_not_the_topics() {
    let fixture = with_tools(&[]);
    fixture.add_patches(&[(
        "Change what has tabs",
        &[
            ("Python/made.c", "int a;", "long a;"),
            ("Python/clinic/made.c.h", "int a;", "long a;"),
            (
                "Python/globals.c",
                "static int old;\n",
                "static int old;\n\n",
            ),
            ("Doc/page.rst", "an old", "all right\nan old"),
        ],
    )]);
    let ran = fixture.xtask(&["export-patches", "--check"]);
    for gate in [
        "patchcheck",
        "check-c-api-docs",
        "limited-abi",
        "regen",
        "check-c-globals",
        "docs-build",
    ] {
        assert!(!ran.out.contains(&format!("[{gate}]")), "{}", ran.out);
        assert!(!ran.err.contains(&format!("{gate} on ")), "{}", ran.err);
    }
}

#[test]
fn a_tool_that_breaks_is_an_error() {
    let fixture = with_tools(&[(
        "Tools/build/stable_abi.py",
        "raise Exception('no manifest')\n",
    )]);
    fixture.add_patches(&[support::COUNT_STEPS]);
    fixture
        .xtask(&["export-patches", "--check"])
        .fails(1)
        .says("failed without saying what to correct")
        .says("Exception: no manifest");
}

#[test]
fn a_release_without_a_tool_is_told() {
    let fixture = Fixture::with_series();
    fixture
        .xtask(&["export-patches", "--check"])
        .says("check-c-api-docs on untitled: there is no Tools/check-c-api-docs/main.py");
}
