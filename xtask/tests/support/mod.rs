//! A small fake upstream, a port for it that is nothing but data, and a repository in which xtask is run.

// Each test binary uses its own part of this.
#![allow(dead_code, missing_docs)]

pub mod buildable;

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A repository with ports, and the upstream it takes sources from.
pub struct Fixture {
    folder: TempDir,
}

/// Subject of a commit, and its edits: path, old text, new text.
pub type Commit<'a> = (&'a str, &'a [(&'a str, &'a str, &'a str)]);

/// What a run of xtask left.
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(
            self.status, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub fn fails(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(
            self.out.contains(text),
            "no `{text}` in stdout:\n{}",
            self.out
        );
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "no `{text}` in stderr:\n{}",
            self.err
        );
        self
    }
}

/// Lines `1` to `count` of a C function, so that changes have context.
pub fn lines(count: usize) -> String {
    let mut text = String::new();
    for line in 1..=count {
        writeln!(text, "    step({line});").expect("writing to a string");
    }
    text
}

/// A patch of the evaluation loop.
pub const COUNT_STEPS: Commit = (
    "Count steps",
    &[(
        "Python/ceval.c",
        "    step(20);\n",
        "    count();\n    step(20);\n",
    )],
);

/// A patch that changes a line which [`COUNT_STEPS`] makes.
pub const COUNT_TWICE: Commit = (
    "Count twice",
    &[(
        "Python/ceval.c",
        "    count();\n",
        "    count();\n    count();\n",
    )],
);

/// A patch that touches nothing which the others do.
pub const REPORT_IMPORTS: Commit = (
    "Report imports",
    &[
        (
            "Python/import.c",
            "    step(10);\n",
            "    report();\n    step(10);\n",
        ),
        ("Lib/report.py", "", "count = 0\n"),
    ],
);

const GENERATOR: &str = r##"import re
with open("Python/bytecodes.c") as source, open("Include/opcode_ids.h", "w") as header:
    header.write("/* made by Tools/ids.py */\n")
    for number, name in enumerate(re.findall(r"inst\((\w+)", source.read())):
        header.write(f"#define {name} {number}\n")
"##;

impl Fixture {
    /// An upstream with the tags v9.9.1 and v9.9.2, and the port 9.9 for it. No sources are fetched yet.
    pub fn new() -> Self {
        let fixture = Self {
            folder: tempfile::Builder::new()
                .prefix("clinker-test-")
                .tempdir()
                .expect("a folder"),
        };
        fixture.write(
            "home/.gitconfig",
            "[user]\nname = A. Tester\nemail = tester@example.org\n",
        );
        let upstream = fixture.upstream();
        fixture.git(
            fixture.path(),
            &["init", "--quiet", "--initial-branch=main", "upstream"],
        );
        fixture.write(
            "upstream/Python/ceval.c",
            &format!("void eval(void)\n{{\n{}}}\n", lines(40)),
        );
        fixture.write(
            "upstream/Python/import.c",
            &format!("void import(void)\n{{\n{}}}\n", lines(20)),
        );
        fixture.write(
            "upstream/Python/bytecodes.c",
            "inst(NOP)\ninst(POP_TOP)\ninst(RETURN)\n",
        );
        fixture.write(
            "upstream/Include/opcode_ids.h",
            "/* made by Tools/ids.py */\n#define NOP 0\n#define POP_TOP 1\n#define RETURN 2\n",
        );
        fixture.write("upstream/Tools/ids.py", GENERATOR);
        fixture.write("upstream/Lib/os.py", "name = 'posix'\n");
        fixture.write("upstream/PCbuild/build.bat", "echo build\n");
        fixture.write("upstream/Lib/crlf.txt", "one\r\ntwo\r\nthree\r\n");
        fixture.write("upstream/configure", "#!/bin/sh\nexit 0\n");
        let configure = upstream.join("configure");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(configure, executable).expect("making a file executable");
        fixture.release("9.9.1");
        let changed = fixture
            .read("upstream/Python/ceval.c")
            .replace("    step(5);\n", "    step(5);\n    added_upstream();\n");
        fixture.write("upstream/Python/ceval.c", &changed);
        fixture.release("9.9.2");
        fixture.port("9.9", &["9.9.2", "9.9.1"]);
        fixture
    }

