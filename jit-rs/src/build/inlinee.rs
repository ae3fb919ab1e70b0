//! Which functions are small enough to be executed in place of a call of them, and run no code as far as their instructions tell.

use super::History;
use crate::opcode as op;
use crate::snapshot::{Code, Inlinee, Instruction};
use rustc_hash::FxHashMap;

/// Ways of a function to its end.
const MAX_WAYS: u32 = 8;

/// The function with a code, if it is small enough to be executed in place of a call.
pub fn inlinee(code: Code, history: History) -> Option<Inlinee> {
    let ways =
        is_small(&code, &history).then(|| ways(&code, &history, 0, &mut FxHashMap::default()))?;
    (1..=MAX_WAYS).contains(&ways).then_some(Inlinee {
        code,
        history,
        ways,
    })
}

/// In how many ways a function gets from an instruction to its end.
fn ways(code: &Code, history: &History, start: u32, known: &mut FxHashMap<u32, u32>) -> u32 {
    if let Some(&ways) = known.get(&start) {
        return ways;
    }
    let Some(instruction) = code.at(start) else {
        return 0;
    };
    let next = instruction.next;
    let count = match instruction.opcode {
        op::RETURN_VALUE | op::RETURN_CONST => 1,
        op::JUMP_FORWARD => ways(code, history, next + instruction.oparg, known),
        _ if is_left(code, history, instruction) => 0,
        opcode if is_branch(opcode) => {
            let jump = ways(code, history, next + instruction.oparg, known);
            jump.saturating_add(ways(code, history, next, known))
        }
        _ => {
            let here = code.inlinees.get(&start).map_or(1, |inlinee| inlinee.ways);
            ways(code, history, next, known).saturating_mul(here)
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

/// Whether an instruction that may run code does not, as far as its form tells.
fn is_pure(code: &Code, history: &History, instruction: &Instruction) -> bool {
    let is_inlined = code.inlinees.contains_key(&instruction.start);
    match instruction.opcode {
        _ if is_left(code, history, instruction) => true,
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
        _ => true,
    }
}

/// Whether a function consists of instructions that may run no code, as far as they alone tell.
fn is_small(code: &Code, history: &History) -> bool {
    code.exceptions.is_empty()
        && !code.is_generator
        && !code.cells.contains(&true)
        && code
            .instructions
            .iter()
            .all(|instruction| is_pure(code, history, instruction))
        && code.instructions.iter().all(|instruction| {
            is_branch(instruction.opcode)
                || matches!(
                    instruction.opcode,
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
                        | op::LOAD_ATTR
                        | op::STORE_ATTR
                        | op::LOAD_GLOBAL
                        | op::LOAD_ASSERTION_ERROR
                        | op::UNPACK_SEQUENCE
                        | op::BUILD_TUPLE
                        | op::RAISE_VARARGS
                        | op::CALL
                        | op::CALL_KW
                        | op::JUMP_FORWARD
                        | op::RETURN_VALUE
                        | op::RETURN_CONST
                )
        })
}
