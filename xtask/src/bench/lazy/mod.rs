//! Measures the start of command-line tools with imports eager and lazy, and checks that they do the same.
//!
//! Of each command: first a run with every interpreter whose output and exit status are compared, then runs that count
//! modules, memory and file-system calls, then interleaved rounds of which the fastest counts.

mod chart;
mod counts;
mod interpreters;
mod measure;
mod report;
mod settings;
mod tables;

pub use chart::svg;
pub use interpreters::{Against, Builds, Interpreter, STOCK, install_tools};
pub use measure::{measure, measure_with};
pub use report::Report;
pub use settings::{Plan, Purpose};
pub use tables::print;
