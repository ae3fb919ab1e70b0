//! An upstream that can be built, in `upstream/`: a configure script, a Makefile and a C program that lets the machine's
//! Python play the interpreter; and a package that is linked into it as the archive.

use super::{Commit, Fixture, Ran};
use std::path::{Path, PathBuf};

const FILES: &[(&str, &str)] = &[
    ("configure", include_str!("upstream/configure")),
    ("Makefile.pre.in", include_str!("upstream/Makefile.pre.in")),
    (
        "Include/Python.h",
        include_str!("upstream/Include/Python.h"),
    ),
    ("Lib/driver.py", include_str!("upstream/Lib/driver.py")),
    (
        "Modules/expat/expat.h",
        include_str!("upstream/Modules/expat/expat.h"),
    ),
    (
        "Programs/python.c",
        include_str!("upstream/Programs/python.c"),
    ),
    ("Python/eval.c", include_str!("upstream/Python/eval.c")),
    ("Tools/fault.sh", include_str!("upstream/Tools/fault.sh")),
    ("LICENSE", "May be used in tests.\n"),
];

impl Fixture {
    /// A fixture with one release that can be built, and a series of one patch.
    pub fn buildable() -> Self {
        let fixture = Self::new();
        for (path, text) in FILES {
            fixture.write(&format!("upstream/{path}"), text);
        }
        fixture.release("9.9.4");
        fixture.port("9.9", &["9.9.4"]);
        fixture.xtask(&["fetch"]).ok();
        fixture.add_patches(&[(
            "Count twice",
            &[("Python/eval.c", "return 1;", "return 2;")],
        )]);
        fixture
    }

    /// Adds the commits of [`Fixture::author`] to the series.
    pub fn add_patches(&self, commits: &[Commit]) {
        let from = self.author(commits);
        self.xtask(&["patch", "refresh", "--from", from.to_str().expect("UTF-8")])
            .ok();
    }

    /// Adds the package of an archive whose init function returns `number`.
    pub fn archive(&self, number: u32) {
        self.write(
            "root/Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"counter\"]\n\n[profile.archive]\ninherits = \"release\"\n",
        );
        self.write(
            "root/counter/Cargo.toml",
            "[package]\nname = \"counter\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[lib]\ncrate-type = [\"staticlib\"]\n",
        );
        self.write(
            "root/counter/src/lib.rs",
            &format!(
                "#[no_mangle]\npub extern \"C\" fn PyInit__jit() -> u32 {{\n    counter_helper() + {number}\n}}\n\n\
                 #[no_mangle]\n#[inline(never)]\npub extern \"C\" fn counter_helper() -> u32 {{\n    \
                 std::hint::black_box(Vec::<u8>::new()).len() as u32\n}}\n"
            ),
        );
        let port = "root/cpython-ports/9.9/port.toml";
        if !self.read(port).contains("archive = ") {
            self.replace(port, "\n[abi]", "archive = \"counter\"\n\n[abi]");
        }
    }

    /// Runs the interpreter with these arguments, through `run`.
    pub fn run_python(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["run", "--port", "9.9", "--"], arguments].concat())
    }

    /// The objects that were compiled since the last call, in the order of their names.
    pub fn compiled(&self) -> Vec<String> {
        let file = self.build_tree().join("compiled");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if file.exists() {
            std::fs::remove_file(&file).expect("removing a file");
        }
        let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// What the interpreter in the prefix prints when it is given this code; xtask is not run.
    #[track_caller]
    pub fn python(&self, code: &str) -> String {
        let mut command = std::process::Command::new(self.prefix().join("bin/python3"));
        self.environment(&mut command);
        let output = command.args(["-I", "-c", code]).output();
        super::ran(&output.expect("running the interpreter"))
            .ok()
            .out
    }

    /// The build tree of the default build.
    pub fn build_tree(&self) -> PathBuf {
        self.output().join("build/9.9.4-dev")
    }

    /// The prefix of the default build.
    pub fn prefix(&self) -> PathBuf {
        self.output().join("9.9.4-dev")
    }

    /// Runs `build` in which the step that makes `target` waits, half done, and kills xtask and all it has started.
    pub fn build_killed_at(&self, target: &str) {
        let child = self.build_that_hangs_at(target);
        kill(9, &format!("-{}", child.id()));
        let output = child.wait_with_output().expect("waiting");
        assert!(!output.status.success());
        std::fs::remove_file(self.flag()).expect("the flag");
    }

    /// Starts `build`, in a process group of its own, and returns when the step that makes `target` has done half of it
    /// and waits as long as [`Fixture::flag`] is there.
    pub fn build_that_hangs_at(&self, target: &str) -> std::process::Child {
        let mut command = self.command();
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .args(["build", "--port", "9.9"])
            .env("FAULT", format!("hang:{target}"))
            .env("FAULT_FLAG", self.flag())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("running xtask");
        let start = std::time::Instant::now();
        while !self.flag().exists() {
            let ended = child.try_wait().expect("looking after xtask");
            assert!(
                ended.is_none(),
                "the build ended before it came to {target}"
            );
            assert!(
                start.elapsed().as_secs() < 60,
                "the build never came to {target}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        child
    }

    /// The file that says that a step waits.
    pub fn flag(&self) -> PathBuf {
        self.path().join("waits")
    }

    /// Runs `build` in which writing `target` fails as on a full disk.
    pub fn build_on_a_full_disk(&self, target: &str) -> Ran {
        let mut command = self.command();
        command
            .args(["build", "--port", "9.9"])
            .env("FAULT", format!("full:{target}"));
        super::ran(&command.output().expect("running xtask"))
    }

    /// A folder with links to the commands that a build may use, without those in `missing`, and with programs that do
    /// nothing under the names in `stubs`: a PATH.
    pub fn tools_without(&self, missing: &[&str], stubs: &[&str]) -> PathBuf {
        let folder = self.path().join("tools");
        std::fs::create_dir(&folder).expect("a folder");
        let path = std::env::var_os("PATH").expect("PATH");
        for name in [
            "sh", "env", "bash", "gcc", "cc", "make", "ar", "as", "ld", "objcopy", "cargo",
            "rustc", "git", "python3", "sed", "df",
        ] {
            let found = std::env::split_paths(&path)
                .map(|folder| folder.join(name))
                .find(|file| file.is_file());
            if let (Some(found), false) = (found, missing.contains(&name)) {
                std::os::unix::fs::symlink(found, folder.join(name)).expect("a link");
            }
        }
        for name in stubs {
            self.write(&format!("tools/{name}"), "#!/bin/sh\n");
            executable(&folder.join(name));
        }
        folder
    }
}

/// Sends a signal to a process, or to the process group whose number has a minus before it.
pub fn kill(signal: u32, process: &str) {
    let command = format!("kill -{signal} {process}");
    let status = std::process::Command::new("sh")
        .args(["-c", &command])
        .status();
    assert!(status.expect("running sh").success(), "{command}");
}

/// Lets a file be run.
pub fn executable(file: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(file, mode).expect("making a file executable");
}
