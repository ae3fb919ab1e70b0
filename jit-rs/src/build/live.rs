//! Variables that are read before they are written again.

use super::flow::{Flow, successors};
use crate::opcode as op;
use crate::snapshot::{Code, Instruction};
use rustc_hash::{FxHashMap, FxHashSet};

/// By the instruction, the variables that native code may read behind it before it writes to them: a backward data-flow analysis.
/// Handlers are left out, as they take variables from the frame.
pub type Live = FxHashMap<u32, FxHashSet<u32>>;

/// The live variables at each instruction that is compiled.
pub fn live(code: &Code, flow: &Flow) -> Live {
    let mut offsets: Vec<u32> = flow.instructions.iter().copied().collect();
    offsets.sort_unstable_by(|a, b| b.cmp(a));
    let known = offsets.iter().filter_map(|&offset| {
        let instruction = code.at(offset)?;
        Some((offset, successors(code, instruction), accesses(instruction)))
    });
    let known: Vec<_> = known.collect();
    let mut live = Live::default();
    let mut changed = true;
    while changed {
        changed = false;
        for (offset, targets, (written, read)) in &known {
            let mut now = FxHashSet::default();
            for target in targets {
                now.extend(live.get(target).into_iter().flatten());
            }
            if let Some(written) = written {
                now.remove(written);
            }
            now.extend(read);
            let before = live.insert(*offset, now);
            changed |= before.as_ref() != live.get(offset);
        }
    }
    live
}

/// What an instruction writes to before it reads anything else, and what it reads.
fn accesses(instruction: &Instruction) -> (Option<u32>, Vec<u32>) {
    let oparg = instruction.oparg;
    let (first, second) = (oparg >> 4, oparg & 15);
    match instruction.opcode {
        op::LOAD_FAST | op::LOAD_FAST_CHECK | op::LOAD_FAST_AND_CLEAR | op::DELETE_FAST => {
            (None, vec![oparg])
        }
        op::LOAD_FAST_LOAD_FAST => (None, vec![first, second]),
        op::STORE_FAST => (Some(oparg), vec![]),
        op::STORE_FAST_LOAD_FAST if first != second => (Some(first), vec![second]),
        op::STORE_FAST_LOAD_FAST => (Some(first), vec![]),
        // The other one is taken for live, which does no harm.
        op::STORE_FAST_STORE_FAST => (Some(first), vec![]),
        _ => (None, vec![]),
    }
}
