//! Measures: what `cargo xtask bench` runs, with packages pinned in `cpython-ports/<port>/bench.toml`.

mod environment;
pub mod instructions;
mod settings;
