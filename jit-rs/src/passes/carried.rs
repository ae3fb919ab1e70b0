//! Keeps the numbers that an innermost loop carries from round to round in registers.
//!
//! Cranelift's register allocator takes what a block parameter gets and what it is given on for one value, as far as it can. Once
//! that had to be split for more than two calls, all of it is in memory (`MAX_SPLITS_PER_SPILLSET` of regalloc2). So a sum that the loops around
//! carry as well, which call something, went through memory in each round. It becomes another value where the loop is entered
//! and left ([`Op::Renew`]).

use crate::hir::{Block, End, Function, Inst, Leave, Op, Rep, State, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// Runs the pass.
pub fn run(function: &mut Function) {
    let loops = function.loops();
    let mut innermost: Vec<Block> = loops.keys().copied().collect();
    innermost.retain(|header| {
        let mut others = loops[header].iter();
        !others.any(|block| block != header && loops.contains_key(block))
    });
    innermost.sort_unstable();
    for header in innermost {
        let carried = carried(function, header, &loops[&header]);
        if !carried.is_empty() {
            renew(function, header, &loops[&header], &carried);
        }
    }
}

/// The floats among the parameters of a loop, by their places, that it uses to compute what it gives on for them; with what that
/// is.
fn carried(
    function: &Function,
    header: Block,
    body: &FxHashSet<Block>,
) -> FxHashMap<usize, Vec<Value>> {
    let data = |block: &Block| &function.blocks[block.0 as usize];
    let used: FxHashSet<Value> = body
        .iter()
        .flat_map(|block| &data(block).insts)
        .flat_map(|inst| inst.args.iter().copied())
        .collect();
    let params = data(&header).params.iter().enumerate();
    let floats =
        params.filter(|&(_, &param)| function.rep(param) == Rep::Float && used.contains(&param));
    let given = |(index, &param): (usize, &Value)| {
        let given = body.iter().filter_map(|block| match &data(block).end {
            End::Jump(target, args) if *target == header => Some(args[index]),
            _ => None,
        });
        let given: Vec<Value> = given.filter(|value| *value != param).collect();
        (!given.is_empty()).then_some((index, given))
    };
    floats.filter_map(given).collect()
}

fn renew(
    function: &mut Function,
    header: Block,
    body: &FxHashSet<Block>,
    carried: &FxHashMap<usize, Vec<Value>>,
) {
    // Where it is entered.
    for index in 0..function.blocks.len() {
        if body.contains(&Block(index as u32)) {
            continue;
        }
        let End::Jump(target, mut args) = function.blocks[index].end.clone() else {
            continue;
        };
        if target == header {
            for &place in carried.keys() {
                let inst = renewed(function, args[place]);
                args[place] = inst.result.expect("it has one");
                function.blocks[index].insts.push(inst);
            }
            function.blocks[index].end = End::Jump(target, args);
        }
    }
    // Where it is left.
    let params = &function.blocks[header.0 as usize].params;
    let own = carried.keys().map(|&place| params[place]);
    let all: FxHashSet<Value> = carried.values().flatten().copied().chain(own).collect();
    let parents = function.parents();
    for index in 0..function.blocks.len() {
        let is_left = parents[index].is_some_and(|parent| body.contains(&Block(parent as u32)))
            && !body.contains(&Block(index as u32));
        if is_left {
            let below = below(&parents, index);
            let mut values: Vec<Value> =
                used(function, &below).intersection(&all).copied().collect();
            values.sort_unstable();
            let insts: Vec<Inst> = values
                .iter()
                .map(|&value| renewed(function, value))
                .collect();
            let results = insts.iter().filter_map(|inst| inst.result);
            let new = values.iter().copied().zip(results).collect();
            substitute(function, &below, &new);
            function.blocks[index].insts.splice(0..0, insts);
        }
    }
}

/// An instruction that gives a number as another value.
fn renewed(function: &mut Function, value: Value) -> Inst {
    Inst {
        op: Op::Renew,
        args: vec![value],
        result: Some(function.value(Rep::Float, Type::NEVER)),
        state: None,
        leave: Leave::default(),
    }
}

/// A block and those that nothing else leads to, in order.
fn below(parents: &[Option<usize>], block: usize) -> Vec<usize> {
    let mut below = vec![block];
    for (index, parent) in parents.iter().enumerate() {
        if parent.is_some_and(|parent| below.contains(&parent)) {
            below.push(index);
        }
    }
    below
}

/// The numbers that blocks use.
fn used(function: &Function, blocks: &[usize]) -> FxHashSet<Value> {
    let mut used = FxHashSet::default();
    let add = |state: Option<State>| {
        let dirty = state.map(|state| &function.state(state).dirty);
        let state = state.map(|state| function.state(state).values());
        let dirty = dirty.into_iter().flatten().map(|(_, value)| *value);
        dirty.chain(state.into_iter().flatten()).collect::<Vec<_>>()
    };
    for &index in blocks {
        let data = &function.blocks[index];
        for inst in &data.insts {
            used.extend(inst.args.iter().copied().chain(add(inst.state)));
        }
        used.extend(data.end.values());
        used.extend(add(data.end.state()));
    }
    used
}

/// Has blocks use other values. Others may have the same states.
fn substitute(function: &mut Function, blocks: &[usize], new: &FxHashMap<Value, Value>) {
    let replace = |value: &mut Value| *value = *new.get(value).unwrap_or(value);
    let mut states: FxHashMap<State, State> = FxHashMap::default();
    for &index in blocks {
        let mut data = function.blocks[index].clone();
        let ends = match &mut data.end {
            End::Exit(state, _) | End::Reraise(state, _) => Some(state),
            _ => None,
        };
        let insts = data.insts.iter_mut();
        let inner = insts.filter_map(|inst| {
            inst.args.iter_mut().for_each(replace);
            inst.state.as_mut()
        });
        for state in inner.chain(ends) {
            let before = *state;
            *state = *states.entry(before).or_insert_with(|| {
                let mut other = function.state(before).clone();
                other.values_mut().for_each(replace);
                other.dirty.iter_mut().for_each(|(_, value)| replace(value));
                if other == *function.state(before) {
                    return before;
                }
                function.states.push(other);
                State(function.states.len() as u32 - 1)
            });
        }
        data.end.values_mut().into_iter().for_each(replace);
        function.blocks[index] = data;
    }
}
