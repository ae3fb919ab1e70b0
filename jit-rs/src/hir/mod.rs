//! The high-level intermediate representation: SSA with block parameters.
//!
//! A function is what one entry compiles to: a code object from one of its instructions on. Values are objects, or
//! unboxed ints, floats and bools. Until `passes::refcount` has run, ops say which references they take and give, and
//! nothing counts them.

mod arithmetic;
mod convention;
mod element;
mod helper;
mod op;
mod origin;
mod parse;
mod print;
mod types;
mod verify;

use crate::exceptions::Handler;
use crate::feedback::Form;
use crate::graph::{self, Dominance};
use crate::snapshot::Callee;
use rustc_hash::{FxHashMap, FxHashSet};

pub use arithmetic::{Comparison, FloatOp, IntOp, Math};
pub use convention::Convention;
pub use element::Element;
pub use helper::{Helper, Passing, Returns};
pub use op::{Op, Ownership};
pub use origin::Origin;
pub use parse::parse;
pub use types::Type;
pub use verify::verify;

/// An SSA value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// A basic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block(pub u32);

/// A [`FrameState`] of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State(pub u32);

/// How a value is represented in machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rep {
    /// A pointer to an object, or NULL.
    Object,
    /// An int that fits 64 bits.
    Int,
    /// A double.
    Float,
    /// A truth value.
    Bool,
}

/// What the interpreter needs to go on at an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameState {
    /// The instruction, in code units.
    pub offset: u32,
    /// The value stack, bottom first.
    pub stack: Vec<Value>,
    /// Local variables whose slot in the frame does not hold their value, with the value.
    pub dirty: Vec<(u32, Value)>,
    /// Those of them that are unbound, or in their slot, unless a truth value is true.
    pub unsure: Vec<(u32, Value)>,
    /// Functions that are being executed in place of a call, outermost first: their frames do not exist.
    pub inlined: Vec<Inlined>,
    /// Tuples and dictionaries that do not exist.
    pub tuples: Vec<Tuple>,
    /// Objects that do not exist.
    pub objects: Vec<Object>,
    /// Whether an edge leads to the instruction, for which variables are guessed to be of some type.
    pub is_edge: bool,
}

/// A tuple that is made where native code is left; without items, it is the dictionary of a call that gives no keywords, as
/// there is only one empty tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// Where it is on the value stack; a dictionary is in one place.
    pub places: Vec<u32>,
    /// Its items.
    pub items: Vec<Value>,
}

/// An object that is made where native code is left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// What stands for it on the value stack ([`Op::Unmade`]).
    pub value: Value,
    /// Its class.
    pub class: Value,
    /// The offsets of its attributes, in the order in which they have been set.
    pub fields: Vec<(u32, Value)>,
}

impl FrameState {
    /// The values on the stack, and those that tuples and objects on it are made of.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        let items = self.tuples.iter().flat_map(|tuple| &tuple.items);
        let parts = self.objects.iter().flat_map(|object| {
            let fields = object.fields.iter().map(|(_, value)| value);
            std::iter::once(&object.class).chain(fields)
        });
        self.stack.iter().chain(items).chain(parts).copied()
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let items = self.tuples.iter_mut().flat_map(|tuple| &mut tuple.items);
        let parts = self.objects.iter_mut().flat_map(|object| {
            let fields = object.fields.iter_mut().map(|(_, value)| value);
            std::iter::once(&mut object.class).chain(fields)
        });
        self.stack.iter_mut().chain(items).chain(parts)
    }

    /// Whether it needs a value.
    pub fn needs(&self, value: Value) -> bool {
        self.values().any(|needed| needed == value)
    }
}

/// The frame that a function would have which is executed in place of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inlined {
    /// The function, by its index among the callees.
    pub callee: u32,
    /// Where its values begin among those on the stack of the state: if it is the `__init__` of a new object, that; the
    /// function, the local variables, the value stack.
    pub base: u32,
    /// Its instruction, in code units.
    pub offset: u32,
    /// The size of the call before it, in code units.
    pub call: u32,
    /// What calls it.
    pub kind: CallKind,
}

/// What calls a function that is executed in place of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// An instruction that calls, or one that the interpreter makes a call of.
    Call,
    /// A class, of whose new object it is the `__init__`: the interpreter pushes another frame as well.
    Class,
    /// An operator or a comparison, by its number of `include/clinker.h`: its operands stay on the stack, and the interpreter looks
    /// whether what the function returns is `NotImplemented`.
    Operator(u8),
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// Its operands.
    pub args: Vec<Value>,
    /// The value it defines.
    pub result: Option<Value>,
    /// Where the interpreter goes on if a guess was wrong, or what is on the stack when it raises.
    pub state: Option<State>,
    /// What leaving at this instruction does to references: set by `passes::refcount`.
    pub leave: Leave,
}

