//! Clinker's part of the interpreter: a client of the eval hooks.
//!
//! The interpreter calls the functions of `include/clinker.h`, which [`ffi`] defines; nothing else crosses the border.
//! A panic never does: it turns the archive off, and the program goes on in the interpreter.

pub mod dependencies;
pub mod exceptions;
mod feedback;
pub mod filter;
mod graph;
mod heap;
pub mod heat;
pub mod hir;
pub mod history;
pub mod lazy;
pub mod log;
pub mod memory;
pub mod options;
pub mod passes;
pub mod profile;
pub mod report;
pub mod snapshot;
pub mod span;

#[cfg(clinker_headers)]
mod background;
#[cfg(clinker_headers)]
mod build;
#[cfg(clinker_headers)]
mod client;
#[cfg(clinker_headers)]
mod clock;
#[cfg(clinker_headers)]
mod code;
#[cfg(clinker_headers)]
mod codegen;
#[cfg(clinker_headers)]
mod compiler;
#[cfg(clinker_headers)]
mod control;
#[cfg(clinker_headers)]
mod direct;
#[cfg(clinker_headers)]
mod ffi;
#[cfg(clinker_headers)]
mod inspect;
#[cfg(clinker_headers)]
mod job;
#[cfg(clinker_headers)]
mod layout;
#[cfg(clinker_headers)]
mod material;
#[cfg(clinker_headers)]
#[allow(
    dead_code,
    reason = "all opcodes are there, whether they are used or not"
)]
mod opcode;
#[cfg(clinker_headers)]
mod perf;
#[cfg(clinker_headers)]
mod reclaim;
#[cfg(clinker_headers)]
mod refute;
#[cfg(clinker_headers)]
mod runtime;
