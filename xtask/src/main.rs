//! `cargo xtask`: builds, tests and exports Clinker's CPython patch series.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod bisect;
mod build;
mod ci;
mod commands;
mod dist;
mod docs;
mod error;
mod export;
mod files;
mod git;
mod glibc;
mod lock;
mod pip;
mod port;
mod process;
mod readelf;
mod series;
mod source;
mod suite;
mod ui;
mod validate;
mod wheel;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(status) => status,
        Err(failure) => {
            ui::error_line(&failure);
            ExitCode::from(failure.kind as u8)
        }
    }
}
