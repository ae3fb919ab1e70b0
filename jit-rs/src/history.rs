//! What is compiled of a code object, and what earlier machine code has taught.

use crate::snapshot::Code;
use rustc_hash::{FxHashMap, FxHashSet};

/// What to compile.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The instruction to begin with.
    pub offset: u32,
    /// The height of the value stack there.
    pub depth: u32,
    /// Whether it is the start of a function: its parameters are bound, and its other variables are not.
    pub is_start: bool,
    /// Whether it is the start of a loop: that and those around it are compiled, not what follows.
    pub is_loop: bool,
}

impl Entry {
    /// Where native code begins that is entered by the `RESUME` or, for a loop, `JUMP_BACKWARD` at an offset, after which the
    /// value stack has a height.
    pub fn at(code: &Code, offset: u32, depth: u32, is_loop: bool) -> Option<Self> {
        let instruction = code
            .instructions
            .iter()
            .find(|instruction| instruction.offset == offset)?;
        let is_start = !is_loop && code.is_start(offset);
        Some(Self {
            offset: if is_loop {
                instruction.next - instruction.oparg
            } else {
                instruction.next
            },
            depth,
            is_start,
            is_loop,
        })
    }
}

/// Handlers of exceptions that are compiled: others are left to the interpreter. Most are never reached.
#[derive(Debug, Clone)]
pub enum Handlers {
    /// All.
    All,
    /// Those that have been reached often, by where they begin.
    Reached(FxHashSet<u32>),
}

impl Default for Handlers {
    fn default() -> Self {
        Self::Reached(FxHashSet::default())
    }
}

impl Handlers {
    /// Whether the handler that begins at an offset is compiled.
    pub fn contains(&self, offset: u32) -> bool {
        match self {
            Self::All => true,
            Self::Reached(offsets) => offsets.contains(&offset),
        }
    }

    /// A handler has been reached often; false if that was known.
    pub fn add(&mut self, offset: u32) -> bool {
        match self {
            Self::All => false,
            Self::Reached(offsets) => offsets.insert(offset),
        }
    }
}

/// What earlier versions of the code have taught.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Handlers that are compiled.
    pub handlers: Handlers,
    /// How many guesses at instructions have been wrong too often, by where they begin.
    pub refuted: FxHashMap<u32, u32>,
    /// Where edges lead to for which variables were guessed wrong too often.
    pub unexpected: FxHashSet<u32>,
    /// Whether no guess is to be made at all.
    pub generic: bool,
    /// Whether what has not been executed is compiled as well, without a guess. Else native code is left there.
    pub whole: bool,
}

impl History {
    /// Whether a guess may be made at an instruction, by where it begins.
    pub fn may_guess(&self, start: u32) -> bool {
        !self.generic && !self.refuted.contains_key(&start)
    }
}
