//! Prints what was measured.

use super::report::{Measured, Quantity, Report};
use std::fmt::Write;
use std::io::Write as _;

/// One table for each quantity.
pub fn print(report: &Report) {
    // That nobody reads it is no reason to fail.
    let _ = std::io::stdout().write_all(text(report).as_bytes());
}

fn text(report: &Report) -> String {
    let mut out = format!(
        "CPython {} ({}), the best of {} interleaved rounds of {} s\n",
        report.release, report.profile, report.rounds, report.seconds
    );
    for (title, quantity, stock) in [
        (
            "steady state: stock in ms for a loop, others how many times as fast",
            Quantity::Steady,
            (|measured| measured.steady * 1e3) as fn(&Measured) -> f64,
        ),
        (
            "first second: stock in ms for a loop, others how many times as fast",
            Quantity::First,
            |measured| measured.first * 1e3,
        ),
        (
            "peak memory: stock in MiB, others how many times as much",
            Quantity::Peak,
            |measured| measured.peak as f64 / 1024.0,
        ),
    ] {
        table(&mut out, report, title, quantity, stock);
    }
    out.push('\n');
    for compared in &report.interpreters {
        let _ = writeln!(out, "{}: {}", compared.name, compared.command);
    }
    out
}

fn table(
    out: &mut String,
    report: &Report,
    title: &str,
    quantity: Quantity,
    stock: fn(&Measured) -> f64,
) {
    let name_of = |place: usize| report.interpreters[place].name.as_str();
    let width = |place: usize| name_of(place).chars().count().max(10);
    let names = report.rows.iter().map(|row| row.name.chars().count());
    let first = names.max().unwrap_or(0).max("geometric mean".len());
    let others = 1..report.interpreters.len();
    let _ = writeln!(out, "\n{title}");
    let mut line = |name: &str, cells: Vec<String>| {
        let _ = write!(out, "{name:first$}");
        for (place, cell) in cells.into_iter().enumerate() {
            let _ = write!(out, "  {cell:>0$}", width(place));
        }
        out.push('\n');
    };
    line(
        "",
        (0..report.interpreters.len())
            .map(|place| name_of(place).to_owned())
            .collect(),
    );
    for row in &report.rows {
        let ratios = others
            .clone()
            .map(|place| format!("{:.2}", row.ratio(place, quantity)));
        let own = format!("{:.3}", stock(&row.measured[0]));
        line(&row.name, std::iter::once(own).chain(ratios).collect());
    }
    for (name, of) in [
        (
            "geometric mean",
            Report::mean as fn(&Report, usize, Quantity) -> f64,
        ),
        ("worst", Report::worst),
    ] {
        let ratios = others
            .clone()
            .map(|place| format!("{:.2}", of(report, place, quantity)));
        line(name, std::iter::once(String::new()).chain(ratios).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let text = text(&super::super::report::tests::report());
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        for expected in [
            "CPython 3.13.15 (release), the best of 1 interleaved rounds of 4 s",
            "fast                10.000        4.00",
            "slow                10.000        0.50",
            "geometric mean                    1.41",
            "worst                             0.50",
            "fast                 0.977        1.50",
            "jit: jit/python3",
        ] {
            assert!(lines.contains(&expected), "{expected}\n{text}");
        }
    }
}
