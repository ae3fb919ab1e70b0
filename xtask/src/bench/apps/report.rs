//! What was measured.

use crate::bench::compiled::Compared;
use crate::bench::ratios::Better;
use crate::bench::runs::Usage;
use serde::Serialize;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Release of CPython.
    pub release: String,
    /// How both interpreters were built.
    pub profile: String,
    /// Interleaved runs of each application.
    pub rounds: u32,
    /// What is compared, the stock interpreter first and then the one that compiles.
    pub interpreters: Vec<Compared>,
    /// The applications.
    pub rows: Vec<Row>,
}

/// An application.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// One for each interpreter.
    pub measured: Vec<Measured>,
}

/// An application with one interpreter. Of all rounds, the least.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Seconds from start to end.
    pub wall: f64,
    /// Seconds of each round, in order.
    pub walls: Vec<f64>,
    /// Seconds of all processors, in the program and in the system.
    pub cpu: f64,
    /// The most memory it had, in KiB.
    pub peak: u64,
    /// How what it does differs from what it does with the stock interpreter.
    pub difference: Option<String>,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// How many times as fast.
    Wall,
    /// How many times as much processor time.
    Cpu,
    /// How many times as much memory.
    Peak,
}

impl Quantity {
    /// What is good of it.
    pub fn better(self) -> Better {
        match self {
            Self::Wall => Better::More,
            Self::Cpu | Self::Peak => Better::Less,
        }
    }
}

impl Measured {
    /// Of all rounds.
    pub fn of(usages: &[Usage], difference: Option<String>) -> Self {
        let walls: Vec<f64> = usages.iter().map(|usage| usage.wall).collect();
        let least = |times: &mut dyn Iterator<Item = f64>| times.fold(f64::INFINITY, f64::min);
        Self {
            wall: least(&mut walls.iter().copied()),
            cpu: least(&mut usages.iter().map(|usage| usage.cpu)),
            peak: usages.iter().map(|usage| usage.peak).min().unwrap_or(0),
            walls,
            difference,
        }
    }
}

impl Row {
    /// How an interpreter compares with the stock one.
    pub fn ratio(&self, interpreter: usize, quantity: Quantity) -> f64 {
        let (stock, other) = (&self.measured[0], &self.measured[interpreter]);
        match quantity {
            Quantity::Wall => stock.wall / other.wall,
            Quantity::Cpu => other.cpu / stock.cpu,
            Quantity::Peak => other.peak as f64 / stock.peak as f64,
        }
    }
}

impl Report {
    /// Names of the applications that do something else when they are compiled, with the differences.
    pub fn failures(&self) -> Vec<(&str, &str)> {
        let rows = self.rows.iter();
        rows.filter_map(|row| Some((row.name.as_str(), row.measured[1].difference.as_deref()?)))
            .collect()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    #[test]
    fn of_the_rounds_the_least() {
        let usage = |wall, cpu, peak| Usage { wall, cpu, peak };
        let measured = Measured::of(&[usage(2.0, 1.5, 700), usage(1.0, 1.75, 600)], None);
        assert!((measured.wall - 1.0).abs() < 1e-9);
        assert!((measured.cpu - 1.5).abs() < 1e-9);
        assert_eq!(measured.peak, 600);
        assert_eq!(measured.walls.len(), 2);
    }

    /// An application that is twice as fast with 1.5 times the processor time and memory, and one that differs.
    pub fn report() -> Report {
        let measured = |wall, cpu, peak, difference: Option<&str>| Measured {
            wall,
            walls: vec![wall],
            cpu,
            peak,
            difference: difference.map(str::to_owned),
        };
        let row = |name: &str, wall, difference| Row {
            name: name.into(),
            about: String::new(),
            measured: vec![
                measured(2.0, 2.0, 2048, None),
                measured(wall, 3.0, 3072, difference),
            ],
        };
        let compared = |name: &str| Compared {
            name: name.into(),
            command: format!("{name}/python3"),
        };
        Report {
            release: "3.13.15".into(),
            profile: "release".into(),
            rounds: 1,
            interpreters: vec![compared("stock"), compared("jit")],
            rows: vec![row("good", 1.0, None), row("bad", 4.0, Some("-a\n+b"))],
        }
    }

    #[test]
    fn differences_are_failures() {
        assert_eq!(report().failures(), [("bad", "-a\n+b")]);
    }
}