    /// A fixture whose object database has both releases.
    pub fn fetched() -> Self {
        let fixture = Self::new();
        fixture.xtask(&["fetch", "--all"]).ok();
        fixture
    }

    /// Commits what is in the upstream's folder as a release.
    pub fn release(&self, version: &str) {
        let upstream = self.upstream();
        self.git(&upstream, &["add", "--all"]);
        self.git(
            &upstream,
            &[
                "commit",
                "--quiet",
                "--allow-empty",
                "-m",
                &format!("Release {version}"),
            ],
        );
        self.git(&upstream, &["tag", &format!("v{version}")]);
    }

    /// Writes the description of a port: nothing else is needed for one.
    pub fn port(&self, name: &str, releases: &[&str]) {
        let mut text = format!(
            "name = \"{name}\"\nseries = \"patches/{name}\"\n\n[abi]\npyc-magic = 3571\nsoabi = \"cpython-99\"\n\n\
             [normalize]\nlf = [\"**/*.bat\"]\nabsent = [\".git*\"]\n"
        );
        for version in releases {
            let tree = self.git(
                &self.upstream(),
                &["rev-parse", &format!("v{version}^{{tree}}")],
            );
            write!(
                text,
                "\n[[release]]\nversion = \"{version}\"\nversion-hex = 0x09090200\ntree = \"{tree}\"\n\
                 sha256 = \"{}\"\ngit = {{ remote = \"{}\", tag = \"v{version}\" }}\n",
                "0".repeat(64),
                self.upstream().display()
            )
            .expect("writing to a string");
        }
        text += "\n[profile.dev]\nabout = \"for tests\"\nconfigure = []\n\n[[generated]]\nfiles = [\"Include/opcode_ids.h\"]\n\
                 inputs = [\"Python/bytecodes.c\", \"Tools/ids.py\"]\ncommand = [\"{python}\", \"Tools/ids.py\"]\n";
        self.write(&format!("root/cpython-ports/{name}/port.toml"), &text);
        self.covers(name, &["untitled", "whole-series"]);
    }

    /// Writes the cover letters of a port's topics.
    pub fn covers(&self, port: &str, topics: &[&str]) {
        for topic in topics {
            let mut text = format!("# About {topic}\n");
            for part in [
                "Problem",
                "Design",
                "Alternatives",
                "Tests",
                "Documentation",
                "NEWS",
                "Compatibility",
            ] {
                write!(text, "\n## {part}\n\nThe {part} of {topic}.\n")
                    .expect("writing to a string");
            }
            self.write(&format!("root/patches/{port}/covers/{topic}.md"), &text);
        }
    }

    /// Folder of everything.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Folder of the fake upstream's repository.
    pub fn upstream(&self) -> PathBuf {
        self.path().join("upstream")
    }

    /// Folder in which xtask makes things.
    pub fn output(&self) -> PathBuf {
        self.path().join("target/clinker")
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        let file = self.path().join(path);
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("making a folder");
        std::fs::write(&file, text).expect("writing a file");
    }