/// The references that have to be taken and dropped when native code is left at an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Leave {
    /// Values on the stack of the state that are borrowed.
    pub take: Vec<Value>,
    /// Values that are owned, and not on the stack of the state.
    pub drop: Vec<Value>,
}

/// How a block ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Goes on in a block, with the values of its parameters.
    Jump(Block, Vec<Value>),
    /// Goes on in the first block if the value is true, else in the second. Neither has parameters or other predecessors.
    Branch(Value, Block, Block),
    /// Leaves to the interpreter.
    Exit(State, Leave),
    /// Raises an exception again, as the `RERAISE`, `END_ASYNC_FOR` or bare `raise` of the state does, for a handler of the function.
    Reraise(State, Leave),
    /// Returns from the function, whose slots hold these.
    Return(Value, Vec<(u32, Type)>),
    /// Suspends the frame of a generator.
    Yield(Yield),
    /// Goes on in the block of the instruction that native code was entered by, if it is one of these by the offset of its
    /// opcode, and else in the other block. None has parameters or other predecessors; it is the end of an empty entry.
    Enter(Vec<(u32, Block)>, Block),
    /// The instruction before it always leaves.
    Unreachable,
}

/// How the frame of a generator is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yield {
    /// What is yielded: the reference is handed over.
    pub value: Value,
    /// What stays on the value stack, bottom first; likewise.
    pub stack: Vec<Value>,
    /// The offset of the opcode of the `YIELD_VALUE`.
    pub offset: u32,
    /// Whether that is the one of a `yield from` or `await`.
    pub delegates: bool,
}

/// A basic block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockData {
    /// What it handles: it is entered with nothing but the frame, from wherever an exception is raised that the
    /// exception table leads to this handler.
    pub handler: Option<Handler>,
    /// Parameters.
    pub params: Vec<Value>,
    /// Instructions.
    pub insts: Vec<Inst>,
    /// How it ends.
    pub end: End,
}

/// A function. Its first block is the entry; definitions come before uses in the order of the blocks.
/// Where edges meet, values that are borrowed or no objects are seen as well as below: see `verify()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Function {
    /// Blocks, in reverse post-order.
    pub blocks: Vec<BlockData>,
    /// The representation and the type that each value has where it is defined.
    pub values: Vec<(Rep, Type)>,
    /// Frame states.
    pub states: Vec<FrameState>,
    /// What it calls.
    pub callees: Vec<Callee>,
    /// What its accesses to attributes of several types find.
    pub forms: Vec<Vec<Form>>,
    /// Values that are known to be classes.
    pub classes: FxHashSet<Value>,
}

impl Function {
    /// A new value.
    pub fn value(&mut self, rep: Rep, ty: Type) -> Value {
        self.values.push((rep, ty));
        Value(self.values.len() as u32 - 1)
    }

    /// A new block, which ends nowhere yet.
    pub fn block(&mut self) -> Block {
        self.blocks.push(BlockData {
            handler: None,
            params: Vec::new(),
            insts: Vec::new(),
            end: End::Unreachable,
        });
        Block(self.blocks.len() as u32 - 1)
    }

    /// How a value is represented.
    pub fn rep(&self, value: Value) -> Rep {
        self.values[value.0 as usize].0
    }

    /// What is known of a value where it is defined.
    pub fn ty(&self, value: Value) -> Type {
        self.values[value.0 as usize].1
    }

