//! Removes instructions whose result nobody uses and that have no other effect.

use crate::hir::{Function, Op, Value};
use rustc_hash::FxHashSet;

/// Runs the pass.
pub fn run(function: &mut Function) {
    let mut used = FxHashSet::default();
    let mut states = FxHashSet::default();
    let mut removed = FxHashSet::default();
    // Uses come after definitions in the order of the blocks, and parameters are kept.
    for index in (0..function.blocks.len()).rev() {
        let end = &function.blocks[index].end;
        used.extend(end.values());
        if let Some(state) = end.state() {
            states.insert(state);
            use_state(function, state, &mut used);
        }
        let mut insts = std::mem::take(&mut function.blocks[index].insts);
        let mut kept = Vec::with_capacity(insts.len());
        while let Some(inst) = insts.pop() {
            let needed =
                inst.op.has_effect() || inst.result.is_some_and(|value| used.contains(&value));
            // A load that leaves if there is nothing to load is a guard.
            if !needed && inst.state.is_none() {
                removed.extend(inst.result);
                continue;
            }
            // What is released has no further use.
            if inst.op != Op::Releases {
                used.extend(inst.args.iter().copied());
            }
            if let Some(state) = inst.state
                && states.insert(state)
            {
                use_state(function, state, &mut used);
            }
            kept.push(inst);
        }
        kept.reverse();
        function.blocks[index].insts = kept;
    }
    for block in &mut function.blocks {
        block.insts.retain_mut(|inst| {
            let is_release = inst.op == Op::Releases;
            if is_release {
                inst.args.retain(|value| !removed.contains(value));
            }
            !(is_release && inst.args.is_empty())
        });
    }
}

fn use_state(function: &Function, state: crate::hir::State, used: &mut FxHashSet<Value>) {
    let state = function.state(state);
    used.extend(state.values());
    let variables = state.dirty.iter().chain(&state.unsure);
    used.extend(variables.map(|(_, value)| *value));
}
