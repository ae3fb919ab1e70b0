//! Compares deferred imports in the dictionary with the two other designs: instructions that look for them, and a loader
//! that rewrites the code of modules.
//!
//! Each way of reading a deferred import is tried, command-line tools are started, and instructions are counted with nothing
//! deferred and with everything lazy.

mod counts;
mod escapes;
mod subjects;
mod tables;

use super::callgrind::Counter;
use super::runs::Runs;
use super::settings::Settings;
use super::{environment, lazy};
use crate::build::machine;
use crate::error::Result;
use crate::lock::Lock;
use crate::port::Port;
use crate::workspace::Workspace;
use serde::Serialize;

pub use subjects::{Builds, DICTIONARY, INSTRUCTIONS, PRISTINE};

/// What was measured; lists of values are in the order of the designs.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What is compared, stock first.
    designs: Vec<String>,
    /// What each way of reading gets.
    escapes: Vec<escapes::Way>,
    /// Starts of tools with everything lazy, but for stock.
    tools: lazy::Report,
    /// Instructions with eager imports.
    eager: Vec<counts::Row>,
    /// Instructions with everything lazy, but for stock.
    lazy: Vec<counts::Row>,
}

impl Report {
    /// The ways in which the dictionary does not give the object, with what they get.
    pub fn escapes(&self) -> Vec<(String, &str)> {
        escapes::failures(&self.escapes)
    }

    /// Commands that do not do what they do with stock, with the differences.
    pub fn failures(&self) -> Vec<(String, &str)> {
        self.tools.failures()
    }
}

/// Looks whether the machine has what measuring needs.
///
/// # Errors
/// When valgrind is missing.
pub fn check_machine() -> Result<()> {
    machine::require_tool("valgrind")
}

/// Measures, and prints each part when it is there: all of it takes long.
///
/// # Errors
/// When a program fails.
pub fn measure(
    workspace: &Workspace,
    port: &Port,
    plan: &lazy::Plan,
    builds: &Builds,
) -> Result<Report> {
    // Two measurements at once would disturb each other.
    let _lock = Lock::take(&workspace.output().join("bench/run.lock"))?;
    let settings = Settings::of(workspace, &port.name)?;
    let subjects = subjects::prepare(workspace, port, plan, builds)?;
    let packages = &environment::packages(workspace, builds.pristine, &settings.packages)?;
    let counter = Counter {
        workspace,
        packages,
    };
    let counts = counts::Counts {
        counter,
        settings: &settings,
        subjects: &subjects,
    };
    let designs: Vec<_> = subjects.all.iter().map(|one| one.name.clone()).collect();
    let escapes = escapes::all(workspace, &subjects)?;
    tables::escapes(&designs[1..], &escapes);
    let nothing = |_: &Runs, _: &str| Ok(());
    let tools = lazy::measure_with(
        workspace,
        plan,
        builds.pristine,
        PRISTINE,
        &subjects.all,
        nothing,
    )?;
    lazy::print(&tools);
    let eager = counts.eager()?;
    tables::counts("with eager imports", &designs, &eager);
    let lazy = counts.lazy()?;
    tables::counts("with everything lazy but for stock", &designs, &lazy);
    Ok(Report {
        designs,
        escapes,
        tools,
        eager,
        lazy,
    })
}
