//! Measures: what `cargo xtask bench` runs, with packages pinned in `cpython-ports/<port>/`.

mod bars;
mod environment;
pub mod instructions;
pub mod jit;
pub mod lazy;
mod settings;
