//! Tables of ratios: stock in absolute figures, the others compared with it, then the geometric mean and the worst.

use std::fmt::Write;

/// What is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// A high ratio: how many times as fast.
    More,
    /// A low one: how many times as much of something.
    Less,
}

/// One quantity of all that was measured.
pub struct Table<'a> {
    /// What it is, and of what the ratios are.
    pub title: &'a str,
    /// The interpreters, the stock one first.
    pub interpreters: Vec<&'a str>,
    /// What was measured.
    pub rows: Vec<Row<'a>>,
    /// What is good.
    pub better: Better,
}

/// A line of a table.
pub struct Row<'a> {
    /// What was run.
    pub name: &'a str,
    /// The figure of the stock interpreter.
    pub stock: f64,
    /// One for each other interpreter.
    pub ratios: Vec<f64>,
}

/// The geometric mean.
pub fn mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for ratio in ratios {
        sum += ratio.ln();
        count += 1;
    }
    (sum / f64::from(count)).exp()
}

/// The worst.
pub fn worst(ratios: impl Iterator<Item = f64>, better: Better) -> f64 {
    match better {
        Better::More => ratios.fold(f64::INFINITY, f64::min),
        Better::Less => ratios.fold(0.0, f64::max),
    }
}

impl Table<'_> {
    /// Writes it, with an empty line before it.
    pub fn write(&self, out: &mut String) {
        let width = |place: usize| self.interpreters[place].chars().count().max(10);
        let names = self.rows.iter().map(|row| row.name.chars().count());
        let first = names.max().unwrap_or(0).max("geometric mean".len());
        // Writing to a string does not fail.
        let _ = writeln!(out, "\n{}", self.title);
        let mut line = |name: &str, cells: Vec<String>| {
            let _ = write!(out, "{name:first$}");
            for (place, cell) in cells.into_iter().enumerate() {
                let _ = write!(out, "  {cell:>0$}", width(place));
            }
            out.push('\n');
        };
        let heads = self.interpreters.iter();
        line("", heads.map(|name| (*name).to_owned()).collect());
        let cells = |first: String, ratios: &mut dyn Iterator<Item = f64>| {
            let ratios = ratios.map(|ratio| format!("{ratio:.2}"));
            std::iter::once(first).chain(ratios).collect()
        };
        for row in &self.rows {
            let own = format!("{:.3}", row.stock);
            line(row.name, cells(own, &mut row.ratios.iter().copied()));
        }
        let others = 0..self.interpreters.len() - 1;
        let of = |place: usize| self.rows.iter().map(move |row| row.ratios[place]);
        let mut means = others.clone().map(|place| mean(of(place)));
        line("geometric mean", cells(String::new(), &mut means));
        let mut worsts = others.map(|place| worst(of(place), self.better));
        line("worst", cells(String::new(), &mut worsts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_worst() {
        let ratios = || [4.0, 0.5].into_iter();
        assert!((mean(ratios()) - 2_f64.sqrt()).abs() < 1e-9);
        assert!((worst(ratios(), Better::More) - 0.5).abs() < 1e-9);
        assert!((worst(ratios(), Better::Less) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn columns_are_as_wide_as_their_heads() {
        let table = Table {
            title: "wall time",
            interpreters: vec!["stock", "a long name"],
            rows: vec![Row {
                name: "django",
                stock: 1.5,
                ratios: vec![1.25],
            }],
            better: Better::More,
        };
        let mut out = String::new();
        table.write(&mut out);
        assert_eq!(
            out,
            "\nwall time\n\
             \x20                    stock  a long name\n\
             django               1.500         1.25\n\
             geometric mean                     1.25\n\
             worst                              1.25\n"
        );
    }
}
