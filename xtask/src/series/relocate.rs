//! Finds where the hunks of a diff go when lines above them moved.
//!
//! Context has to match exactly; of several places that match, the one `git apply` takes is taken: the nearest to the
//! line the hunk names. libgit2 itself applies a hunk at that line or nowhere.

use super::Patch;
use super::diff::{FileDiff, Hunk};
use std::fmt::Write;

/// Index of the first line, in a file of these `lines`, of each hunk's place; or the first hunk that has no place.
///
/// # Errors
/// The first hunk that has no place.
pub fn places<'d>(lines: &[&str], file: &'d FileDiff) -> Result<Vec<usize>, &'d Hunk> {
    let mut places = Vec::new();
    let mut free = 0;
    for hunk in &file.hunks {
        let place = place(lines, hunk, free).ok_or(hunk)?;
        places.push(place);
        free = place + hunk.before().len();
    }
    Ok(places)
}

fn place(lines: &[&str], hunk: &Hunk, free: usize) -> Option<usize> {
    let wanted = hunk.before();
    let last = lines.len().checked_sub(wanted.len())?;
    let at_end = hunk.lines.last().is_some_and(|(sign, _)| *sign != ' ');
    let matches = |at: usize| {
        at >= free
            && (hunk.old_start > 1 || at == 0)
            && (!at_end || at == last)
            && lines[at..at + wanted.len()] == wanted[..]
    };
    let named = hunk.old_start.saturating_sub(1).min(last);
    (0..=lines.len()).find_map(|distance| {
        let after = named + distance;
        let before = named.checked_sub(distance);
        let after = (after <= last && matches(after)).then_some(after);
        after.or_else(|| before.filter(|before| matches(*before)))
    })
}

/// The diff of a patch with the line numbers that its hunks have in a tree; `text` gives a file of the tree.
///
/// Hunks without a place keep their numbers, so that applying the diff fails.
pub fn relocated(patch: &Patch, text: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let mut headers = std::collections::BTreeMap::new();
    for file in patch.files.iter().filter(|file| !file.hunks.is_empty()) {
        let Some(text) = file.old.as_deref().and_then(&text) else {
            continue;
        };
        let lines: Vec<&str> = split(&text);
        let Ok(places) = places(&lines, file) else {
            continue;
        };
        let mut shift: isize = 0;
        for (hunk, place) in file.hunks.iter().zip(places) {
            let (old, new) = (hunk.before().len(), hunk.after_length());
            let start = |length: usize, at: isize| if length == 0 { at } else { at + 1 };
            let mut header = String::new();
            // Writing to a string cannot fail.
            let _ = write!(
                header,
                "@@ -{},{old} +{},{new} @@",
                start(old, place.cast_signed()),
                start(new, place.cast_signed() + shift)
            );
            headers.insert(hunk.line, header);
            shift += new.cast_signed() - old.cast_signed();
        }
    }
    let mut diff = Vec::new();
    let lines = patch.diff().split_inclusive(|byte| *byte == b'\n');
    for (number, line) in (patch.diff_line()..).zip(lines) {
        match headers.get(&number) {
            Some(header) => {
                diff.extend_from_slice(header.as_bytes());
                diff.push(b'\n');
            }
            None => diff.extend_from_slice(line),
        }
    }
    diff
}

/// The lines of a text, without the end of each.
pub fn split(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}
