//! Measures real programs from their start to their end, with the stock interpreter, with the compiler and with others.
//!
//! Of each program: first a run with every interpreter, of which what is printed and written is compared, then interleaved
//! rounds of which the least counts.

mod measure;
mod report;
mod settings;
mod tables;

pub use measure::measure;
pub use settings::Plan;
pub use tables::print;
