//! Measures: what `cargo xtask bench` runs, with packages pinned in `cpython-ports/<port>/`.

pub mod apps;
mod bars;
mod behavior;
mod callgrind;
pub mod compiled;
pub mod designs;
mod environment;
pub mod instructions;
pub mod jit;
pub mod lazy;
mod ratios;
mod runs;
mod settings;

/// A command as tables show it.
fn shown(command: &[std::ffi::OsString]) -> String {
    let words = command.iter().map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}
