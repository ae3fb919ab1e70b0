//! Builds a part of the series and runs the tests that some of its patches bring.

use crate::build::logged::Log;
use crate::build::{Request, build, key};
use crate::error::Result;
use crate::files::write_atomically;
use crate::lock::Lock;
use crate::series::Patch;
use crate::ui;
use crate::workspace::Workspace;
use std::collections::BTreeSet;
use std::process::Command;

/// Builds what is asked for, called `name`, and runs the tests of `patches`, unless just that has passed before.
///
/// # Errors
/// When it does not build or a test fails.
pub fn build_and_test(
    workspace: &Workspace,
    request: &Request,
    name: &str,
    patches: &[Patch],
) -> Result<()> {
    let tests = Tests::of(patches);
    let folder = workspace.output().join("each");
    // The tests are part of what is built; which of them belong to the patches is not.
    let passed = folder.join(format!("{name}-{}", key(workspace, request)?));
    let words = tests.words().join(" ");
    if std::fs::read_to_string(&passed).is_ok_and(|kept| kept == words) {
        ui::say("Passed", format_args!("{name} (kept)"));
        return Ok(());
    }
    let built = build(workspace, request)?;
    if tests.names.is_empty() {
        ui::say("Tested", format_args!("{name}: it brings no tests"));
    } else {
        let _lock = Lock::take(&folder.join("tests.lock"))?;
        let mut log = Log::start(workspace.log(&format!("each-{name}")))?;
        let mut command = Command::new(&built.python);
        command.current_dir(&folder).args(["-m", "test"]);
        command.args(tests.words());
        command.envs(&built.environment);
        let names: Vec<_> = tests.names.iter().map(String::as_str).collect();
        log.run("Testing", &names.join(", "), &mut command)?;
    }
    write_atomically(&passed, words.as_bytes())
}

/// What `python -m test` is to run for some patches.
struct Tests {
    /// Test modules and packages right under `Lib/test`.
    names: BTreeSet<String>,
    /// Which of their tests: those of the modules the patches touch.
    patterns: BTreeSet<String>,
}

impl Tests {
    /// Arguments of `python -m test`.
    fn words(&self) -> Vec<&str> {
        let patterns = self
            .patterns
            .iter()
            .flat_map(|pattern| ["--match", pattern]);
        patterns
            .chain(self.names.iter().map(String::as_str))
            .collect()
    }

    fn of(patches: &[Patch]) -> Self {
        let mut tests = Self {
            names: BTreeSet::new(),
            patterns: BTreeSet::new(),
        };
        let files = patches.iter().flat_map(|patch| &patch.files);
        let touched = files.filter_map(|file| file.new.as_deref());
        for path in touched {
            let module = path
                .strip_prefix("Lib/test/")
                .and_then(|path| path.strip_suffix(".py"));
            let Some(module) = module else { continue };
            let parts: Vec<&str> = module.split('/').collect();
            let is_test = |part: &&str| part.starts_with("test_");
            if parts.iter().all(is_test) {
                tests.names.insert(parts[0].to_owned());
                tests.patterns.insert(format!("test.{}.*", parts.join(".")));
            }
        }
        tests
    }
}

#[cfg(test)]
mod tests {
    use super::Tests;
    use crate::series::Patch;
    use std::path::Path;

    #[test]
    fn tests_that_a_patch_touches_are_found_and_helpers_are_not() {
        let mut mail = "From: A <a@example.org>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH] x\n\n---\n".to_owned();
        for path in [
            "Lib/test/test_code.py",
            "Lib/test/test_capi/test_eval.py",
            "Lib/test/support/x.py",
            "Lib/os.py",
        ] {
            mail += &format!(
                "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
            );
        }
        let patch = Patch::parse("x", Path::new("x.patch"), mail.into_bytes()).expect("a patch");
        let tests = Tests::of(&[patch]);
        assert_eq!(Vec::from_iter(tests.names), ["test_capi", "test_code"]);
        assert_eq!(
            Vec::from_iter(tests.patterns),
            ["test.test_capi.test_eval.*", "test.test_code.*"]
        );
    }
}
