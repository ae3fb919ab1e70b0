//! `Tools/patchcheck/patchcheck.py`: the whitespace of the files that a topic touches, as upstream's CI asks for.
//!
//! Its own command compares with a remote of git; the functions that it calls do not. What else it looks at (NEWS, what
//! configure is made from) is what the lints look at.

use super::{Complaint, Gate, Sources, Time};
use crate::error::Result;

pub const GATE: Gate = Gate {
    name: "patchcheck",
    tool: "Tools/patchcheck/patchcheck.py",
    time: Time::Seconds,
    run,
};

/// Begins the lines that name a file.
const MARK: &str = "to correct: ";

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let files = sources.changed(|path| [".py", ".c", ".h"].iter().any(|end| path.ends_with(end)));
    let mut words = vec!["-c", include_str!("patchcheck.py"), MARK];
    words.extend(files);
    let output = sources.python(&words)?;
    if !output.status.success() {
        return Err(sources.broken(GATE.tool, output));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let paths = text.lines().filter_map(|line| line.strip_prefix(MARK));
    let complaints = paths.map(|path| Complaint {
        path: path.to_owned(),
        message: "its whitespace is not as `make patchcheck` makes it: tabs, spaces at the end of lines, or no last line end".into(),
    });
    Ok(complaints.collect())
}
