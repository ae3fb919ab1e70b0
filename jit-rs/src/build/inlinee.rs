//! Which functions are small enough to be executed in place of a call of them, and run no code as far as their instructions tell.

use super::History;
use crate::opcode as op;
use crate::snapshot::{Code, Inlinee, Instruction};
use rustc_hash::FxHashMap;

/// Ways of a function to its end.
const MAX_WAYS: u32 = 8;

/// The function with a code, if it is small enough to be executed in place of a call.
pub fn inlinee(code: Code, history: History) -> Option<Inlinee> {
    if code.is_generator || code.cells.contains(&true) {
        return None;
    }
    let ways = ways(&code, &history, 0, &mut FxHashMap::default())?;
    (1..=MAX_WAYS).contains(&ways).then_some(Inlinee {
        code,
        history,
        ways,
    })
}

/// In how many ways a function gets from an instruction to its end; none if it may run code on the way, or is not known how to go. What
/// raises is left to the interpreter, so no handler is on the way.
fn ways(
    code: &Code,
    history: &History,
    start: u32,
    known: &mut FxHashMap<u32, Option<u32>>,
) -> Option<u32> {
    if let Some(&ways) = known.get(&start) {
        return ways;
    }
    let instruction = code.at(start)?;
    let next = instruction.next;
    let count = match instruction.opcode {
        op::RETURN_VALUE | op::RETURN_CONST => Some(1),
        op::JUMP_FORWARD => ways(code, history, next + instruction.oparg, known),
        _ if is_left(code, history, instruction) => Some(0),
        opcode if is_branch(opcode) => {
            let jump = ways(code, history, next + instruction.oparg, known);
            let falls = ways(code, history, next, known);
            jump.zip(falls)
                .map(|(jump, falls)| jump.saturating_add(falls))
        }
        _ if !is_pure(code, instruction) => None,
        _ => {
            let here = code.inlinees.get(&start).map_or(1, |inlinee| inlinee.ways);
            ways(code, history, next, known).map(|ways| ways.saturating_mul(here))
        }
    };
    known.insert(start, count);
    count
}

/// Whether the interpreter takes over there: it raises, or has not been executed by now.
pub(super) fn is_left(code: &Code, history: &History, instruction: &Instruction) -> bool {
    match instruction.opcode {
        op::RAISE_VARARGS => true,
        op::LOAD_GLOBAL => instruction.specialized == instruction.opcode,
        op::CALL => {
            instruction.specialized == instruction.opcode
                && !code.callees.contains_key(&instruction.start)
        }
        op::LOAD_ATTR | op::STORE_ATTR => {
            instruction.specialized == instruction.opcode && code.forms(instruction).is_empty()
        }
        _ => !history.whole && code.is_unseen(instruction),
    }
}

fn is_branch(opcode: u8) -> bool {
    matches!(
        opcode,
        op::POP_JUMP_IF_TRUE
            | op::POP_JUMP_IF_FALSE
            | op::POP_JUMP_IF_NONE
            | op::POP_JUMP_IF_NOT_NONE
    )
}

/// Whether an instruction runs no code, as far as it and its form tell.
fn is_pure(code: &Code, instruction: &Instruction) -> bool {
    let is_inlined = code.inlinees.contains_key(&instruction.start);
    match instruction.opcode {
        op::CALL => {
            is_inlined
                || code.feedback.math.contains_key(&instruction.offset)
                || matches!(
                    instruction.specialized,
                    op::CALL_LEN | op::CALL_ISINSTANCE | op::CALL_TYPE_1
                )
        }
        op::LOAD_ATTR => {
            is_inlined
                || !code.forms(instruction).is_empty()
                || matches!(
                    instruction.specialized,
                    op::LOAD_ATTR_MODULE | op::LOAD_ATTR_CLASS | op::LOAD_ATTR_WITH_HINT
                )
        }
        op::STORE_ATTR => !code.forms(instruction).is_empty(),
        op::CALL_KW => is_inlined,
        opcode => matches!(
            opcode,
            op::NOP
                | op::RESUME
                | op::LOAD_FAST
                | op::LOAD_FAST_LOAD_FAST
                | op::STORE_FAST
                | op::STORE_FAST_LOAD_FAST
                | op::STORE_FAST_STORE_FAST
                | op::LOAD_CONST
                | op::PUSH_NULL
                | op::POP_TOP
                | op::COPY
                | op::SWAP
                | op::BINARY_OP
                | op::COMPARE_OP
                | op::UNARY_NEGATIVE
                | op::UNARY_NOT
                | op::TO_BOOL
                | op::IS_OP
                | op::BINARY_SUBSCR
                | op::STORE_SUBSCR
                | op::LOAD_GLOBAL
                | op::LOAD_ASSERTION_ERROR
                | op::UNPACK_SEQUENCE
                | op::BUILD_TUPLE
        ),
    }
}
