//! What a suite came to in one mode.

use super::junit::{Cases, Difference};
use super::settings::{Mode, Package};
use crate::suite::Counts;
use serde::Serialize;

/// A suite in one mode.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The package.
    pub package: String,
    /// The mode.
    pub mode: String,
    /// Its cases.
    #[serde(flatten)]
    pub counts: Counts,
    /// Cases that end differently than in the first mode.
    pub differences: Vec<Difference>,
}

impl Compared {
    /// In the first mode.
    pub fn alone(package: &Package, mode: &Mode, cases: &Cases) -> Self {
        Self::with(package, mode, cases, Vec::new())
    }

    /// In another mode.
    pub fn with(
        package: &Package,
        mode: &Mode,
        cases: &Cases,
        differences: Vec<Difference>,
    ) -> Self {
        Self {
            package: package.name.clone(),
            mode: mode.name.clone(),
            counts: cases.counts(),
            differences,
        }
    }
}
