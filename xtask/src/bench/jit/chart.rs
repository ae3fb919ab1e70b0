//! Draws the steady state of a report as an SVG image.

use super::report::{Quantity, Report};
use crate::bench::bars::{Bar, Bars};

/// How many times as fast as the stock interpreter: a bar for each other one.
pub fn svg(report: &Report) -> String {
    let others = 1..report.interpreters.len();
    let mean = others.clone().map(|place| Bar {
        ratio: report.mean(place, Quantity::Steady),
        remark: "",
    });
    let mut groups = vec![("geometric mean".to_owned(), mean.collect())];
    for row in &report.rows {
        let bars = others.clone().map(|place| Bar {
            ratio: row.ratio(place, Quantity::Steady),
            remark: "",
        });
        groups.push((row.name.clone(), bars.collect()));
    }
    Bars {
        title: format!(
            "Times as fast as stock, steady state, CPython {} ({}), best of {}",
            report.release, report.profile, report.rounds
        ),
        series: others
            .map(|place| report.interpreters[place].name.clone())
            .collect(),
        groups,
    }
    .svg()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_bar_for_each_benchmark_and_the_mean() {
        let image = super::svg(&super::super::report::tests::report());
        for expected in [
            ">geometric mean<",
            ">fast<",
            ">4.00<",
            ">0.50<",
            ">1.41<",
            ">jit<",
        ] {
            assert!(image.contains(expected), "{expected}\n{image}");
        }
    }
}
