//! Draws the wall times of a report as an SVG image: a bar for each interpreter, as a part of its base.

use super::report::Report;
use crate::bench::bars::{Bar, Bars};

/// The image.
pub fn svg(report: &Report) -> String {
    // The stock interpreter is what a whole bar stands for.
    let shown = 1..report.interpreters.len();
    let label = |place: usize| {
        let compared = &report.interpreters[place];
        let base = &report.interpreters[compared.base].name;
        format!("{} / {base}", compared.name)
    };
    let groups = report.rows.iter().map(|row| {
        let bars = shown.clone().map(|place| Bar {
            ratio: report.ratio(row, place, |measured| measured.wall),
            remark: match row.measured[place].difference {
                Some(_) => " (does not do the same)",
                None => "",
            },
        });
        (row.name.clone(), bars.collect())
    });
    Bars {
        title: format!(
            "Wall time as a part of the base's, CPython {} ({}), fastest of {}",
            report.release, report.profile, report.rounds
        ),
        series: shown.clone().map(label).collect(),
        groups: groups.collect(),
    }
    .svg()
}
