//! The client of the lazy hooks: decides about deferred imports, and reports on them.
//!
//! The interpreter calls the functions of `include/clinker_lazy.h`, which [`ffi`] defines. No object of Python gets here:
//! names are text, things are numbers.

pub mod effects;
pub mod log;
pub mod options;
pub mod profile;
pub mod report;
pub mod rules;

#[cfg(clinker_headers)]
mod client;
#[cfg(clinker_headers)]
mod ffi;
