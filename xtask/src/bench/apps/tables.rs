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
        "CPython {} ({}), the best of {} interleaved rounds\n",
        report.release, report.profile, report.rounds
    );
    for (title, quantity, stock) in [
        (
            "wall time: stock in s, others how many times as fast",
            Quantity::Wall,
            (|measured| measured.wall) as fn(&Measured) -> f64,
        ),
        (
            "processor time of all threads: stock in s, others how many times as much",
            Quantity::Cpu,
            |measured| measured.cpu,
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
    // Writing to a string does not fail.
    for compared in &report.interpreters {
        let _ = writeln!(out, "{}: {}", compared.name, compared.command);
    }
    for row in &report.rows {
        // What the compiler changes is a failure, and told as one.
        for (compared, measured) in report.interpreters.iter().zip(&row.measured).skip(2) {
            if let Some(difference) = &measured.difference {
                let _ = writeln!(out, "! {}, {}: {difference}", compared.name, row.name);
            }
        }
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
            "CPython 3.13.15 (release), the best of 1 interleaved rounds",
            "good                 2.000        2.00",
            "bad                  2.000        0.50",
            "geometric mean                    1.00",
            "worst                             0.50",
            "worst                             1.50",
            "jit: jit/python3",
        ] {
            assert!(lines.contains(&expected), "{expected}\n{text}");
        }
    }
}
