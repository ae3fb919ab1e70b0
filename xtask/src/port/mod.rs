//! Ports: which CPython releases are supported, where their sources come from and how they are built.

mod manifest;

pub use manifest::{Abi, Distribution, Generated, GitOrigin, Normalize, Port, Profile, Release};
