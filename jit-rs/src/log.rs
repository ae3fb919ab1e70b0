//! The file of `log=`: a line for each place that is compiled, written before its machine code can run.
//!
//! So a run that crashes tells what it had compiled, and a line can be given to `allow=` and `deny=`. Processes share the file.

use crate::profile::Place;
use rustc_hash::FxHashSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// An open log.
#[derive(Debug)]
pub struct Log {
    /// None after an error: it is told once.
    file: Option<File>,
    known: FxHashSet<Place>,
}

impl Log {
    /// Opens a file to append to.
    ///
    /// # Errors
    /// A message for the user if that is not possible.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::options().append(true).create(true).open(path);
        let file = file
            .map_err(|error| format!("-X jit: log=: cannot write {}: {error}", path.display()))?;
        Ok(Self {
            file: Some(file),
            known: FxHashSet::default(),
        })
    }

    /// Writes a place, unless it has been written.
    pub fn add(&mut self, place: &Place) {
        let Some(file) = &mut self.file else {
            return;
        };
        if self.known.contains(place) {
            return;
        }
        // One write, so that lines of several processes do not mix.
        let line = format!("{}:{}:{}\n", place.file, place.line, place.name);
        if let Err(error) = file.write_all(line.as_bytes()) {
            eprintln!("clinker: cannot write the log: {error}");
            self.file = None;
        }
        self.known.insert(place.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_once() {
        let path = std::env::temp_dir().join(format!("clinker-log-{}", std::process::id()));
        let place = |name: &str| Place {
            name: name.into(),
            file: "a.py".into(),
            line: 3,
        };
        let mut log = Log::open(&path).unwrap();
        for name in ["f", "g", "f"] {
            log.add(&place(name));
        }
        Log::open(&path).unwrap().add(&place("f"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text, "a.py:3:f\na.py:3:g\na.py:3:f\n");
    }
}
