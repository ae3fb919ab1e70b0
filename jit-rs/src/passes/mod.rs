//! Passes over the high-level intermediate representation.

pub mod dce;
pub mod refcount;
