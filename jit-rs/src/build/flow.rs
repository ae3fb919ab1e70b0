//! The control flow of a code object, from an entry on.

use super::Handlers;
use super::handler::start_of;
use crate::exceptions::Handler;
use crate::opcode as op;
use crate::snapshot::{Code, Instruction};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What can be reached from an entry, by way of some handlers of exceptions too.
#[derive(Debug, Default)]
pub struct Flow {
    /// Where blocks begin, in reverse post-order; what only handlers lead to comes last.
    pub order: Vec<u32>,
    /// Where several edges meet.
    pub merges: HashSet<u32>,
    /// Where loops begin.
    pub loops: HashSet<u32>,
    /// The handlers that are compiled, by where their native code begins.
    pub handlers: HashMap<u32, Handler>,
}

/// Where an instruction can go to.
pub fn successors(instruction: &Instruction) -> Vec<u32> {
    let next = instruction.next;
    match instruction.opcode {
        _ if !is_compiled(instruction) => vec![],
        op::RETURN_VALUE | op::RETURN_CONST | op::RAISE_VARARGS => vec![],
        op::JUMP_FORWARD => vec![next + instruction.oparg],
        op::JUMP_BACKWARD | op::JUMP_BACKWARD_NO_INTERRUPT => vec![next - instruction.oparg],
        op::POP_JUMP_IF_TRUE
        | op::POP_JUMP_IF_FALSE
        | op::POP_JUMP_IF_NONE
        | op::POP_JUMP_IF_NOT_NONE => vec![next, next + instruction.oparg],
        // The end of the loop skips END_FOR and POP_TOP.
        op::FOR_ITER => vec![next, next + instruction.oparg + 2],
        _ => vec![next],
    }
}

/// Code units of the body of a loop that pay for running the generator that it is over from native code: the interpreter
/// enters the frame of a generator without calling.
const LONG_BODY: u32 = 40;

/// Whether native code executes the instruction, instead of leaving it to the interpreter: those that suspend or import.
/// What raises again is left too, unless its handler is compiled (see `handler.rs`).
pub fn is_compiled(instruction: &Instruction) -> bool {
    if instruction.specialized == op::FOR_ITER_GEN && instruction.oparg < LONG_BODY {
        return false;
    }
    if instruction.opcode == op::RAISE_VARARGS {
        // What is raised again has its place already.
        return instruction.oparg > 0;
    }
    !matches!(
        instruction.opcode,
        op::YIELD_VALUE
            | op::SEND
            | op::RETURN_GENERATOR
            | op::RERAISE
            | op::CLEANUP_THROW
            | op::END_ASYNC_FOR
            | op::GET_AITER
            | op::GET_ANEXT
            | op::GET_AWAITABLE
            | op::GET_YIELD_FROM_ITER
            | op::BEFORE_ASYNC_WITH
            | op::IMPORT_NAME
            | op::IMPORT_FROM
            | op::EXIT_INIT_CHECK
            | op::INTERPRETER_EXIT
            | op::SETUP_ANNOTATIONS
            | op::COPY_FREE_VARS
            | op::RESERVED
    ) && instruction.opcode < op::MIN_INSTRUMENTED_OPCODE
}

/// Walks the code from an offset.
pub fn flow(code: &Code, entry: u32, reached: &Handlers) -> Flow {
    let mut edges: BTreeMap<u32, usize> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut handlers = HashMap::new();
    // Handlers follow in the order in which they are found.
    let mut roots = vec![entry];
    let mut walked = 0;
    while let Some(&root) = roots.get(walked) {
        *edges.entry(root).or_default() += 1;
        let mut work = vec![root];
        while let Some(start) = work.pop() {
            if !seen.insert(start) {
                continue;
            }
            let Some(instruction) = code.at(start) else {
                continue;
            };
            for target in successors(instruction) {
                *edges.entry(target).or_default() += 1;
                work.push(target);
            }
            // What a handler raises goes to the one around it.
            if let Some(handler) = code.exceptions.handler(instruction.offset)
                && (walked > 0 || reached.contains(handler.offset))
                && let start = start_of(code, handler)
                && code.at(start).is_some_and(is_compiled)
                && !handlers.contains_key(&start)
            {
                handlers.insert(start, handler);
                roots.push(start);
            }
        }
        walked += 1;
    }
    // A block begins where edges meet, after a branch, and where a jump leads to.
    let mut leaders: HashSet<u32> = roots.iter().copied().collect();
    for &start in &seen {
        let Some(instruction) = code.at(start) else {
            continue;
        };
        let targets = successors(instruction);
        for &target in &targets {
            if targets.len() > 1 || target != instruction.next || edges[&target] > 1 {
                leaders.insert(target);
            }
        }
    }
    let mut flow = Flow {
        merges: edges
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(target, _)| *target)
            .collect(),
        handlers,
        ..Flow::default()
    };
    let mut visited = HashSet::new();
    let onward = |leader| targets(code, leader, &leaders, &flow.handlers, false);
    for &root in &roots {
        order(
            root,
            &onward,
            &mut visited,
            &mut flow.order,
            &mut flow.loops,
        );
    }
    if !flow.handlers.is_empty() {
        // Loops that handlers close.
        let onward = |leader| targets(code, leader, &leaders, &flow.handlers, true);
        let (mut visited, mut order) = (HashSet::new(), Vec::new());
        self::order(entry, &onward, &mut visited, &mut order, &mut flow.loops);
    }
    flow
}

/// Where a block goes to, with or without the handlers of what it raises.
fn targets(
    code: &Code,
    leader: u32,
    leaders: &HashSet<u32>,
    handlers: &HashMap<u32, Handler>,
    with_handlers: bool,
) -> Vec<u32> {
    let mut caught = Vec::new();
    let mut start = leader;
    loop {
        let Some(instruction) = code.at(start) else {
            return caught;
        };
        if with_handlers
            && let Some(handler) = code.exceptions.handler(instruction.offset)
            && let start = start_of(code, handler)
            && handlers.contains_key(&start)
            && !caught.contains(&start)
        {
            caught.push(start);
        }
        let targets = successors(instruction);
        match targets[..] {
            [only] if !leaders.contains(&only) => start = only,
            _ => return [caught, targets].concat(),
        }
    }
}

/// Puts the blocks in order that a root leads to and no other before it.
fn order(
    root: u32,
    targets: &impl Fn(u32) -> Vec<u32>,
    visited: &mut HashSet<u32>,
    order: &mut Vec<u32>,
    loops: &mut HashSet<u32>,
) {
    if !visited.insert(root) {
        return;
    }
    let before = order.len();
    let mut active = HashSet::from([root]);
    let mut stack = vec![(root, targets(root))];
    while let Some((leader, rest)) = stack.last_mut() {
        let leader = *leader;
        // The last first, so that the others come before it in the order.
        match rest.pop() {
            Some(target) => {
                if active.contains(&target) {
                    loops.insert(target);
                }
                if visited.insert(target) {
                    active.insert(target);
                    stack.push((target, targets(target)));
                }
            }
            None => {
                active.remove(&leader);
                order.push(leader);
                stack.pop();
            }
        }
    }
    order[before..].reverse();
}