    /// Writes a file in which `old` is replaced by `new`.
    #[track_caller]
    pub fn replace(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "no `{old}` in {path}:\n{text}");
        self.write(path, &text.replacen(old, new, 1));
    }

    /// Whether a file is there.
    pub fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    /// xtask in the repository, without arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        self.environment(&mut command);
        command
            .env("CLINKER_ROOT", self.path().join("root"))
            .env("CLINKER_CACHE", self.path().join("cache"))
            .env("CARGO_TARGET_DIR", self.path().join("target"))
            .current_dir(self.path().join("root"));
        command
    }

    /// Runs xtask for the port 9.9.
    pub fn xtask(&self, arguments: &[&str]) -> Ran {
        self.xtask_for("9.9", arguments)
    }

    /// Runs xtask for a port.
    pub fn xtask_for(&self, port: &str, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--port", port]].concat())
    }

    /// Runs xtask with these arguments and no others.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command().args(arguments).output();
        ran(&output.expect("running xtask"))
    }

    /// Runs git in a folder and returns what it printed.
    #[track_caller]
    pub fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        self.environment(&mut command);
        let output = command
            .current_dir(folder)
            .args(arguments)
            .output()
            .expect("running git");
        let ran = ran(&output);
        assert_eq!(ran.status, 0, "git {arguments:?}:\n{}{}", ran.out, ran.err);
        ran.out.trim_end().to_owned()
    }

    fn environment(&self, command: &mut Command) {
        let home = self.path().join("home");
        command
            .env("HOME", &home)
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE");
        command.env("PATH", search_path());
        // Cargo and rustc are those of the user who runs the tests, whose home is not that of the fixture.
        for (variable, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
            if std::env::var_os(variable).is_none()
                && let Some(home) = std::env::home_dir()
            {
                command.env(variable, home.join(folder));
            }
        }
        // Flags and tools of the user's own would be part of each build.
        for variable in [
            "CC",
            "CFLAGS",
            "CPPFLAGS",
            "LDFLAGS",
            "LIBS",
            "MAKEFLAGS",
            "FAULT",
        ] {
            command.env_remove(variable);
        }
    }

    /// A git repository with commits on top of 9.9.2: each has a subject and edits (path, old, new); an empty `old`
    /// makes the file.
    pub fn author(&self, commits: &[Commit]) -> PathBuf {
        let folder = self.path().join("author");
        if !folder.exists() {
            self.git(self.path(), &["clone", "--quiet", "upstream", "author"]);
        }
        for (subject, edits) in commits {
            for (path, old, new) in *edits {
                let path = format!("author/{path}");
                if old.is_empty() {
                    self.write(&path, new);
                } else {
                    self.replace(&path, old, new);
                }
            }
            self.git(&folder, &["add", "--all"]);
            self.git(&folder, &["commit", "--quiet", "-m", &message(subject)]);
        }
        folder
    }

    /// Makes patches of the commits of [`Fixture::author`], and adds them to the series.
    #[track_caller]
    pub fn add_patches(&self, commits: &[Commit]) {
        self.take_patches(commits).ok();
    }

    /// Runs the command that adds the commits of [`Fixture::author`] to the series.
    pub fn take_patches(&self, commits: &[Commit]) -> Ran {
        let from = self.author(commits);
        self.xtask(&["patch", "refresh", "--from", from.to_str().expect("UTF-8")])
    }

    /// A fetched fixture with a series of three patches.
    pub fn with_series() -> Self {
        let fixture = Self::fetched();
        fixture.add_patches(&[
            COUNT_STEPS,
            (
                "Add an instruction",
                &[(
                    "Python/bytecodes.c",
                    "inst(RETURN)\n",
                    "inst(COUNT)\ninst(RETURN)\n",
                )],
            ),
            REPORT_IMPORTS,
        ]);
        fixture
    }
}

/// The PATH of the user who runs the tests, with the folder of `python3` itself first: what stands in the PATH may be a
/// script that looks for the right one, each time.
pub fn search_path() -> &'static OsString {
    static PATH: OnceLock<OsString> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var_os("PATH").expect("PATH");
        let output = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output()
            .expect("running python3");
        let python = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
        let first = python
            .parent()
            .filter(|folder| folder.join("python3").exists());
        let folders = first.map(Path::to_owned).into_iter();
        std::env::join_paths(folders.chain(std::env::split_paths(&path))).expect("a PATH")
    })
}

/// A message with valid trailers.
pub fn message(subject: &str) -> String {
    format!(
        "{subject}\n\nWhy it is done.\n\nUpstream-Status: Pending\nArea: eval\nNews: none [only a test]\n"
    )
}

pub fn ran(output: &Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
