//! Continuous integration: one matrix for hosted machines and this one.
//!
//! `ci/matrix.toml` is the only description of what is tested. Workflow files are generated from it and do nothing but call
//! `cargo xtask ci run`, so that a row does the same here and there.

mod matrix;
mod run;
mod workflows;

pub use matrix::{Matrix, Row};
pub use run::run;
pub use workflows::{check, write};
