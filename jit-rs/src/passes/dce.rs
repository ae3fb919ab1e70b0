//! Removes instructions whose result nobody uses and that have no other effect.

use crate::hir::{End, Function, Value};
use std::collections::HashSet;

/// Runs the pass.
pub fn run(function: &mut Function) {
    let mut used = HashSet::new();
    let mut states = HashSet::new();
    // Uses come after definitions in the order of the blocks, and parameters are kept.
    for index in (0..function.blocks.len()).rev() {
        match &function.blocks[index].end {
            End::Jump(_, args) => used.extend(args.iter().copied()),
            End::Branch(value, ..) | End::Return(value, _) => {
                used.insert(*value);
            }
            End::Exit(state, _) => {
                states.insert(*state);
                use_state(function, *state, &mut used);
            }
            End::Unreachable => {}
        }
        let mut insts = std::mem::take(&mut function.blocks[index].insts);
        let mut kept = Vec::with_capacity(insts.len());
        while let Some(inst) = insts.pop() {
            let needed =
                inst.op.has_effect() || inst.result.is_some_and(|value| used.contains(&value));
            // A load that leaves if there is nothing to load is a guard.
            if !needed && inst.state.is_none() {
                continue;
            }
            used.extend(inst.args.iter().copied());
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
}

fn use_state(function: &Function, state: crate::hir::State, used: &mut HashSet<Value>) {
    let state = function.state(state);
    used.extend(state.stack.iter().copied());
    used.extend(state.dirty.iter().map(|(_, value)| *value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hir::{Inst, Leave, Op, Type};

    #[test]
    fn only_what_nobody_needs_goes() {
        let mut function = Function::default();
        function.block();
        let mut values = vec![];
        for op in [Op::Int(1), Op::Int(2), Op::Int(3), Op::LoadStack(0)] {
            let rep = op.result().expect("it has a result");
            let value = function.value(rep, Type::OBJECT);
            function.blocks[0].insts.push(Inst {
                op,
                args: vec![],
                result: Some(value),
                state: None,
                leave: Leave::default(),
            });
            values.push(value);
        }
        // One is in a frame state, and taking from the stack is an effect.
        function.states.push(crate::hir::FrameState {
            offset: 4,
            stack: vec![values[1]],
            dirty: vec![],
        });
        function.blocks[0].end = End::Exit(crate::hir::State(0), Leave::default());
        run(&mut function);
        assert_eq!(
            function.to_string(),
            "b0():\n    v1: i64 = Int(2)\n    v3 = LoadStack(0)\n    Exit @4 [v1]\n"
        );
    }
}
