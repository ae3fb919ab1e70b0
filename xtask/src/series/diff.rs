//! Reads the structure of a git diff in a patch file, with the line numbers that failures name.

use crate::error::{Failure, Result};

/// The diff of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path before, if the file was there.
    pub old: Option<String>,
    /// Path after, if the file is still there.
    pub new: Option<String>,
    /// Line of `diff --git` in the patch file, from 1.
    pub line: usize,
    /// Changed places; none for a binary file.
    pub hunks: Vec<Hunk>,
}

/// A changed place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Line of its `@@` header in the patch file, from 1.
    pub line: usize,
    /// First line in the old file, from 1.
    pub old_start: usize,
    /// First line in the new file, from 1.
    pub new_start: usize,
    /// Lines with what they begin with: a space, `-` or `+`.
    pub lines: Vec<(char, String)>,
}

impl FileDiff {
    /// The path it is about.
    pub fn path(&self) -> &str {
        self.new
            .as_deref()
            .or(self.old.as_deref())
            .unwrap_or_default()
    }
}

impl Hunk {
    /// The lines it expects to find.
    pub fn before(&self) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(sign, _)| *sign != '+');
        lines.map(|(_, text)| text.as_str()).collect()
    }

    /// How many lines it leaves.
    pub fn after_length(&self) -> usize {
        self.lines.iter().filter(|(sign, _)| *sign != '-').count()
    }
}

/// Splits `text`, which begins in line `first` of a patch file, into its diffs and returns them with the length of the
/// diff: what follows is a mail's signature.
///
/// # Errors
/// When a hunk has fewer lines than its header says; the failure's place is the line's number.
pub fn parse(text: &[u8], first: usize) -> Result<(Vec<FileDiff>, usize)> {
    let mut files: Vec<FileDiff> = Vec::new();
    let mut length = 0;
    let mut position = 0;
    let mut in_binary = false;
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').zip(first..);
    while let Some((bytes, number)) = lines.next() {
        position += bytes.len();
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches('\n');
        if let Some(names) = line.strip_prefix("diff --git ") {
            let (old, new) = names_of(names).ok_or_else(|| {
                Failure::check(format!("file names are not clear: {line}")).at(number)
            })?;
            files.push(FileDiff {
                old: Some(old),
                new: Some(new),
                line: number,
                hunks: Vec::new(),
            });
            in_binary = false;
            length = position;
            continue;
        }
        let Some(file) = files.last_mut() else {
            continue;
        };
        if line.starts_with("new file mode") {
            file.old = None;
        } else if line.starts_with("deleted file mode") {
            file.new = None;
        } else if line == "GIT binary patch" {
            in_binary = true;
        } else if let Some(header) = line.strip_prefix("@@ -") {
            let mut hunk = header_of(header, number)
                .ok_or_else(|| Failure::check(format!("not a hunk header: {line}")).at(number))?;
            let (mut old, mut new) = (hunk.1, hunk.2);
            while old > 0 || new > 0 {
                let Some((bytes, number)) = lines.next() else {
                    return Err(Failure::check("the patch ends within a hunk").at(number));
                };
                position += bytes.len();
                let text = String::from_utf8_lossy(bytes);
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let sign = text.chars().next().unwrap_or(' ');
                match sign {
                    ' ' => (old, new) = (old.wrapping_sub(1), new.wrapping_sub(1)),
                    '-' => old = old.wrapping_sub(1),
                    '+' => new = new.wrapping_sub(1),
                    '\\' => continue,
                    _ => {
                        return Err(
                            Failure::check("the hunk is shorter than its header says").at(number)
                        );
                    }
                }
                if old == usize::MAX || new == usize::MAX {
                    return Err(
                        Failure::check("the hunk is not as long as its header says").at(number)
                    );
                }
                hunk.0
                    .lines
                    .push((sign, text.get(1..).unwrap_or_default().to_owned()));
            }
            file.hunks.push(hunk.0);
        } else if !(in_binary || line.starts_with('\\') || is_header(line)) {
            // A signature, or whatever a mailing list adds.
            continue;
        } else if line == "-- " {
            continue;
        }
        length = position;
    }
    Ok((files, length))
}

fn is_header(line: &str) -> bool {
    [
        "index ",
        "--- ",
        "+++ ",
        "old mode ",
        "new mode ",
        "similarity ",
        "rename ",
        "copy ",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// `a/path b/path`, which git writes without quotes unless a name has odd characters.
fn names_of(names: &str) -> Option<(String, String)> {
    let names = names.strip_prefix("a/")?;
    let same = names.len().checked_sub(3).map(|rest| rest / 2)?;
    if names.is_char_boundary(same) && names[same..].strip_prefix(" b/") == Some(&names[..same]) {
        return Some((names[..same].to_owned(), names[..same].to_owned()));
    }
    let (old, new) = names.split_once(" b/")?;
    Some((old.to_owned(), new.to_owned()))
}

/// `10,3 +10,4 @@ function` as a hunk without lines and its two lengths.
fn header_of(header: &str, line: usize) -> Option<(Hunk, usize, usize)> {
    let (ranges, _) = header.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(usize, usize)> {
        match text.split_once(',') {
            Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    let (old_start, old_length) = range(old)?;
    let (new_start, new_length) = range(new)?;
    let hunk = Hunk {
        line,
        old_start,
        new_start,
        lines: Vec::new(),
    };
    Some((hunk, old_length, new_length))
}
