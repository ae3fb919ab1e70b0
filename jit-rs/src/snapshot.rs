//! What compiling reads of a code object: a copy, so that it can go on while the program does.

use crate::exceptions::Table;
use crate::feedback::Feedback;
use crate::hir::{Convention, Type};
use crate::history::History;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// An instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Where it begins, with its `EXTENDED_ARG`s, in code units.
    pub start: u32,
    /// Where its opcode is.
    pub offset: u32,
    /// Where the next one begins.
    pub next: u32,
    /// The opcode, as the compiler of CPython wrote it.
    pub opcode: u8,
    /// The opcode that the specializing interpreter made of it.
    pub specialized: u8,
    /// The operand.
    pub oparg: u32,
}

/// An object that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// Its address.
    pub address: u64,
    /// What it is.
    pub ty: Type,
    /// Its value, if it is an int that fits.
    pub int: Option<i64>,
    /// Its value, if it is a float.
    pub float: Option<f64>,
}

/// A function that is called: any with this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callee {
    /// The version of the function.
    pub version: u32,
    /// The address of its code object, which lives as long as a function has the version.
    pub code: u64,
    /// The address of its first instruction, a `RESUME`, but for one that fills the last slots with what the function encloses.
    pub start: u64,
    /// The number of its parameters, which fill the first slots.
    pub arguments: u32,
    /// The size of its frame in words.
    pub frame_size: u32,
    /// Where the address is of what calls enter: its native code, or `clinker_uncompiled()`. Zero if it takes too many arguments.
    pub entry: u64,
}

/// A variable of a module that is relied on to hold an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settled {
    /// The object.
    pub object: Constant,
    /// Whether it is a class.
    pub is_class: bool,
    /// Of a function, the addresses of its globals and builtins.
    pub namespaces: (u64, u64),
    /// How a built-in function is called, at which address.
    pub builtin: Option<(Convention, u64)>,
    /// Where the variable is.
    pub scope: Scope,
}

/// Where such a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Among the globals, a dictionary by its address.
    Globals(u64),
    /// Among the builtins, and not among the globals: the dictionary of globals, and that of builtins.
    Builtins(u64, u64),
    /// An attribute of a module, by its address, with the dictionary of that.
    Module(u64, u64),
}

impl Scope {
    /// The dictionaries in which the variable is looked up.
    pub fn dictionaries(self) -> impl Iterator<Item = u64> {
        let (first, second) = match self {
            Self::Globals(dictionary) | Self::Module(_, dictionary) => (dictionary, None),
            Self::Builtins(globals, builtins) => (globals, Some(builtins)),
        };
        [first].into_iter().chain(second)
    }
}

/// The parameters of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The addresses of the names of all but `*args` and `**kwargs`, in the order of their slots. Each text has one address.
    pub names: Vec<u64>,
    /// How many of them, from the first, can be given by position.
    pub positional: usize,
    /// How many of these cannot be given by a keyword.
    pub positional_only: usize,
    /// Where the others have their defaults in the dictionary of these, if they have one.
    pub keyword_defaults: Vec<Option<u32>>,
    /// Whether `*args` follows.
    pub takes_rest: bool,
    /// Whether `**kwargs` comes last.
    pub takes_keywords: bool,
}

impl Parameters {
    /// Whether they are just so many, which can be given by position.
    pub fn are_given(&self, count: usize) -> bool {
        let takes_others = self.takes_rest || self.takes_keywords;
        self.positional == count && self.names.len() == count && !takes_others
    }
}

/// A function that may be executed in place of a call.
#[derive(Debug, Clone)]
pub struct Inlinee {
    /// Its code.
    pub code: Code,
    /// What its own machine code has taught.
    pub history: History,
    /// In how many ways it comes to its end.
    pub ways: u32,
}

impl Inlinee {
    /// Whether it comes to its end in several ways.
    pub fn has_ways(&self) -> bool {
        self.ways > 1
    }
}

