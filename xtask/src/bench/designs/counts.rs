//! Counts instructions: starts, benchmarks, names that are read in a loop, operations of dictionaries.

use super::subjects::Subjects;
use crate::bench::callgrind::{Counter, Program};
use crate::bench::settings::Settings;
use crate::error::{Failure, Result};
use serde::Serialize;
use std::ffi::OsString;

/// What one program executes.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What it is called in tables.
    pub name: String,
    /// The instructions of each design.
    pub counts: Vec<u64>,
}

/// What is counted.
pub struct Counts<'a> {
    /// Counts.
    pub counter: Counter<'a>,
    /// Which programs.
    pub settings: &'a Settings,
    /// Which interpreters.
    pub subjects: &'a Subjects,
}

impl Counts<'_> {
    /// With eager imports: the start, and benchmarks.
    pub fn eager(&self) -> Result<Vec<Row>> {
        let mut programs = vec![Program::start("start")];
        for name in &self.settings.designs.benchmarks {
            let loops = self.settings.instructions.loops.get(name);
            let loops = loops.ok_or_else(|| {
                Failure::environment(format!("[instructions.loops] has no {name}"))
                    .next("correct the names in [designs] of the port's bench.toml")
            })?;
            let packages = self.counter.packages;
            programs.push(Program::benchmark(packages, name, *loops)?);
        }
        self.rows(&programs, |command| &command[..1])
    }

    /// With everything lazy: the start, names and operations of dictionaries.
    pub fn lazy(&self) -> Result<Vec<Row>> {
        let mut programs = vec![Program::start("start")];
        let designs = &self.settings.designs;
        let script = self.subjects.programs.join("designs/names.py");
        for (module, about) in [
            ("plain_names", ""),
            ("beside_names", " beside a deferred import"),
        ] {
            for name in &designs.names {
                let arguments = vec![script.clone().into(), module.into(), name.into()];
                let name = format!("names, {name}{about}");
                programs.push(Program::script(name, arguments, designs.loops));
            }
        }
        let dictionary = &self.settings.instructions.dictionary;
        let script = self.subjects.programs.join("dictionary.py");
        for operation in &designs.operations {
            let keys = format!("{operation}_str");
            let arguments = vec![script.clone().into(), keys.into()];
            let name = format!("dictionary, {operation}");
            programs.push(Program::script(name, arguments, dictionary.loops));
        }
        self.rows(&programs, |command| command)
    }

    fn rows(&self, programs: &[Program], of: fn(&[OsString]) -> &[OsString]) -> Result<Vec<Row>> {
        let commands = self.subjects.all.iter().map(|one| of(&one.command));
        let commands: Vec<_> = commands.collect();
        let row = |program: &Program| {
            Ok(Row {
                name: program.name.clone(),
                counts: self.counter.each(program, &commands)?,
            })
        };
        programs.iter().map(row).collect()
    }
}
