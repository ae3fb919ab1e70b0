//! Prints what was measured.

use super::counts::Row;
use super::escapes::{OBJECT, Way};
use crate::ui;

/// How wide the first column is.
const FIRST: usize = 44;

fn line(first: &str, cells: impl IntoIterator<Item = String>) {
    let mut line = format!("{first:FIRST$}");
    for cell in cells {
        line += &format!("  {cell:>12}");
    }
    ui::data(line);
}

/// How many ways of reading get what, with each design but stock.
pub fn escapes(designs: &[String], ways: &[Way]) {
    ui::data(format_args!(
        "{} ways of reading a deferred import, and what they get",
        ways.len()
    ));
    line("", designs.iter().cloned());
    let kinds = [OBJECT, "placeholder", "missing"];
    let table = |name: &str, is: &dyn Fn(&str) -> bool| {
        let count = |place: usize| {
            let found = ways.iter().filter(|way| is(&way.outcomes[place]));
            found.count().to_string()
        };
        line(name, (0..designs.len()).map(count));
    };
    for kind in kinds {
        table(kind, &|outcome| outcome == kind);
    }
    table("an exception", &|outcome| !kinds.contains(&outcome));
    ui::data("");
}

/// What stock executes, and how many percent more each design does.
pub fn counts(title: &str, designs: &[String], rows: &[Row]) {
    ui::data(format_args!("\ninstructions {title}"));
    line("", designs.iter().cloned());
    for row in rows {
        let stock = row.counts[0];
        let percent = |count: &u64| (*count as f64 / stock as f64 - 1.0) * 100.0;
        let others = row.counts[1..].iter();
        let others = others.map(|count| format!("{:+.1} %", percent(count)));
        line(&row.name, std::iter::once(stock.to_string()).chain(others));
    }
}
