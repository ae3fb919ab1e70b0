//! Loops whose first round is built on its own (loop peeling).
//!
//! A variable that has another type before a loop than at its end, as the sum in `total = 0; for x in xs: total += x * 0.5`,
//! would come in as an object in each round. With the first round apart, the others know what it has left. If a loop runs no other
//! code, what it has loaded and guarded is true of them all (`passes/gvn.rs`).

use super::Builder;
use super::flow::{Flow, is_suspended, successors};
use crate::hir::{Inst, Op, Type};
use crate::snapshot::Code;
use rustc_hash::{FxHashMap, FxHashSet};

/// Loops with more instructions are not copied.
const MAX_INSTRUCTIONS: usize = 300;

/// What the place of an instruction has in the rounds after the first of a loop that is peeled; otherwise it is the offset.
const LATER: u32 = 1 << 31;

/// The offset of the instruction at a place.
pub fn offset(place: u32) -> u32 {
    place & !LATER
}

/// The loops that are peeled.
#[derive(Debug, Default)]
pub struct Peeled {
    /// The loops that instructions are in, by where they begin. None of them is in another one.
    loops: FxHashMap<u32, u32>,
    /// Where they are left to: two edges come there of each that was one.
    exits: FxHashSet<u32>,
}

impl Peeled {
    /// Peels the loop that begins at an offset; gives its instructions if it has not been, and can be.
    pub fn peel(&mut self, code: &Code, flow: &Flow, header: u32) -> Option<FxHashSet<u32>> {
        if !flow.loops.contains(&header) || self.loops.contains_key(&header) {
            return None;
        }
        let body = flow.body(header);
        let is_fit = body.len() <= MAX_INSTRUCTIONS
            && body.iter().all(|offset| {
                let instruction = code.at(*offset);
                (*offset == header || !flow.loops.contains(offset) && !flow.roots.contains(offset))
                    && !instruction.is_some_and(is_suspended)
            });
        if !is_fit {
            return None;
        }
        for &offset in &body {
            self.loops.insert(offset, header);
            let targets = code
                .at(offset)
                .map(|instruction| successors(code, instruction));
            let targets = targets.into_iter().flatten();
            self.exits
                .extend(targets.filter(|target| !body.contains(target)));
        }
        Some(body)
    }

    /// Whether edges meet at an offset because of the rounds.
    pub fn meet(&self, offset: u32) -> bool {
        self.exits.contains(&offset)
    }

    /// Where an edge leads to that comes from a block, unless it comes from elsewhere.
    pub fn place(&self, from: Option<u32>, target: u32) -> u32 {
        let header = self.loops.get(&target);
        match from {
            Some(from) if header.is_some() && self.loops.get(&offset(from)) == header => {
                if header == Some(&target) {
                    target | LATER
                } else {
                    target | from & LATER
                }
            }
            _ => target,
        }
    }

    /// The places where blocks begin: those of a loop one after the other, its first round first.
    pub fn order(&self, flow: &Flow) -> Vec<u32> {
        let mut order = Vec::new();
        for &leader in &flow.order {
            match self.loops.get(&leader) {
                None => order.push(leader),
                Some(&header) if header == leader => {
                    let of_loop = |place: &&u32| self.loops.get(place) == Some(&header);
                    let body: Vec<u32> = flow.order.iter().filter(of_loop).copied().collect();
                    order.extend(&body);
                    order.extend(body.iter().map(|place| place | LATER));
                }
                // It has come with the start of the loop.
                Some(_) => {}
            }
        }
        order
    }
}

impl Builder<'_> {
    /// The loops that run no other code, by where they begin, as far as it is not known already.
    pub(super) fn quiet_loops(&self) -> Vec<u32> {
        let loops = self.function.loops();
        let is_quiet = |header: &u32| {
            let body = self.merges.get(header).and_then(|block| loops.get(block));
            let blocks = body.into_iter().flatten();
            let mut insts = blocks.flat_map(|block| &self.function.blocks[block.0 as usize].insts);
            body.is_some() && insts.all(|inst| self.is_quiet(inst))
        };
        let headers = self.flow.loops.iter().copied();
        headers.filter(is_quiet).collect()
    }

    /// Whether an instruction runs no other code, at least not in the rounds after the first: a variable that has got a number there
    /// releases one.
    fn is_quiet(&self, inst: &Inst) -> bool {
        match inst.op {
            Op::StoreLocal(..) if self.function.ty(inst.args[0]).is(Type::SCALAR) => true,
            Op::DeleteLocal(..) => true,
            op => !op.runs_code() && op != Op::Releases,
        }
    }
}
