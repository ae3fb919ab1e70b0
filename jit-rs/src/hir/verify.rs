//! Checks what every function has to fulfill.

use super::{End, Function, Inst, Ownership, Rep, Value};
use crate::graph::Dominance;
use rustc_hash::FxHashMap;

/// Checks that definitions dominate uses, that representations fit, and that blocks are linked as they should be.
///
/// # Errors
/// Says what is wrong, and where.
pub fn verify(function: &Function) -> Result<(), String> {
    let mut predecessors = vec![0; function.blocks.len()];
    for block in &function.blocks {
        for target in block.end.targets() {
            let count = predecessors.get_mut(target.0 as usize);
            *count.ok_or_else(|| format!("{target} does not exist"))? += 1;
        }
    }
    let parents = function.parents();
    // What comes before its parent is a loop that is not entered.
    let dominators = function.dominators().into_iter().zip(&parents).enumerate();
    let dominators: Vec<Option<usize>> = dominators
        .map(|(index, (dominator, parent))| parent.or(dominator).filter(|above| *above < index))
        .collect();
    let mut trees = Vec::with_capacity(parents.len());
    for (index, parent) in parents.iter().enumerate() {
        let above = parent.filter(|parent| *parent < index);
        trees.push(above.map_or(index, |parent| trees[parent]));
    }
    let mut verifier = Verifier {
        function,
        predecessors,
        dominance: Dominance::new(&dominators),
        trees,
        owners: function.owners(),
        defined: FxHashMap::default(),
        block: 0,
    };
    for index in 0..function.blocks.len() {
        verifier
            .block(index)
            .map_err(|error| format!("b{index}: {error}"))?;
    }
    Ok(())
}

struct Verifier<'a> {
    function: &'a Function,
    predecessors: Vec<usize>,
    dominance: Dominance,
    /// Of the tree that each block is in below a block where edges meet, that one.
    trees: Vec<usize>,
    owners: FxHashMap<Value, Ownership>,
    /// The values that have been seen, and in which block.
    defined: FxHashMap<Value, usize>,
    /// The block that is being looked at.
    block: usize,
}

impl Verifier<'_> {
    fn block(&mut self, index: usize) -> Result<(), String> {
        self.block = index;
        let data = &self.function.blocks[index];
        if data.handler.is_some() && (self.predecessors[index] > 0 || !data.params.is_empty()) {
            return Err("handles exceptions, and has parameters or predecessors".into());
        }
        for &param in &data.params {
            self.define(param)?;
        }
        for inst in &data.insts {
            self.inst(inst)
                .map_err(|error| format!("{}: {error}", inst.op))?;
        }
        self.end(&data.end)
            .map_err(|error| format!("at the end: {error}"))
    }

    fn inst(&mut self, inst: &Inst) -> Result<(), String> {
        self.uses(&inst.args)?;
        if let Some(expected) = inst.op.operands() {
            let found: Vec<Rep> = inst.args.iter().map(|&v| self.function.rep(v)).collect();
            if found != expected {
                return Err(format!("operands are {found:?} instead of {expected:?}"));
            }
        }
        if inst.op.leaves() && inst.state.is_none() {
            return Err("has no state to leave by".into());
        }
        if let Some(state) = inst.state {
            self.state(state)?;
        }
        self.uses(&inst.leave.take)?;
        self.uses(&inst.leave.drop)?;
        match (inst.op.result(), inst.result) {
            (None, None) => Ok(()),
            (Some(rep), Some(value)) if self.function.rep(value) == rep => self.define(value),
            (expected, found) => Err(format!(
                "the result is {found:?}, and should be {expected:?}"
            )),
        }
    }

    fn end(&self, end: &End) -> Result<(), String> {
        match end {
            End::Jump(target, args) => {
                self.uses(args)?;
                let params = &self.function.blocks[target.0 as usize].params;
                let expected: Vec<Rep> = params.iter().map(|&v| self.function.rep(v)).collect();
                let found: Vec<Rep> = args.iter().map(|&v| self.function.rep(v)).collect();
                if found != expected {
                    return Err(format!("{target} takes {expected:?}, not {found:?}"));
                }
                Ok(())
            }
            End::Branch(value, yes, no) => {
                self.uses(&[*value])?;
                for target in [yes, no] {
                    let linked = self.predecessors[target.0 as usize] == 1
                        && self.function.blocks[target.0 as usize].params.is_empty();
                    if !linked {
                        return Err(format!("{target} has parameters or other predecessors"));
                    }
                }
                Ok(())
            }
            End::Exit(state, leave) | End::Reraise(state, leave) => {
                self.state(*state)?;
                self.uses(&leave.take)?;
                self.uses(&leave.drop)
            }
            End::Return(value, _) => self.uses(&[*value]),
            End::Yield(end) => {
                self.uses(&end.stack)?;
                self.uses(&[end.value])
            }
            End::Enter(resumes, other) => {
                let targets = resumes.iter().map(|(_, block)| block);
                for target in targets.chain([other]) {
                    let linked = self.predecessors[target.0 as usize] == 1
                        && self.function.blocks[target.0 as usize].params.is_empty();
                    if !linked || !self.defined.is_empty() {
                        return Err(format!("{target} cannot be entered"));
                    }
                }
                Ok(())
            }
            End::Unreachable => Ok(()),
        }
    }

    fn state(&self, state: super::State) -> Result<(), String> {
        let state = self.function.state(state);
        let values: Vec<Value> = state.values().collect();
        self.uses(&values)?;
        for (slot, value) in &state.dirty {
            self.uses(&[*value])?;
            if self.function.rep(*value) == Rep::Object {
                return Err(format!(
                    "local {slot} is an object that its slot does not hold"
                ));
            }
        }
        for (slot, bound) in &state.unsure {
            self.uses(&[*bound])?;
            if !state.dirty.iter().any(|(dirty, _)| dirty == slot) {
                return Err(format!("local {slot} has no value if it is bound"));
            }
        }
        Ok(())
    }

    /// A block sees what its dominators have defined. What is owned it sees of the blocks that branch to it alone, so references are
    /// counted along a tree.
    fn uses(&self, values: &[Value]) -> Result<(), String> {
        let is_seen = |value: &Value| {
            let Some(&block) = self.defined.get(value) else {
                return false;
            };
            self.dominance.dominates(block, self.block)
                && (self.trees[block] == self.trees[self.block]
                    || self.owners.get(value) != Some(&Ownership::Owned))
        };
        match values.iter().find(|value| !is_seen(value)) {
            Some(value) => Err(format!("{value} is not defined here")),
            None => Ok(()),
        }
    }

    fn define(&mut self, value: Value) -> Result<(), String> {
        match self.defined.insert(value, self.block) {
            None => Ok(()),
            Some(_) => Err(format!("{value} is defined twice")),
        }
    }
}
