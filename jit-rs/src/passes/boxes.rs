//! Numbers that need no object as long as native code is not left.

use crate::hir::{Function, Inst, Op, Rep, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// Has the objects of numbers made where native code is left, as far as nothing else needs those among `boxes`.
pub fn sink(function: &mut Function, boxes: &FxHashSet<Value>) {
    let mut raw: FxHashMap<Value, Value> = FxHashMap::default();
    for inst in function.blocks.iter().flat_map(|block| &block.insts) {
        if let (Op::BoxInt | Op::BoxFloat | Op::BoxBool, Some(object)) = (inst.op, inst.result)
            && boxes.contains(&object)
        {
            raw.insert(object, inst.args[0]);
        }
    }
    for block in &mut function.blocks {
        for inst in &block.insts {
            match inst.op {
                // When a number dies is nobody's concern.
                Op::EndInline
                | Op::Releases
                | Op::GuardType(_)
                | Op::UnboxInt
                | Op::UnboxFloat
                | Op::UnboxBool => {}
                // It is some particular object to others.
                _ => raw.retain(|object, _| !inst.args.contains(object)),
            }
        }
        for value in block.end.values_mut() {
            raw.remove(value);
        }
    }
    if raw.is_empty() {
        return;
    }
    for inst in function
        .blocks
        .iter_mut()
        .flat_map(|block| &mut block.insts)
    {
        if matches!(inst.op, Op::EndInline | Op::Releases) {
            inst.args.retain(|value| !raw.contains_key(value));
        }
    }
    for state in &mut function.states {
        for value in state.values_mut() {
            if let Some(&unboxed) = raw.get(value) {
                *value = unboxed;
            }
        }
    }
}

/// Takes what runs no code when it is released away from an instruction that releases, now that this takes the place of what was not
/// made; whether nothing is left.
pub fn releases_nothing(inst: &mut Inst, values: &[(Rep, Type)]) -> bool {
    if inst.op != Op::Releases {
        return false;
    }
    inst.args.retain(|value| {
        let (rep, ty) = values[value.0 as usize];
        rep == Rep::Object && !ty.is(Type::SCALAR | Type::NONE | Type::NULL)
    });
    inst.args.is_empty()
}