/// A code object.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// Its instructions, in order.
    pub instructions: Vec<Instruction>,
    /// The index of the instruction that begins at each offset, or one that there is none of.
    pub index: Vec<u32>,
    /// All code units, for the inline caches.
    pub units: Vec<u16>,
    /// The address of the first code unit.
    pub address: u64,
    /// The number of slots before the value stack.
    pub locals: u32,
    /// Constants, which the code object keeps.
    pub constants: Vec<Constant>,
    /// The addresses of the names.
    pub names: Vec<u64>,
    /// The number of parameters, all of which are bound when the function starts.
    pub arguments: u32,
    /// Whether each slot holds a cell when the function starts.
    pub cells: Vec<bool>,
    /// The size of a frame in words.
    pub frame_size: u32,
    /// How many of the last slots a call fills with what the function encloses, if native code can make the frame.
    pub enclosed: Option<u32>,
    /// The instrumentation version.
    pub version: u64,
    /// The handlers of exceptions.
    pub exceptions: Table,
    /// Whether calls of it make a generator or a coroutine.
    pub is_generator: bool,
    /// What the interpreter has told of its instructions.
    pub feedback: Arc<Feedback>,
    /// The functions that it calls, by where the calls begin.
    pub callees: FxHashMap<u32, Callee>,
    /// Those that are called by turns, where one function after the other has been seen.
    pub alternatives: FxHashMap<u32, Vec<Callee>>,
    /// Their parameters, by the address of the code object.
    pub parameters: FxHashMap<u64, Arc<Parameters>>,
    /// The addresses of the keywords of such calls, which name their last arguments. Each text has one address.
    pub keywords: FxHashMap<u32, Vec<u64>>,
    /// Those of them that may be executed in place of the call.
    pub inlinees: FxHashMap<u32, Arc<Inlinee>>,
    /// The methods of built-in types that accesses to attributes find, by the address of the descriptor: how they are called, and the
    /// address of what is.
    pub methods: FxHashMap<u64, (Convention, u64)>,
    /// The globals and attributes of modules that are relied on, by where the instructions begin that load them.
    pub settled: FxHashMap<u32, Settled>,
    /// The numbers, strings and the like that classes have as attributes, by the version of the class and their addresses.
    pub class_constants: FxHashMap<(u32, u64), Constant>,
    /// The functions that accesses to attributes of a class find, by its version and their addresses, with the addresses of their globals
    /// and builtins.
    pub functions: FxHashMap<(u32, u64), (u64, u64)>,
    /// The `RESUME`s, by the offsets of their opcodes, that native code is to be entered by besides the one it is compiled
    /// for, as far as they are reached.
    pub resumes: FxHashSet<u32>,
    /// The `SEND`s, by where they begin, after whose end native code is to be entered by the runtime.
    pub sends: FxHashSet<u32>,
}

impl Code {
    /// The instruction that begins at an offset.
    pub fn at(&self, offset: u32) -> Option<&Instruction> {
        let index = *self.index.get(offset as usize)?;
        self.instructions.get(index as usize)
    }

    /// The `RESUME` that begins at an offset, if native code is to be entered by it: the offset of its opcode, and where
    /// the next instruction begins.
    pub fn resume_at(&self, offset: u32) -> Option<(u32, u32)> {
        let resume = self.at(offset)?;
        self.resumes
            .contains(&resume.offset)
            .then_some((resume.offset, resume.next))
    }

    /// The variables that are relied on, also by what is executed in place of calls: their dictionaries and names.
    pub fn variables(&self) -> FxHashSet<(u64, u64)> {
        let own = self.settled.iter().flat_map(|(&start, settled)| {
            let name = self.at(start).map(|load| self.name_of(load));
            let dictionaries = settled.scope.dictionaries();
            dictionaries.filter_map(move |dictionary| Some((dictionary, name?)))
        });
        let inlinees = self.inlinees.values();
        own.chain(inlinees.flat_map(|inlinee| inlinee.code.variables()))
            .collect()
    }

    /// The code objects that are executed in place of calls, also in one another.
    pub fn inner_codes(&self) -> FxHashSet<usize> {
        let inner = self.inlinees.iter().flat_map(|(start, inlinee)| {
            let own = self.callees.get(start).map(|callee| callee.code as usize);
            inlinee.code.inner_codes().into_iter().chain(own)
        });
        inner.collect()
    }

    /// The address of the name that a `LOAD_GLOBAL` or `LOAD_ATTR` looks up.
    pub fn name_of(&self, load: &Instruction) -> u64 {
        self.names[load.oparg as usize >> 1]
    }

    /// Whether native code is to be entered at more than one place.
    pub fn is_entered_elsewhere(&self) -> bool {
        !self.resumes.is_empty() || !self.sends.is_empty()
    }

    /// Whether the instruction whose opcode is at an offset is the `RESUME` at the start of a function: the others have their
    /// locations in their operand, see `RESUME_OPARG_LOCATION_MASK`.
    pub fn is_start(&self, offset: u32) -> bool {
        let resume = self
            .instructions
            .iter()
            .find(|resume| resume.offset == offset);
        resume.is_some_and(|resume| resume.oparg & 3 == 0)
    }

    /// A word of the inline cache of an instruction, the first one being 0.
    pub fn cache16(&self, instruction: &Instruction, index: u32) -> u16 {
        self.units[(instruction.offset + 1 + index) as usize]
    }

    /// Two words of the inline cache.
    pub fn cache32(&self, instruction: &Instruction, index: u32) -> u32 {
        u32::from(self.cache16(instruction, index))
            | u32::from(self.cache16(instruction, index + 1)) << 16
    }

    /// Four words of the inline cache.
    pub fn cache64(&self, instruction: &Instruction, index: u32) -> u64 {
        u64::from(self.cache32(instruction, index))
            | u64::from(self.cache32(instruction, index + 2)) << 32
    }
}
