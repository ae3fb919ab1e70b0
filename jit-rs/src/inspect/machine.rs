//! Machine code, and how it is left.

use crate::codegen::Exit;
use crate::compiler::Unit;
use serde::Serialize;
use std::fmt::Write;

/// The machine code of an entry.
#[derive(Serialize)]
pub struct Machine {
    offset: u32,
    is_loop: bool,
    /// Others in whose place it is entered: where a generator goes on.
    resumes: Vec<u32>,
    /// Whether the interpreter enters it now.
    is_entered: bool,
    address: u64,
    /// Hexadecimal digits.
    bytes: String,
    /// From which byte on it belongs to which instruction.
    spans: Vec<(u32, Option<u16>)>,
    exits: Vec<Left>,
}

/// A place where native code is left.
#[derive(Serialize)]
struct Left {
    address: u64,
    /// The instruction.
    offset: u32,
    kind: Kind,
    times: u32,
    /// The functions that are being executed in place of calls there, outermost first.
    inlined: Vec<String>,
}

/// Why.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// A guess at the instruction was wrong.
    Guess,
    /// It raises, and this handler is left to the interpreter.
    Handler(u32),
    /// It raises, and there is no handler.
    Raise,
    /// Something that the interpreter does.
    Other,
}

impl Machine {
    /// That of a unit of a code object. `name` tells that of others.
    pub fn new(unit: &Unit, id: usize, name: &impl Fn(u64) -> String) -> Self {
        let address = unit.machine.address();
        // SAFETY: the memory is that of the unit, and nobody changes it.
        let bytes = unsafe { std::slice::from_raw_parts(address, unit.machine.size()) };
        let mut digits = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            let _ = write!(digits, "{byte:02x}");
        }
        Self {
            offset: unit.place.offset,
            is_loop: unit.place.is_loop,
            resumes: unit.resumes.clone(),
            is_entered: unit.is_entered(id),
            address: address as u64,
            bytes: digits,
            spans: unit
                .spans
                .iter()
                .map(|span| (span.start, span.offset))
                .collect(),
            exits: unit.exits.iter().map(|exit| left(exit, name)).collect(),
        }
    }
}

fn left(exit: &Exit, name: &impl Fn(u64) -> String) -> Left {
    let kind = if exit.refuted().is_some() {
        Kind::Guess
    } else if let Some((handler, _)) = exit.reached() {
        Kind::Handler(handler)
    } else if exit.raises() {
        Kind::Raise
    } else {
        Kind::Other
    };
    Left {
        address: exit.address(),
        offset: exit.offset(),
        kind,
        times: exit.times(),
        inlined: exit.pushed().map(name).collect(),
    }
}
