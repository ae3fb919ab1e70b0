//! Tests: the parts of `cargo xtask test`, CPython's whole suite compared with a pristine build, the suites of packages.
//!
//! Nothing is skipped silently: a part that cannot run fails, and counts come from the runners' own output.

mod counts;
mod full;
mod modules;
pub mod output;
pub mod packages;
mod parts;
mod regrtest;

pub use counts::Counts;
pub use full::{Jit, Patched, compare as compare_with_pristine, pass_alone};
pub use parts::{Outcome, Part, Parts};

use crate::build;
use crate::commands::SourceOptions;

/// What a run of the tests is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Port, release and origin.
    pub source: SourceOptions,
    /// Build profile.
    pub profile: String,
    /// Jobs at a time; the number of processors unless given.
    pub jobs: Option<usize>,
}

impl Subject {
    fn request(&self, pristine: bool) -> build::Request {
        build::Request {
            source: self.source.clone(),
            profile: self.profile.clone(),
            pristine,
            jobs: self.jobs,
            patches: build::Patches::All,
        }
    }

    fn jobs(&self) -> usize {
        self.jobs
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1)
    }
}
