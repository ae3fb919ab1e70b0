//! The report of `-X jit=stats`: a table for people, JSON for programs.

use crate::profile::{Counts, Place, Profile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What the compiler has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Compilation {
    /// Entries that were compiled.
    pub compiled: u64,
    /// Entries that were not, by the reason.
    pub refused: BTreeMap<String, u64>,
    /// Guesses that were dropped since they had been wrong too often.
    pub refuted: u64,
    /// How often machine code was dropped since something changed that it relied on.
    pub invalidated: u64,
    /// How often something was compiled again since native code was often left where nothing had been executed before.
    pub unseen: u64,
    /// Handlers of exceptions that were compiled since they had been reached often.
    pub handlers: u64,
    /// Bytes of machine code, at the end.
    pub bytes: usize,
    /// What compiling took.
    pub microseconds: u64,
    /// The longest of it that a thread of the program did at once, in microseconds of the processor.
    pub longest_pause: u64,
}

/// Rows of each table before the rest is only counted.
const ROWS: usize = 40;

/// What was compiled, if the compiler was on, and the tables of hot code objects and hot loops.
pub fn text(profile: &Profile, compilation: Option<&Compilation>) -> String {
    let hot = profile.hot();
    let mut out = String::new();
    if let Some(done) = compilation {
        let _ = writeln!(
            out,
            "clinker: compiled {} entries to {} bytes in {} ms, at most {} us at once by the program; dropped {} guesses",
            grouped(done.compiled),
            grouped(done.bytes as u64),
            grouped(done.microseconds / 1000),
            grouped(done.longest_pause),
            grouped(done.refuted)
        );
        for (reason, count) in &done.refused {
            let _ = writeln!(
                out,
                "clinker: refused {} entries: {reason}",
                grouped(*count)
            );
        }
    }
    let _ = writeln!(
        out,
        "clinker: {} of {} code objects were hot",
        hot.len(),
        profile.len()
    );
    let mut code: Vec<_> = hot
        .iter()
        .filter(|(_, counts)| counts.entries > 1)
        .collect();
    code.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.entries));
    table(
        &mut out,
        "entries",
        "code object",
        code.iter().map(|(place, counts)| {
            let mut row = name(place);
            if counts.missed > 0 {
                let _ = write!(row, "  [{} wrong guesses]", counts.missed);
            }
            (counts.entries, row)
        }),
    );
    let mut loops: Vec<_> = hot
        .iter()
        .flat_map(|(place, counts)| counts.loops.iter().map(move |edge| (place, edge)))
        .filter(|(_, edge)| edge.trips > 0)
        .collect();
    loops.sort_by_key(|(_, edge)| std::cmp::Reverse(edge.trips));
    table(
        &mut out,
        "trips",
        "loop",
        loops.iter().map(|(place, edge)| {
            (
                edge.trips,
                format!("{}, back from line {}", name(place), edge.line),
            )
        }),
    );
    out
}

fn name(place: &Place) -> String {
    format!("{} ({}:{})", place.name, place.file, place.line)
}

