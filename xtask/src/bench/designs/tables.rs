//! Prints what was measured.

use super::Report;
use super::counts::Row;
use super::escapes::OBJECT;
use crate::bench::lazy;
use crate::ui;

/// One table for each thing that was measured.
pub fn print(report: &Report) {
    escapes(report);
    counts(report, "with eager imports", &report.eager);
    counts(report, "with everything lazy but for stock", &report.lazy);
    ui::data("");
    lazy::print(&report.tools);
}

/// How wide the first column is.
const FIRST: usize = 44;

fn line(first: &str, cells: impl IntoIterator<Item = String>) {
    let mut line = format!("{first:FIRST$}");
    for cell in cells {
        line += &format!("  {cell:>12}");
    }
    ui::data(line);
}

fn escapes(report: &Report) {
    let designs = &report.designs[1..];
    ui::data(format_args!(
        "{} ways of reading a deferred import, and what they get",
        report.escapes.len()
    ));
    line("", designs.iter().cloned());
    let kinds = [OBJECT, "placeholder", "missing"];
    let table = |name: &str, is: &dyn Fn(&str) -> bool| {
        let count = |place: usize| {
            let ways = report.escapes.iter();
            let ways = ways.filter(|way| is(&way.outcomes[place]));
            ways.count().to_string()
        };
        line(name, (0..designs.len()).map(count));
    };
    for kind in kinds {
        table(kind, &|outcome| outcome == kind);
    }
    table("an exception", &|outcome| !kinds.contains(&outcome));
}

fn counts(report: &Report, title: &str, rows: &[Row]) {
    ui::data(format_args!("\ninstructions {title}"));
    line("", report.designs.iter().cloned());
    for row in rows {
        let stock = row.counts[0];
        let percent = |count: &u64| (*count as f64 / stock as f64 - 1.0) * 100.0;
        let others = row.counts[1..].iter();
        let others = others.map(|count| format!("{:+.1} %", percent(count)));
        line(&row.name, std::iter::once(stock.to_string()).chain(others));
    }
}
