//! What may die when an object that is not made would release it.

use crate::hir::{Function, Op, Ownership, Rep, Type, Value};
use rustc_hash::FxHashMap;

/// A block, and the place in it.
pub type Place = (usize, usize);

/// What tells whether a value may die.
pub struct Deaths {
    defined: FxHashMap<Value, (Place, Op)>,
    /// Where a reference that is borrowed may become one of its own, as what it is borrowed from changes.
    changes: Vec<Place>,
    last: FxHashMap<Value, Place>,
}

impl Deaths {
    /// Looks through a function.
    pub fn of(function: &Function) -> Self {
        let insts = || {
            let blocks = function.blocks.iter().enumerate();
            blocks.flat_map(|(block, data)| {
                let insts = data.insts.iter().enumerate();
                insts.map(move |(position, inst)| ((block, position), inst))
            })
        };
        let defined = insts()
            .filter_map(|(place, inst)| Some((inst.result?, (place, inst.op))))
            .collect();
        let changes = insts()
            .filter(|(_, inst)| {
                let is_store = matches!(
                    inst.op,
                    Op::StoreLocal(..) | Op::DeleteLocal(..) | Op::TakeLocal(_) | Op::SyncLocal(_)
                );
                is_store || inst.op.runs_code() || inst.op.releases()
            })
            .map(|(place, _)| place)
            .collect();
        let mut last = FxHashMap::default();
        for (place, inst) in insts() {
            let stack = inst.state.map(|state| &function.state(state).stack);
            let used = inst.args.iter().chain(stack.into_iter().flatten());
            last.extend(used.map(|&value| (value, place)));
        }
        Self {
            defined,
            changes,
            last,
        }
    }

    /// Where a value is used last, in the order of the blocks.
    pub fn last_use(&self, value: Value) -> Option<Place> {
        self.last.get(&value).copied()
    }

    /// Whether the last reference to a value may go at a place, and something can tell.
    pub fn may_die(&self, function: &Function, value: Value, end: Place) -> bool {
        if function.rep(value) != Rep::Object
            || function
                .ty(value)
                .is(Type::SCALAR | Type::NONE | Type::NULL)
        {
            return false;
        }
        let Some(&(place, op)) = self.defined.get(&value) else {
            // A parameter.
            return true;
        };
        match op.ownership() {
            Ownership::None => false,
            Ownership::Owned => true,
            Ownership::Slot(_) | Ownership::Heap => {
                let mut changes = self.changes.iter();
                changes.any(|change| (place..=end).contains(change))
            }
        }
    }
}