fn table(
    out: &mut String,
    count: &str,
    what: &str,
    rows: impl ExactSizeIterator<Item = (u64, String)>,
) {
    let all = rows.len();
    if all == 0 {
        return;
    }
    let _ = writeln!(out, "{count:>16}  {what}");
    for (number, row) in rows.take(ROWS) {
        let _ = writeln!(out, "{:>16}  {row}", grouped(number));
    }
    if all > ROWS {
        let _ = writeln!(out, "{:>16}  and {} more", "", all - ROWS);
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// All hot places as JSON, hottest first, and what was compiled.
///
/// # Errors
/// None are known: counters and names can always be written.
pub fn json(profile: &Profile, compilation: Option<&Compilation>) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        place: &'a Place,
        #[serde(flatten)]
        counts: &'a Counts,
    }
    #[derive(Serialize)]
    struct Report<'a> {
        code_objects: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        compilation: Option<&'a Compilation>,
        hot: Vec<Row<'a>>,
    }
    serde_json::to_string_pretty(&Report {
        code_objects: profile.len(),
        compilation,
        hot: profile
            .hot()
            .into_iter()
            .map(|(place, counts)| Row { place, counts })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Loop;

    fn profile() -> Profile {
        let mut profile = Profile::default();
        profile.add(
            Place {
                name: "<module>".into(),
                file: "p.py".into(),
                line: 1,
            },
            Counts {
                entries: 1,
                loops: vec![
                    Loop {
                        line: 7,
                        trips: 1_234_567,
                    },
                    Loop { line: 9, trips: 0 },
                ],
                hot: true,
                ..Counts::default()
            },
        );
        profile.add(
            Place {
                name: "f".into(),
                file: "p.py".into(),
                line: 3,
            },
            Counts {
                entries: 1000,
                missed: 2,
                hot: true,
                ..Counts::default()
            },
        );
        profile.add(
            Place {
                name: "cold".into(),
                file: "p.py".into(),
                line: 5,
            },
            Counts {
                entries: 3,
                ..Counts::default()
            },
        );
        profile
    }

    #[test]
    fn tables_for_people() {
        assert_eq!(
            text(&profile(), None),
            "clinker: 2 of 3 code objects were hot\n\
             \x20        entries  code object\n\
             \x20          1,000  f (p.py:3)  [2 wrong guesses]\n\
             \x20          trips  loop\n\
             \x20      1,234,567  <module> (p.py:1), back from line 7\n"
        );
    }

    #[test]
    fn what_was_compiled() {
        let done = Compilation {
            compiled: 1200,
            refused: BTreeMap::from([("it is instrumented".into(), 3)]),
            refuted: 4,
            invalidated: 1,
            unseen: 3,
            handlers: 2,
            bytes: 5_000_000,
            microseconds: 7_000,
            longest_pause: 1_500,
        };
        assert_eq!(
            text(&Profile::default(), Some(&done)),
            "clinker: compiled 1,200 entries to 5,000,000 bytes in 7 ms, at most 1,500 us at once by the program; dropped 4 guesses\n\
             clinker: refused 3 entries: it is instrumented\n\
             clinker: 0 of 0 code objects were hot\n"
        );
        let value: serde_json::Value =
            serde_json::from_str(&json(&Profile::default(), Some(&done)).unwrap()).unwrap();
        assert_eq!(value["compilation"]["refused"]["it is instrumented"], 3);
    }

    #[test]
    fn nothing_hot() {
        assert_eq!(
            text(&Profile::default(), None),
            "clinker: 0 of 0 code objects were hot\n"
        );
    }

    #[test]
    fn long_tables_are_cut() {
        let mut profile = Profile::default();
        for line in 0..100 {
            profile.add(
                Place {
                    name: "f".into(),
                    file: "p.py".into(),
                    line,
                },
                Counts {
                    entries: 1000,
                    hot: true,
                    ..Counts::default()
                },
            );
        }
        let text = text(&profile, None);
        assert!(text.ends_with("and 60 more\n"), "{text}");
        assert_eq!(text.lines().count(), 1 + 1 + ROWS + 1);
    }

    #[test]
    fn json_for_programs() {
        let value: serde_json::Value =
            serde_json::from_str(&json(&profile(), None).unwrap()).unwrap();
        assert_eq!(value["code_objects"], 3);
        assert_eq!(value["hot"][0]["name"], "<module>");
        assert_eq!(value["hot"][0]["loops"][0]["trips"], 1_234_567);
        assert_eq!(value["hot"][1]["entries"], 1000);
    }

    #[test]
    fn digits_are_grouped() {
        let grouped: Vec<_> = [0, 12, 999, 1000, 123_456, 1_234_567].map(grouped).into();
        assert_eq!(grouped, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
    }
}
