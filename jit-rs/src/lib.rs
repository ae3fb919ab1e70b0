//! Clinker's part of the interpreter: a client of the eval hooks.
//!
//! The interpreter calls the functions of `include/clinker.h`, which [`ffi`] defines; nothing else crosses the border.
//! A panic never does: it turns the archive off, and the program goes on in the interpreter.

pub mod lazy;
pub mod options;
pub mod profile;
pub mod report;

#[cfg(clinker_headers)]
mod client;
#[cfg(clinker_headers)]
mod code;
#[cfg(clinker_headers)]
mod ffi;
#[cfg(clinker_headers)]
mod layout;
