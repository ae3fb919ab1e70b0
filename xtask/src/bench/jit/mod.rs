//! Measures the compiler: benchmarks of pyperformance with the stock interpreter, the patched one and others, in interleaved rounds.

mod chart;
mod measure;
mod report;
mod tables;

pub use chart::svg;
pub use measure::{Subject, measure};
pub use tables::print;
