//! `cpython-ports/<port>/bench.toml`: what is measured, and with which packages.

use crate::error::{Context, Failure, Result};
use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Lines of a requirements file of pip: a pinned version and its hashes each.
    pub packages: Vec<String>,
    /// What `bench instructions` measures.
    pub instructions: Instructions,
    /// What `bench lazy-designs` counts.
    pub designs: Designs,
    /// What `bench jit` measures.
    pub jit: Jit,
}

/// Whose instructions are counted with each way to defer imports.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Designs {
    /// Some of the benchmarks that `instructions` counts, and as many loops of them.
    pub benchmarks: Vec<String>,
    /// Some of its operations of dictionaries, likewise. The keys are strings.
    pub operations: Vec<String>,
    /// Functions of the modules in `bench/designs/subject/` whose names end with `_names`.
    pub names: Vec<String>,
    /// How often each is run.
    pub loops: u32,
}

/// How the compiler is measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jit {
    /// How long each benchmark runs.
    pub seconds: f64,
    /// How often.
    pub rounds: u32,
    /// The arguments of each script.
    pub benchmarks: BTreeMap<String, Vec<String>>,
}

/// How instructions are counted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// How many percent more instructions the patched interpreter may execute.
    pub tolerance: f64,
    /// How often the loop of each benchmark is run.
    pub loops: BTreeMap<String, u32>,
    /// Operations of dictionaries.
    pub dictionary: Dictionary,
}

/// Which operations of `bench/dictionary.py` are counted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dictionary {
    /// How many percent more instructions the patched interpreter may execute.
    pub tolerance: f64,
    /// How often each operation is run.
    pub loops: u32,
    /// The operations, without the kind of keys.
    pub operations: Vec<String>,
}

impl Settings {
    /// Reads the file of a port.
    ///
    /// # Errors
    /// When it is missing or not valid.
    pub fn of(workspace: &Workspace, port: &str) -> Result<Self> {
        let path = workspace.port_file(port).with_file_name("bench.toml");
        let text =
            std::fs::read_to_string(&path).doing("read the settings of benchmarks", &path)?;
        toml::from_str(&text).map_err(|error| {
            Failure::environment("the settings of benchmarks are not valid")
                .at(path.display())
                .because(error)
                .next("correct the file")
        })
    }
}
