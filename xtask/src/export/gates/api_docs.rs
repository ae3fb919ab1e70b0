//! `make check-c-api-docs`: every public name of the headers is in Doc/c-api or on the tool's list.

use super::{Complaint, Gate, Sources, Time};
use crate::error::Result;

pub const GATE: Gate = Gate {
    name: "check-c-api-docs",
    tool: "Tools/check-c-api-docs/main.py",
    time: Time::Seconds,
    run,
};

/// The tool wants a module of its own tree's Lib, all of which the machine's Python could not use.
const SCRIPT: &str = "
import importlib.util, runpy, sys
spec = importlib.util.spec_from_file_location('_colorize', 'Lib/_colorize.py')
module = sys.modules['_colorize'] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
runpy.run_path(sys.argv[1], run_name='__main__')
";

fn run(sources: &Sources) -> Result<Vec<Complaint>> {
    let output = sources.python(&["-c", SCRIPT, GATE.tool])?;
    let complaints = read(&String::from_utf8_lossy(&output.stdout));
    if output.status.success() != complaints.is_empty() {
        return Err(sources.broken(GATE.tool, output));
    }
    Ok(complaints)
}

/// Names stand under the header they are in, which ends in `BAD`.
fn read(text: &str) -> Vec<Complaint> {
    let mut header = "";
    let mut complaints = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(" BAD") {
            header = name;
        }
        let message = if let Some(name) = line.strip_prefix("UNDOCUMENTED: ") {
            format!(
                "{name} is public and not in Doc/c-api: document it, or give it a leading underscore"
            )
        } else if let Some(name) = line.strip_prefix("DOCUMENTED BUT IGNORED: ") {
            format!("{name} is documented: take it out of Tools/check-c-api-docs/ignored_c_api.txt")
        } else {
            continue;
        };
        complaints.push(Complaint {
            path: format!("Include/{header}"),
            message,
        });
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_belong_to_the_header_above_them() {
        let text = "Got 2 names!\nobject.h OK\ncpython/x.h BAD\nUNDOCUMENTED: PyX_New\n\
                    DOCUMENTED BUT IGNORED: PyX_Old\nlist.h OK\n-- 1 missing C API --\n - PyX_New\n";
        let found: Vec<String> = read(text)
            .into_iter()
            .map(|complaint| format!("{} {}", complaint.path, complaint.message))
            .collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("Include/cpython/x.h PyX_New is public"));
        assert!(found[1].starts_with("Include/cpython/x.h PyX_Old is documented"));
    }
}
