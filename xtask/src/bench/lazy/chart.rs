//! Draws the wall times of a report as an SVG image: a bar for each interpreter, as a part of its base.

use super::report::Report;
use std::fmt::Write;

const BAR: usize = 11;
const GAP: usize = 10;
const LEFT: usize = 210;
const WIDTH: usize = 480;
const TOP: usize = 56;
const COLORS: &[&str] = &[
    "#9aa0a6", "#1f77b4", "#2ca02c", "#9467bd", "#d62728", "#ff7f0e",
];

/// The image.
pub fn svg(report: &Report) -> String {
    // The stock interpreter is what a whole bar stands for.
    let shown: Vec<usize> = (1..report.interpreters.len()).collect();
    let group = shown.len() * BAR + GAP;
    let height = TOP + report.rows.len() * group + 24;
    let total = LEFT + WIDTH + 70;
    let ratios = report.rows.iter().flat_map(|row| {
        let ratio = |&place: &usize| report.ratio(row, place, |measured| measured.wall);
        shown.iter().map(ratio).collect::<Vec<_>>()
    });
    let most = ratios.fold(1.0_f64, f64::max);
    let length = |ratio: f64| (ratio / most * WIDTH as f64).round();
    let mut image = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{total}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">Wall time as a part of the base's, CPython {} ({}), \
         fastest of {}</text>\n",
        escaped(&report.release),
        escaped(&report.profile),
        report.rounds
    );
    let mut line = |text: std::fmt::Arguments| {
        // Writing to a string does not fail.
        let _ = writeln!(image, "{text}");
    };
    let mut x = 8;
    for &place in &shown {
        let compared = &report.interpreters[place];
        let base = &report.interpreters[compared.base].name;
        let label = format!("{} / {base}", compared.name);
        line(format_args!(
            "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>\n\
             <text x=\"{}\" y=\"39\">{}</text>",
            color(place),
            x + 14,
            escaped(&label)
        ));
        x += 30 + label.chars().count() * 7;
    }
    let whole = LEFT as f64 + length(1.0);
    line(format_args!(
        "<line x1=\"{whole}\" x2=\"{whole}\" y1=\"{}\" y2=\"{}\" stroke=\"#555\" stroke-dasharray=\"3\"/>",
        TOP - 8,
        height - 20
    ));
    for (index, row) in report.rows.iter().enumerate() {
        let y = TOP + index * group;
        line(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 8,
            y + (group - GAP) / 2 + 4,
            escaped(&row.name)
        ));
        for (offset, &place) in shown.iter().enumerate() {
            let ratio = report.ratio(row, place, |measured| measured.wall);
            let differs = row.measured[place].difference.is_some();
            let y = y + offset * BAR;
            line(format_args!(
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n\
                 <text x=\"{}\" y=\"{}\" font-size=\"9\">{ratio:.2}{}</text>",
                length(ratio),
                BAR - 1,
                color(place),
                LEFT as f64 + length(ratio) + 4.0,
                y + BAR - 2,
                if differs {
                    " (does not do the same)"
                } else {
                    ""
                }
            ));
        }
    }
    image + "</svg>\n"
}

fn color(place: usize) -> &'static str {
    COLORS[(place - 1) % COLORS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
