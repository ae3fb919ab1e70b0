//! Prints what was measured.

use super::report::{Measured, Report};
use crate::ui;

/// One table for each thing that was measured, then what differs.
pub fn print(report: &Report) {
    let first = &report.interpreters[0].name;
    ui::data(format_args!(
        "CPython {} ({}), the fastest of {} interleaved runs",
        report.release, report.profile, report.rounds
    ));
    let times = |what: &str, time: fn(&Measured) -> f64| {
        let title = format!("{what}: {first} in ms, others as a part of their base");
        table(report, &title, |row, place| {
            let row = &report.rows[row];
            let measured = &row.measured[place];
            if place == 0 {
                return format!("{:.1}", time(measured) * 1e3);
            }
            let mark = if measured.difference.is_some() {
                "!"
            } else {
                ""
            };
            format!("{:.2}{mark}", report.ratio(row, place, time))
        });
    };
    times("wall time", |measured| measured.wall);
    // It suffers less from what else the machine does.
    times("processor time", |measured| measured.cpu);
    let numbers = |title: &str, of: fn(&Measured) -> String| {
        table(report, title, |row, place| {
            of(&report.rows[row].measured[place])
        });
    };
    numbers("modules loaded", |measured| measured.modules.to_string());
    numbers("peak memory in MiB", |measured| {
        format!("{:.1}", measured.peak as f64 / 1024.0)
    });
    numbers("file-system calls", |measured| {
        measured.calls.map_or("-".into(), |calls| calls.to_string())
    });
    ui::data("");
    for compared in &report.interpreters {
        let base = &report.interpreters[compared.base].name;
        ui::data(format_args!(
            "{}: {}, compared with {base}",
            compared.name, compared.command
        ));
    }
    for note in &report.notes {
        ui::data(note);
    }
    for row in &report.rows {
        for (compared, measured) in report.interpreters.iter().zip(&row.measured) {
            if let (false, Some(difference)) = (compared.ours, &measured.difference) {
                ui::data(format_args!(
                    "! {}, {}: {difference}",
                    compared.name, row.name
                ));
            }
        }
    }
}

fn table(report: &Report, title: &str, cell: impl Fn(usize, usize) -> String) {
    let names: Vec<_> = report
        .interpreters
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let width = |name: &str| name.chars().count().max(7);
    let first = report.rows.iter().map(|row| row.name.chars().count());
    let first = first.max().unwrap_or(0);
    let mut line = format!("\n{title}\n{:first$}", "");
    for name in &names {
        line += &format!("  {name:>0$}", width(name));
    }
    ui::data(line);
    for (index, row) in report.rows.iter().enumerate() {
        let mut line = format!("{:first$}", row.name);
        for (place, name) in names.iter().enumerate() {
            line += &format!("  {:>1$}", cell(index, place), width(name));
        }
        ui::data(line);
    }
}
