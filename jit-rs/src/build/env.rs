//! What is known while a block is built.

use crate::hir::{Rep, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// A local variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// What the slot in the frame holds.
    pub slot: Type,
    /// The object in the slot, if it has been loaded.
    pub object: Option<Value>,
    /// Its value, if the slot does not hold it: an unboxed one. The slot holds a scalar or nothing then.
    pub raw: Option<Value>,
}

/// What is known at a point.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// Local variables.
    pub locals: Vec<Local>,
    /// The value stack.
    pub stack: Vec<Value>,
    /// What guards have told about objects.
    pub types: FxHashMap<Value, Type>,
    /// The unboxed value of objects.
    pub raw: FxHashMap<Value, Value>,
    /// Unboxed values of variables that may be unbound, or in their slot and not read from there, with whether they are bound.
    pub unsure: FxHashMap<Value, Value>,
    /// The objects of unboxed values.
    pub boxed: FxHashMap<Value, Value>,
    /// Truth values that are known.
    pub bools: FxHashMap<Value, bool>,
    /// Ints that are known.
    pub ints: FxHashMap<Value, i64>,
    /// The versions that the types of objects have, until code runs.
    pub versions: FxHashMap<Value, u32>,
    /// Objects that may have a reference of their own, which is dropped when the stack and the variables do not need them any more.
    pub held: FxHashSet<Value>,
    /// Tuples that an iterator keeps and gives to the instruction that unpacks them, with an index that is not in them yet.
    pub unpacked: FxHashMap<Value, Option<Value>>,
    /// Whether no code has run since it was last asked whether an event is pending.
    pub polled: bool,
}

/// How a local variable comes into a block where edges meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In its slot, which holds this.
    Slot(Type),
    /// In its slot, which holds an object whose unboxed value is a parameter.
    Known(Rep),
    /// Unboxed, as a parameter: the result of arithmetic, which is no particular object.
    Raw(Rep),
    /// The same, if it is bound, which another parameter tells: it gets its first value in the loop. Else the slot is what holds it, if anything does.
    Unsure(Rep),
}

/// What a block where edges meet gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Local variables.
    pub locals: Vec<Kind>,
    /// The value stack.
    pub stack: Vec<(Rep, Type)>,
}

/// The type of the objects of a representation.
pub fn boxed_type(rep: Rep) -> Type {
    match rep {
        Rep::Object => Type::OBJECT,
        Rep::Int => Type::INT,
        Rep::Float => Type::FLOAT,
        Rep::Bool => Type::BOOL,
    }
}
