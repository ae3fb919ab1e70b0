//! Checks what every function has to fulfill.

use super::{Block, End, Function, Inst, Ownership, Rep, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// Checks that definitions dominate uses, that representations fit, and that blocks are linked as they should be.
///
/// # Errors
/// Says what is wrong, and where.
pub fn verify(function: &Function) -> Result<(), String> {
    let mut verifier = Verifier {
        function,
        predecessors: vec![0; function.blocks.len()],
        parents: function.parents(),
        dominators: function.dominators(),
        owners: function.owners(),
        at_end: vec![None; function.blocks.len()],
    };
    for block in &function.blocks {
        for target in block.end.targets() {
            let count = verifier
                .predecessors
                .get_mut(target.0 as usize)
                .ok_or_else(|| format!("{target} does not exist"))?;
            *count += 1;
        }
    }
    // A block that another one branches to sees what that sees; any other sees what its dominator does and is no reference of its
    // own. So references are counted along a tree, and nothing more general is needed.
    for index in 0..function.blocks.len() {
        verifier
            .block(Block(index as u32))
            .map_err(|error| format!("b{index}: {error}"))?;
    }
    Ok(())
}

struct Verifier<'a> {
    function: &'a Function,
    predecessors: Vec<usize>,
    parents: Vec<Option<usize>>,
    dominators: Vec<Option<usize>>,
    owners: FxHashMap<Value, Ownership>,
    /// The values that a block leaves to its successors.
    at_end: Vec<Option<FxHashSet<Value>>>,
}

impl Verifier<'_> {
    fn block(&mut self, block: Block) -> Result<(), String> {
        let data = &self.function.blocks[block.0 as usize];
        let mut seen = FxHashSet::default();
        if let Some(parent) = self.parents[block.0 as usize] {
            // That may come later: then it is a loop that is not entered.
            seen.extend(self.at_end[parent].iter().flatten().copied());
        } else if let Some(before) = self.dominators[block.0 as usize] {
            let before = self.at_end[before].as_ref();
            let before = before.ok_or("comes before what leads there")?;
            let is_owned = |value: &Value| self.owners.get(value) == Some(&Ownership::Owned);
            seen.extend(before.iter().copied().filter(|value| !is_owned(value)));
        }
        if data.handler.is_some()
            && (self.predecessors[block.0 as usize] > 0 || !data.params.is_empty())
        {
            return Err("handles exceptions, and has parameters or predecessors".into());
        }
        for &param in &data.params {
            define(&mut seen, param)?;
        }
        for inst in &data.insts {
            self.inst(&mut seen, inst)
                .map_err(|error| format!("{}: {error}", inst.op))?;
        }
        self.end(&seen, &data.end)
            .map_err(|error| format!("at the end: {error}"))?;
        self.at_end[block.0 as usize] = Some(seen);
        Ok(())
    }

    fn inst(&self, seen: &mut FxHashSet<Value>, inst: &Inst) -> Result<(), String> {
        self.uses(seen, &inst.args)?;
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
            self.state(seen, state)?;
        }
        self.uses(seen, &inst.leave.take)?;
        self.uses(seen, &inst.leave.drop)?;
        match (inst.op.result(), inst.result) {
            (None, None) => Ok(()),
            (Some(rep), Some(value)) if self.function.rep(value) == rep => define(seen, value),
            (expected, found) => Err(format!(
                "the result is {found:?}, and should be {expected:?}"
            )),
        }
    }

    fn end(&self, seen: &FxHashSet<Value>, end: &End) -> Result<(), String> {
        match end {
            End::Jump(target, args) => {
                self.uses(seen, args)?;
                let params = &self.function.blocks[target.0 as usize].params;
                let expected: Vec<Rep> = params.iter().map(|&v| self.function.rep(v)).collect();
                let found: Vec<Rep> = args.iter().map(|&v| self.function.rep(v)).collect();
                if found != expected {
                    return Err(format!("{target} takes {expected:?}, not {found:?}"));
                }
                Ok(())
            }
            End::Branch(value, yes, no) => {
                self.uses(seen, &[*value])?;
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
                self.state(seen, *state)?;
                self.uses(seen, &leave.take)?;
                self.uses(seen, &leave.drop)
            }
            End::Return(value, _) => self.uses(seen, &[*value]),
            End::Yield(end) => {
                self.uses(seen, &end.stack)?;
                self.uses(seen, &[end.value])
            }
            End::Enter(resumes, other) => {
                let targets = resumes.iter().map(|(_, block)| block);
                for target in targets.chain([other]) {
                    let linked = self.predecessors[target.0 as usize] == 1
                        && self.function.blocks[target.0 as usize].params.is_empty();
                    if !linked || !seen.is_empty() {
                        return Err(format!("{target} cannot be entered"));
                    }
                }
                Ok(())
            }
            End::Unreachable => Ok(()),
        }
    }

    fn state(&self, seen: &FxHashSet<Value>, state: super::State) -> Result<(), String> {
        let state = self.function.state(state);
        let values: Vec<Value> = state.values().collect();
        self.uses(seen, &values)?;
        for (slot, value) in &state.dirty {
            self.uses(seen, &[*value])?;
            if self.function.rep(*value) == Rep::Object {
                return Err(format!(
                    "local {slot} is an object that its slot does not hold"
                ));
            }
        }
        for (slot, bound) in &state.unsure {
            self.uses(seen, &[*bound])?;
            if !state.dirty.iter().any(|(dirty, _)| dirty == slot) {
                return Err(format!("local {slot} has no value if it is bound"));
            }
        }
        Ok(())
    }

    fn uses(&self, seen: &FxHashSet<Value>, values: &[Value]) -> Result<(), String> {
        match values.iter().find(|value| !seen.contains(value)) {
            Some(value) => Err(format!("{value} is not defined here")),
            None => Ok(()),
        }
    }
}

fn define(seen: &mut FxHashSet<Value>, value: Value) -> Result<(), String> {
    if seen.insert(value) {
        Ok(())
    } else {
        Err(format!("{value} is defined twice"))
    }
}
