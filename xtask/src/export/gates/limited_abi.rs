//! `Tools/build/stable_abi.py`: what is made of `Misc/stable_abi.toml` is up to date, and the manifest is sound.
//!
//! That is `make check-limited-abi` but for its comparison with a built interpreter.

use super::{Complaint, Gate, Sources, Time};
use crate::error::Result;

pub const GATE: Gate = Gate {
    name: "limited-abi",
    tool: "Tools/build/stable_abi.py",
    time: Time::Seconds,
    run,
};

/// Every file that it makes, under its usual name.
const FILES: [&str; 4] = [
    "--python3dll",
    "--doc-list",
    "--ctypes-test",
    "--testcapi-feature-macros",
];

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let mut words = vec![GATE.tool, "Misc/stable_abi.toml"];
    words.extend(FILES);
    let output = sources.python(&words)?;
    let complaints = read(&String::from_utf8_lossy(&output.stdout));
    if output.status.success() != complaints.is_empty() {
        return Err(sources.broken(GATE.tool, output));
    }
    Ok(complaints)
}

fn read(text: &str) -> Vec<Complaint> {
    let paths = text.lines().filter_map(|line| {
        line.strip_prefix("File ")?
            .strip_suffix(" differs from expected!")
    });
    let complaints = paths.map(|path| Complaint {
        path: path.to_owned(),
        message: "it is not what Misc/stable_abi.toml makes of it: run `make regen-limited-abi`"
            .into(),
    });
    complaints.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_are_named() {
        let text = "File PC/python3dll.c differs from expected!\n--- PC/python3dll.c\n+++ <expected>\n-File x\n";
        let found = read(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "PC/python3dll.c");
        assert!(read("").is_empty());
    }
}
