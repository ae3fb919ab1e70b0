//! Draws groups of horizontal bars as an SVG image; a line shows where 1 is.

use std::fmt::Write;

const BAR: usize = 11;
const GAP: usize = 10;
const LEFT: usize = 210;
const WIDTH: usize = 480;
const TOP: usize = 56;
const COLORS: &[&str] = &[
    "#9aa0a6", "#1f77b4", "#2ca02c", "#9467bd", "#d62728", "#ff7f0e",
];

/// What a bar shows.
pub struct Bar {
    /// Its length.
    pub ratio: f64,
    /// What is written behind the number.
    pub remark: &'static str,
}

/// What an image shows.
pub struct Bars {
    /// Above all.
    pub title: String,
    /// What the bars of a group are, in order.
    pub series: Vec<String>,
    /// The groups, each with one bar for each of the series.
    pub groups: Vec<(String, Vec<Bar>)>,
}

impl Bars {
    /// The image.
    pub fn svg(&self) -> String {
        let group = self.series.len() * BAR + GAP;
        let height = TOP + self.groups.len() * group + 24;
        let total = LEFT + WIDTH + 70;
        let bars = self.groups.iter().flat_map(|(_, bars)| bars);
        let most = bars.map(|bar| bar.ratio).fold(1.0_f64, f64::max);
        let length = |ratio: f64| (ratio / most * WIDTH as f64).round();
        let mut image = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"{total}\" height=\"{height}\" fill=\"white\"/>\n\
             <text x=\"8\" y=\"18\" font-size=\"14\">{}</text>\n",
            escaped(&self.title)
        );
        let mut line = |text: std::fmt::Arguments| {
            // Writing to a string does not fail.
            let _ = writeln!(image, "{text}");
        };
        let mut x = 8;
        for (place, label) in self.series.iter().enumerate() {
            line(format_args!(
                "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>\n\
                 <text x=\"{}\" y=\"39\">{}</text>",
                color(place),
                x + 14,
                escaped(label)
            ));
            x += 30 + label.chars().count() * 7;
        }
        let whole = LEFT as f64 + length(1.0);
        line(format_args!(
            "<line x1=\"{whole}\" x2=\"{whole}\" y1=\"{}\" y2=\"{}\" stroke=\"#555\" stroke-dasharray=\"3\"/>",
            TOP - 8,
            height - 20
        ));
        for (index, (name, bars)) in self.groups.iter().enumerate() {
            let y = TOP + index * group;
            line(format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT - 8,
                y + (group - GAP) / 2 + 4,
                escaped(name)
            ));
            for (place, Bar { ratio, remark }) in bars.iter().enumerate() {
                let y = y + place * BAR;
                line(format_args!(
                    "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n\
                     <text x=\"{}\" y=\"{}\" font-size=\"9\">{ratio:.2}{remark}</text>",
                    length(*ratio),
                    BAR - 1,
                    color(place),
                    LEFT as f64 + length(*ratio) + 4.0,
                    y + BAR - 2
                ));
            }
        }
        image + "</svg>\n"
    }
}

fn color(place: usize) -> &'static str {
    COLORS[place % COLORS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