    /// The instructions that native code can be entered by besides the one it was compiled for, by the offsets of their opcodes.
    pub fn resumes(&self) -> Vec<u32> {
        match self.blocks.first().map(|entry| &entry.end) {
            Some(End::Enter(resumes, _)) => resumes.iter().map(|(offset, _)| *offset).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a block leads back to itself or to one before it.
    pub fn has_loop(&self) -> bool {
        let leads_back = |(index, block): (usize, &BlockData)| {
            let mut targets = block.end.targets();
            targets.any(|target| target.0 as usize <= index)
        };
        self.blocks.iter().enumerate().any(leads_back)
    }

    /// For each block, the one that branches to it: it has no other predecessor, and sees the values of that one.
    pub fn parents(&self) -> Vec<Option<usize>> {
        let mut parents = vec![None; self.blocks.len()];
        for (index, block) in self.blocks.iter().enumerate() {
            if let End::Branch(_, yes, no) = block.end {
                parents[yes.0 as usize] = Some(index);
                parents[no.0 as usize] = Some(index);
            }
        }
        parents
    }

    /// For each block, those that lead to it.
    pub fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut predecessors = vec![Vec::new(); self.blocks.len()];
        for (index, block) in self.blocks.iter().enumerate() {
            for target in block.end.targets() {
                predecessors[target.0 as usize].push(index);
            }
        }
        predecessors
    }

    /// The blocks of the loops of the program, by the block where each begins. Where native code is entered at the innermost of some,
    /// the others begin later, so it is told by what jumps back as well; the first round, if it is built on its own, does not.
    pub fn loops(&self) -> FxHashMap<Block, FxHashSet<Block>> {
        if !self.has_loop() {
            return FxHashMap::default();
        }
        let dominance = Dominance::new(&self.dominators());
        let predecessors = self.predecessors();
        let before = |block: Block| {
            let before = predecessors[block.0 as usize].iter();
            before.map(|index| Block(*index as u32))
        };
        let mut loops: FxHashMap<Block, FxHashSet<Block>> = FxHashMap::default();
        for (index, data) in self.blocks.iter().enumerate() {
            let last = data.insts.iter().rev();
            let mut last = last.take_while(|inst| !matches!(inst.op, Op::At(_)));
            let End::Jump(header, _) = data.end else {
                continue;
            };
            let is_above = dominance.dominates(header.0 as usize, index);
            if !last.any(|inst| inst.op == Op::BackEdge) || !is_above {
                continue;
            }
            let body = loops.entry(header).or_default();
            body.insert(header);
            graph::add_leading_to(body, [Block(index as u32)], before);
        }
        loops
    }

    /// For each block, the one that dominates it immediately: it sees the values of that one, but for those that are owned if edges meet
    /// there. Handlers are entered from anywhere.
    pub fn dominators(&self) -> Vec<Option<usize>> {
        let targets = |block: &BlockData| block.end.targets().map(|to| to.0 as usize).collect();
        let successors: Vec<Vec<usize>> = self.blocks.iter().map(targets).collect();
        let blocks = self.blocks.iter().enumerate();
        let roots = blocks.filter(|(index, block)| *index == 0 || block.handler.is_some());
        let roots: Vec<usize> = roots.map(|(index, _)| index).collect();
        graph::dominators(&successors, &roots)
    }

    /// Who owns each object, by its value: parameters are owned.
    pub fn owners(&self) -> FxHashMap<Value, Ownership> {
        let insts = self.blocks.iter().flat_map(|block| &block.insts);
        let results = insts.filter_map(|inst| Some((inst.result?, inst.op.ownership())));
        let params = self.blocks.iter().flat_map(|block| &block.params);
        let params = params.map(|&param| (param, Ownership::Owned));
        let all = results.chain(params);
        all.filter(|(value, _)| self.rep(*value) == Rep::Object)
            .collect()
    }

    /// Puts values in the place of others.
    pub fn rename(&mut self, same: &FxHashMap<Value, Value>) {
        let rename = |value: &mut Value| *value = *same.get(value).unwrap_or(value);
        for block in &mut self.blocks {
            let args = block.insts.iter_mut().flat_map(|inst| &mut inst.args);
            args.for_each(rename);
            block.end.values_mut().into_iter().for_each(rename);
        }
        for state in &mut self.states {
            state.values_mut().for_each(rename);
            let variables = state.dirty.iter_mut().chain(&mut state.unsure);
            variables.for_each(|(_, value)| rename(value));
        }
    }

    /// A frame state.
    pub fn state(&self, state: State) -> &FrameState {
        &self.states[state.0 as usize]
    }
}

impl End {
    /// The values that it refers to itself.
    pub fn values(&self) -> Vec<Value> {
        match self {
            Self::Jump(_, args) => args.clone(),
            Self::Branch(value, ..) | Self::Return(value, _) => vec![*value],
            Self::Yield(end) => [&end.stack[..], &[end.value]].concat(),
            Self::Exit(..) | Self::Reraise(..) | Self::Enter(..) | Self::Unreachable => Vec::new(),
        }
    }

    /// The state that it leaves by.
    pub fn state(&self) -> Option<State> {
        match self {
            Self::Exit(state, _) | Self::Reraise(state, _) => Some(*state),
            _ => None,
        }
    }

    /// The values that it refers to itself, to be changed.
    pub fn values_mut(&mut self) -> Vec<&mut Value> {
        match self {
            Self::Jump(_, args) => args.iter_mut().collect(),
            Self::Branch(value, ..) | Self::Return(value, _) => vec![value],
            Self::Yield(end) => end.stack.iter_mut().chain([&mut end.value]).collect(),
            Self::Exit(..) | Self::Reraise(..) | Self::Enter(..) | Self::Unreachable => Vec::new(),
        }
    }

    /// The blocks it may go to.
    pub fn targets(&self) -> impl Iterator<Item = Block> {
        let mut more: &[(u32, Block)] = &[];
        let (first, second) = match self {
            Self::Jump(target, _) => (Some(*target), None),
            Self::Branch(_, yes, no) => (Some(*yes), Some(*no)),
            Self::Enter(resumes, other) => {
                more = resumes;
                (Some(*other), None)
            }
            Self::Exit(..)
            | Self::Reraise(..)
            | Self::Return(..)
            | Self::Yield(_)
            | Self::Unreachable => (None, None),
        };
        let more = more.iter().map(|(_, block)| *block);
        first.into_iter().chain(second).chain(more)
    }
}
