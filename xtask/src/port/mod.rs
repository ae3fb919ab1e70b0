//! Ports: which CPython releases are supported, where their sources come from and how they are built.

mod manifest;

pub use manifest::{
    Distribution, Generated, GitOrigin, Normalize, Port, Profile, Release, Variables,
};
