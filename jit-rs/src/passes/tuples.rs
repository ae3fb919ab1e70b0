//! Removes tuples that nobody sees, and dictionaries for keywords: scalar replacement after escape analysis.
//!
//! A tuple that is made and taken apart again, as the index of `a[x, y]` is by a `__getitem__()` that is executed in place of a call,
//! or what such a function returns to be unpacked, is not made: its items take the place of what is loaded from it. Where native code is left
//! meanwhile, it is made from them ([`Tuple`]). So it is with the dictionary that a function with `**kwargs` gets if no keyword is given.

use super::boxes;
use super::deaths::Deaths;
use super::resolve;
use crate::hir::{FrameState, Function, Helper, Inst, Op, Rep, Tuple, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// Runs the pass, on tuples of so many items at most.
pub fn run(function: &mut Function, max_items: usize) {
    let mut made = candidates(function, max_items);
    if made.is_empty() {
        return;
    }
    reject(function, &mut made);
    if !made.is_empty() {
        replace(function, &made);
    }
}

/// A tuple that may be removed; without items, a dictionary, as there is only one empty tuple, which is not made.
struct Made {
    /// Where it gets its last item.
    filled: (usize, usize),
    items: Vec<Value>,
}

/// The tuples that are filled where they are made, and dictionaries.
fn candidates(function: &Function, max_items: usize) -> FxHashMap<Value, Made> {
    let mut made = FxHashMap::default();
    for (block, data) in function.blocks.iter().enumerate() {
        let mut filling: FxHashMap<Value, (usize, Vec<Option<Value>>)> = FxHashMap::default();
        for (position, inst) in data.insts.iter().enumerate() {
            match (inst.op, inst.result) {
                (Op::Call(Helper::NewKeywords, _), Some(dict)) => {
                    let (filled, items) = ((block, position), vec![]);
                    made.insert(dict, Made { filled, items });
                }
                (Op::Call(Helper::NewTuple, count), Some(tuple))
                    if (1..=max_items).contains(&(count as usize)) =>
                {
                    filling.insert(tuple, (position, vec![None; count as usize]));
                }
                (Op::PutTupleItem(index), _) => {
                    if let Some((last, items)) = filling.get_mut(&inst.args[1]) {
                        *last = position;
                        items[index as usize] = Some(inst.args[0]);
                    }
                }
                _ => {}
            }
        }
        for (tuple, (last, items)) in filling {
            if let Some(items) = items.into_iter().collect() {
                let filled = (block, last);
                made.insert(tuple, Made { filled, items });
            }
        }
    }
    made
}

/// Takes those out that something needs as a tuple.
fn reject(function: &Function, made: &mut FxHashMap<Value, Made>) {
    let known = constants(function);
    for (index, block) in function.blocks.iter().enumerate() {
        for (position, inst) in block.insts.iter().enumerate() {
            for (argument, value) in inst.args.iter().enumerate() {
                let count = made.get(value).map(|made| made.items.len());
                if count.is_some_and(|count| !is_harmless(inst, argument, count, &known)) {
                    made.remove(value);
                }
            }
            if let Some(state) = inst.state {
                // What leaves before it is filled does not have it.
                made.retain(|tuple, made| {
                    made.filled < (index, position) || !function.state(state).stack.contains(tuple)
                });
            }
        }
        for value in block.end.values() {
            made.remove(&value);
        }
    }
    for state in &function.states {
        let count = |made: &Value| state.stack.iter().filter(|value| *value == made).count();
        // A dictionary is made for one place.
        made.retain(|dict, made| !made.items.is_empty() || count(dict) <= 1);
        // What an object has that is made there is there before it.
        for (_, value) in state.objects.iter().flat_map(|object| &object.fields) {
            made.remove(value);
        }
    }
    let deaths = deaths(function, made);
    made.retain(|tuple, _| deaths[tuple] < 2);
    // One in another one is made with it.
    let inner: Vec<Value> = made.values().flat_map(|made| made.items.clone()).collect();
    for item in inner {
        made.remove(&item);
    }
}

/// How many items of each tuple may die with it: it would release the last one first. Not those that have been taken out of it.
fn deaths(function: &Function, made: &FxHashMap<Value, Made>) -> FxHashMap<Value, usize> {
    let deaths = Deaths::of(function);
    let known = constants(function);
    let mut taken: FxHashSet<(Value, i64)> = FxHashSet::default();
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    for inst in insts.filter(|inst| inst.op == Op::TupleItem) {
        if let Some(&Op::Int(index)) = known.get(&inst.args[1]) {
            taken.insert((inst.args[0], index));
        }
    }
    let count = |(tuple, made): (&Value, &Made)| {
        let end = deaths.last_use(*tuple).unwrap_or(made.filled);
        let items = made.items.iter().enumerate();
        let left = items.filter(|(index, item)| {
            !taken.contains(&(*tuple, *index as i64)) && deaths.may_die(function, **item, end)
        });
        (*tuple, left.count())
    };
    made.iter().map(count).collect()
}

/// Constants that instructions refer to.
fn constants(function: &Function) -> FxHashMap<Value, Op> {
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    let constants = insts.filter(|inst| matches!(inst.op, Op::Int(_) | Op::Null));
    constants
        .filter_map(|inst| Some((inst.result?, inst.op)))
        .collect()
}

/// Whether an instruction needs no tuple of so many items for an operand.
fn is_harmless(inst: &Inst, argument: usize, count: usize, known: &FxHashMap<Value, Op>) -> bool {
    match inst.op {
        Op::PutTupleItem(_) => argument == 1,
        Op::EndInline | Op::Releases => true,
        Op::Size | Op::GuardType(Type::TUPLE) => count > 0,
        Op::Is => known.get(&inst.args[1 - argument]) == Some(&Op::Null),
        Op::TupleItem => matches!(known.get(&inst.args[1]),
                                  Some(&Op::Int(index)) if (0..count as i64).contains(&index)),
        _ => false,
    }
}

fn replace(function: &mut Function, made: &FxHashMap<Value, Made>) {
    let known = constants(function);
    let mut same: FxHashMap<Value, Value> = FxHashMap::default();
    let rename = |same: &FxHashMap<Value, Value>, value: &mut Value| {
        *value = resolve(same, *value);
    };
    let items: FxHashSet<Value> = made.values().flat_map(|made| made.items.clone()).collect();
    for index in 0..function.blocks.len() {
        let mut insts = std::mem::take(&mut function.blocks[index].insts);
        insts.retain_mut(|inst| {
            let tuple = inst.args.iter().find_map(|value| made.get_key_value(value));
            match (inst.op, tuple) {
                (Op::Call(Helper::NewTuple | Helper::NewKeywords, _), _)
                    if inst.result.is_some_and(|result| made.contains_key(&result)) =>
                {
                    inst.op = Op::Null;
                }
                (Op::PutTupleItem(_) | Op::GuardType(_), Some(_)) => return false,
                (Op::Size, Some((_, made))) => {
                    inst.op = Op::Int(made.items.len() as i64);
                    inst.args.clear();
                }
                (Op::Is, Some(_)) => {
                    inst.op = Op::Bool(false);
                    inst.args.clear();
                }
                (Op::EndInline | Op::Releases, Some(_)) => {
                    let args = std::mem::take(&mut inst.args);
                    let objects = args.into_iter().flat_map(|value| match made.get(&value) {
                        Some(made) => made.items.clone(),
                        None => vec![value],
                    });
                    inst.args = objects.collect();
                    if boxes::releases_nothing(inst, &function.values) {
                        return false;
                    }
                }
                (Op::TupleItem, Some((_, made))) => {
                    let Some(&Op::Int(item)) = known.get(&inst.args[1]) else {
                        unreachable!("its index is known");
                    };
                    same.extend(inst.result.zip(Some(made.items[item as usize])));
                    return false;
                }
                _ => {}
            }
            inst.args.iter_mut().for_each(|value| rename(&same, value));
            true
        });
        function.blocks[index].insts = insts;
        for value in function.blocks[index].end.values_mut() {
            rename(&same, value);
        }
    }
    for tuple in made.keys() {
        function.values[tuple.0 as usize] = (Rep::Object, Type::NULL);
    }
    for state in &mut function.states {
        in_state(state, made, |value| rename(&same, value));
    }
    boxes::sink(function, &items);
}

fn in_state(state: &mut FrameState, made: &FxHashMap<Value, Made>, rename: impl Fn(&mut Value)) {
    for (tuple, made) in made {
        let places = state.stack.iter().enumerate();
        let places = places.filter(|(_, value)| *value == tuple);
        let places: Vec<u32> = places.map(|(place, _)| place as u32).collect();
        if !places.is_empty() {
            let items = made.items.clone();
            state.tuples.push(Tuple { places, items });
        }
    }
    state.tuples.sort_unstable_by_key(|tuple| tuple.places[0]);
    state.values_mut().for_each(rename);
}
