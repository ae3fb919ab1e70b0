//! Removes parameters that always get the same number: they are that.
//!
//! A variable that a loop does not change comes in by a parameter, as all that is unboxed. What is computed of it is the same in each
//! round then, which value numbering can tell.

use super::resolve;
use crate::hir::{Block, End, Function, Rep, Value};
use rustc_hash::FxHashMap;

/// Runs the pass.
pub fn run(function: &mut Function) {
    let same = same(function);
    if same.is_empty() {
        return;
    }
    let removed = |params: &[Value]| {
        params
            .iter()
            .map(|param| same.contains_key(param))
            .collect()
    };
    let blocks = function.blocks.iter();
    let removed: Vec<Vec<bool>> = blocks.map(|block| removed(&block.params)).collect();
    for data in &mut function.blocks {
        data.params.retain(|param| !same.contains_key(param));
        if let End::Jump(target, args) = &mut data.end {
            let mut removed = removed[target.0 as usize].iter();
            args.retain(|_| removed.next() == Some(&false));
        }
    }
    let params = same.keys();
    function.rename(
        &params
            .map(|param| (*param, resolve(&same, *param)))
            .collect(),
    );
}

/// What parameters always get.
fn same(function: &Function) -> FxHashMap<Value, Value> {
    let mut given: FxHashMap<Block, Vec<&[Value]>> = FxHashMap::default();
    for data in &function.blocks {
        if let End::Jump(target, args) = &data.end {
            given.entry(*target).or_default().push(args);
        }
    }
    let mut same = FxHashMap::default();
    // By what some get, others may turn out to get the same.
    loop {
        let before = same.len();
        for (index, data) in function.blocks.iter().enumerate() {
            let Some(given) = given.get(&Block(index as u32)) else {
                continue;
            };
            for (place, &param) in data.params.iter().enumerate() {
                if function.rep(param) == Rep::Object || same.contains_key(&param) {
                    continue;
                }
                let values = given.iter().map(|args| resolve(&same, args[place]));
                let mut values = values.filter(|value| *value != param);
                if let Some(value) = values.next()
                    && values.all(|other| other == value)
                {
                    same.insert(param, value);
                }
            }
        }
        if same.len() == before {
            return same;
        }
    }
}
