//! `make clinic regen-frozen`: what upstream makes of changed sources is up to date, also what the port does not generate.
//!
//! The files that the port generates are made anew with each patch and checked by `cargo xtask check`.

use super::{Complaint, Gate, Sources, Time};
use crate::error::{Context, Result};
use crate::git::LINK;
use git2::{ObjectType, Oid};

pub const GATE: Gate = Gate {
    name: "regen",
    tool: "Tools/clinic/clinic.py",
    time: Time::Seconds,
    run,
};

const FROZEN: &str = "Tools/build/freeze_modules.py";

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let mut inputs = Vec::new();
    for path in sources.changed(|path| path.ends_with(".c") || path.ends_with(".h")) {
        let file = sources.folder.join(path);
        let text = std::fs::read(&file).doing("read", &file)?;
        if String::from_utf8_lossy(&text).contains("[clinic input]") {
            inputs.push(path);
        }
    }
    if !inputs.is_empty() {
        // With -f it also writes over what somebody edited.
        let mut words = vec![GATE.tool, "-f"];
        words.extend(inputs);
        made(sources, &words)?;
    }
    if sources.files.contains_key(FROZEN) {
        made(sources, &[FROZEN, "--frozen-modules"])?;
    }
    let mut complaints = Vec::new();
    for (path, entry) in sources.files {
        if entry.mode == LINK {
            continue;
        }
        let file = sources.folder.join(path);
        let bytes = std::fs::read(&file).doing("read", &file)?;
        if Oid::hash_object(ObjectType::Blob, &bytes).doing("hash", &file)? != entry.id {
            complaints.push(Complaint {
                path: path.clone(),
                message: "it is not up to date: run `make clinic regen-frozen`".into(),
            });
        }
    }
    Ok(complaints)
}

fn made(sources: &Sources, words: &[&str]) -> Result<()> {
    let output = sources.python(words)?;
    if output.status.success() {
        return Ok(());
    }
    Err(sources.broken(words[0], output))
}
