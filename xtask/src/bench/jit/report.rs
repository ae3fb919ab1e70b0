//! What was measured.

use crate::bench::compiled::Compared;
use crate::bench::ratios::{self, Better};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Release of CPython.
    pub release: String,
    /// How both interpreters were built.
    pub profile: String,
    /// Interleaved runs of each script.
    pub rounds: u32,
    /// Seconds that each benchmark ran in each of them.
    pub seconds: f64,
    /// What is compared, the stock interpreter first.
    pub interpreters: Vec<Compared>,
    /// The benchmarks.
    pub rows: Vec<Row>,
}

/// A benchmark.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name; a script can have several.
    pub name: String,
    /// One for each interpreter.
    pub measured: Vec<Measured>,
}

/// A benchmark with one interpreter. Of all rounds, the least.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Seconds for a loop when it has run for a while.
    pub steady: f64,
    /// Seconds for a loop in the first second, on average.
    pub first: f64,
    /// The most memory that the process of the script had, in KiB.
    pub peak: u64,
    /// `steady` of each round, in order.
    pub rounds: Vec<f64>,
}

/// What a run of a script writes.
#[derive(Debug, Deserialize)]
pub struct Run {
    /// Loops and seconds of each part, by benchmark.
    pub benchmarks: BTreeMap<String, Vec<(u64, f64)>>,
    /// In KiB.
    pub peak: u64,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// How many times as fast when it has run for a while.
    Steady,
    /// How many times as fast in the first second.
    First,
    /// How many times as much memory.
    Peak,
}

impl Measured {
    /// Of the rounds of one benchmark.
    pub fn of(rounds: &[(Vec<(u64, f64)>, u64)]) -> Self {
        let steady: Vec<f64> = rounds.iter().map(|(parts, _)| steady(parts)).collect();
        Self {
            steady: least(steady.iter().copied()),
            first: least(rounds.iter().map(|(parts, _)| first_second(parts))),
            peak: rounds.iter().map(|&(_, peak)| peak).min().unwrap_or(0),
            rounds: steady,
        }
    }
}

fn least(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(f64::INFINITY, f64::min)
}

/// The fastest part of the later half.
fn steady(parts: &[(u64, f64)]) -> f64 {
    let later = &parts[parts.len() / 2..];
    least(later.iter().map(|&(loops, took)| took / loops as f64))
}

fn first_second(parts: &[(u64, f64)]) -> f64 {
    let (mut loops, mut took) = (0, 0.0);
    for part in parts {
        loops += part.0;
        took += part.1;
        if took >= 1.0 {
            break;
        }
    }
    took / loops as f64
}

impl Row {
    /// How an interpreter compares with the stock one.
    pub fn ratio(&self, interpreter: usize, quantity: Quantity) -> f64 {
        let (stock, other) = (&self.measured[0], &self.measured[interpreter]);
        match quantity {
            Quantity::Steady => stock.steady / other.steady,
            Quantity::First => stock.first / other.first,
            Quantity::Peak => other.peak as f64 / stock.peak as f64,
        }
    }
}

impl Report {
    /// The geometric mean of the ratios of an interpreter.
    pub fn mean(&self, interpreter: usize, quantity: Quantity) -> f64 {
        let ratios = self.rows.iter();
        ratios::mean(ratios.map(|row| row.ratio(interpreter, quantity)))
    }
}

impl Quantity {
    /// What is good of it.
    pub fn better(self) -> Better {
        match self {
            Self::Steady | Self::First => Better::More,
            Self::Peak => Better::Less,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    #[test]
    fn a_benchmark_that_gets_faster() {
        let parts = vec![(1, 0.8), (1, 0.4), (2, 0.2), (2, 0.3)];
        let measured = Measured::of(&[(parts.clone(), 700), (vec![(1, 2.0)], 600)]);
        assert!((measured.steady - 0.1).abs() < 1e-9);
        assert!((measured.first - 0.6).abs() < 1e-9);
        assert_eq!(measured.peak, 600);
        assert_eq!(measured.rounds.len(), 2);
    }

    /// Two benchmarks with two interpreters: twice and half as fast, with 1.5 times the memory.
    pub fn report() -> Report {
        let measured = |steady, peak| Measured {
            steady,
            first: 2.0 * steady,
            peak,
            rounds: vec![steady],
        };
        let row = |name: &str, steady| Row {
            name: name.into(),
            measured: vec![measured(0.01, 1000), measured(steady, 1500)],
        };
        let compared = |name: &str| Compared {
            name: name.into(),
            command: format!("{name}/python3"),
        };
        Report {
            release: "3.13.15".into(),
            profile: "release".into(),
            rounds: 1,
            seconds: 4.0,
            interpreters: vec![compared("stock"), compared("jit")],
            rows: vec![row("fast", 0.0025), row("slow", 0.02)],
        }
    }

    #[test]
    fn a_mean() {
        assert!((report().mean(1, Quantity::Steady) - 2_f64.sqrt()).abs() < 1e-9);
    }
}
