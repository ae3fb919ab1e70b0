//! Measures: what `cargo xtask bench` runs, with packages pinned in `cpython-ports/<port>/`.

mod environment;
pub mod instructions;
pub mod lazy;
mod settings;
