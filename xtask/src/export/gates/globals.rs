//! `make check-c-globals`: no C file that a topic touches has a global that can change and is not listed.
//!
//! The tool preprocesses what it is given and needs `pyconfig.h` for that, but nothing that is built. The types of
//! variables are known to it only from files that it is given too: so it gets all internal and public headers besides.

use super::{Complaint, Gate, Sources, Time};
use crate::build::identity;
use crate::error::{Context, Failure, Result};
use crate::git::beside;
use crate::process;
use std::path::Path;
use std::process::Command;

pub const GATE: Gate = Gate {
    name: "check-c-globals",
    tool: "Tools/c-analyzer/check-c-globals.py",
    time: Time::Minutes,
    run,
};

/// Folders of the C files that the tool looks at when it is given none.
const FOLDERS: [&str; 4] = ["Modules/", "Objects/", "Parser/", "Python/"];
/// Folders of the headers that it looks at, without those below.
const HEADERS: [&str; 2] = ["Include", "Include/internal"];
/// What `pyconfig.h` is made of.
const CONFIGURE: [&str; 2] = ["configure", "pyconfig.h.in"];

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let files = sources.changed(|path| {
        path.ends_with(".c") && FOLDERS.iter().any(|folder| path.starts_with(folder))
    });
    if files.is_empty() {
        return Ok(Vec::new());
    }
    configure(sources)?;
    let headers = sources.files.keys().map(String::as_str).filter(|path| {
        path.ends_with(".h")
            && path
                .rsplit_once('/')
                .is_some_and(|(folder, _)| HEADERS.contains(&folder))
    });
    let mut words = vec![GATE.tool, "--format", "summary", "--traceback"];
    words.extend(headers);
    words.extend(files);
    let output = sources.python(&words)?;
    let complaints = read(&String::from_utf8_lossy(&output.stdout));
    if output.status.success() != complaints.is_empty() {
        return Err(sources.broken(GATE.tool, output));
    }
    Ok(complaints)
}

/// Puts `pyconfig.h` into the sources. It is made once for the trees that have the same configure.
fn configure(sources: &Sources) -> Result<()> {
    let folder = beside(sources.folder, "configure");
    let record = folder.join("clinker.json");
    let made = folder.join("pyconfig.h");
    let blob = |path: &&str| sources.files.get(*path).map(|entry| entry.id.to_string());
    let inputs: Vec<String> = CONFIGURE.iter().filter_map(blob).collect();
    if identity::read::<Vec<String>>(&record).as_ref() != Some(&inputs) {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
        }
        std::fs::create_dir_all(&folder).doing("make a folder", &folder)?;
        let script = std::path::absolute(sources.folder.join("configure"))
            .doing("find", Path::new("configure"))?;
        let log = sources.workspace.log("gates-configure");
        let mut command = Command::new(script);
        let finished = process::run(command.current_dir(&folder), &log, |_| {})?;
        if !finished.status.success() || !made.exists() {
            return Err(
                Failure::environment("CPython's configure made no pyconfig.h")
                    .at(folder.display())
                    .because(finished.status)
                    .next("`cargo xtask doctor` says what is missing on this machine")
                    .log(log),
            );
        }
        identity::write(&record, &inputs)?;
    }
    let wanted = sources.folder.join("pyconfig.h");
    std::fs::copy(&made, &wanted).doing("write", &wanted)?;
    Ok(())
}

/// The variables that the tool names, one a line: file, function, name, what is wrong and type.
fn read(text: &str) -> Vec<Complaint> {
    let results = text
        .split_once("checking analysis results...")
        .map_or("", |(_, results)| results);
    let mut complaints = Vec::new();
    for line in results.lines() {
        let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [path, function, name, wrong, _] = columns[..] else {
            continue;
        };
        let place = if function == "-" {
            String::new()
        } else {
            format!(" of {function}()")
        };
        complaints.push(Complaint {
            path: path.to_owned(),
            message: format!(
                "the global {name}{place} is {wrong}: keep it in the runtime, interpreter or module state, make it const, \
                 or list it with the reason in Tools/c-analyzer/cpython/ignored.tsv"
            ),
        });
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_with_their_function() {
        let text = "analyzing files...\n..... .\nchecking analysis results...\n\
            Python/x.c    \t-   \tcount  \tnot supported (mutable)  \tstatic int\n\
            Python/x.c    \tf   \tinner  \tnot supported (mutable)  \tstatic int\n\
            -------------------------\ntotal failures: 2\ndone checking\nCategorized by storage:\n\n\
            static-local\n  Python/x.c   \tf  \tinner\nsubtotal: 1\n";
        let found = read(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path, "Python/x.c");
        assert!(
            found[0]
                .message
                .starts_with("the global count is not supported (mutable): ")
        );
        assert!(
            found[1]
                .message
                .starts_with("the global inner of f() is not supported")
        );
        assert!(read("checking analysis results...\n").is_empty());
    }
}
