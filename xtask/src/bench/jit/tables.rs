//! Prints what was measured.

use super::report::{Measured, Quantity, Report};
use crate::bench::ratios::{Row, Table};
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
        table(report, title, quantity, stock).write(&mut out);
    }
    out.push('\n');
    for compared in &report.interpreters {
        let _ = writeln!(out, "{}: {}", compared.name, compared.command);
    }
    out
}

fn table<'a>(
    report: &'a Report,
    title: &'a str,
    quantity: Quantity,
    stock: fn(&Measured) -> f64,
) -> Table<'a> {
    let others = 1..report.interpreters.len();
    let names = report.interpreters.iter().map(|one| one.name.as_str());
    let rows = report.rows.iter().map(|row| Row {
        name: &row.name,
        stock: stock(&row.measured[0]),
        ratios: others
            .clone()
            .map(|place| row.ratio(place, quantity))
            .collect(),
    });
    Table {
        title,
        interpreters: names.collect(),
        rows: rows.collect(),
        better: quantity.better(),
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
