//! The control flow of a code object, from its entries on.

use super::Handlers;
use super::handler::{self, start_of};
use super::quiet;
use crate::exceptions::Handler;
use crate::graph;
use crate::opcode as op;
use crate::snapshot::{Code, Instruction};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// What is compiled for the entries, with some handlers of exceptions.
#[derive(Debug, Default)]
pub struct Flow {
    /// Where its instructions begin.
    pub instructions: FxHashSet<u32>,
    /// Where blocks begin, in reverse post-order; what only handlers lead to comes last.
    pub order: Vec<u32>,
    /// Where several edges meet.
    pub merges: FxHashSet<u32>,
    /// Where loops begin.
    pub loops: FxHashSet<u32>,
    /// The handlers that are compiled, by where their native code begins.
    pub handlers: FxHashMap<u32, Handler>,
    /// The entries.
    pub roots: Vec<u32>,
    /// By where edges lead to, where they come from.
    predecessors: BTreeMap<u32, Vec<u32>>,
}

impl Flow {
    /// The instructions of the loop that begins at an offset: what leads to the jumps back there.
    pub fn body(&self, header: u32) -> FxHashSet<u32> {
        let mut body = FxHashSet::from_iter([header]);
        let sources = |target: u32| {
            let all = self.predecessors.get(&target).into_iter().flatten();
            all.copied()
                .filter(|source| self.instructions.contains(source))
        };
        let jumps = sources(header).filter(|source| *source >= header);
        graph::add_leading_to(&mut body, jumps, sources);
        body
    }
}

/// Whether native code ends at an instruction and may go on later.
pub fn is_suspended(instruction: &Instruction) -> bool {
    matches!(instruction.opcode, op::YIELD_VALUE | op::SEND)
}

/// Where an instruction can go to.
pub fn successors(code: &Code, instruction: &Instruction) -> Vec<u32> {
    let next = instruction.next;
    match instruction.opcode {
        _ if !is_compiled(instruction) => vec![],
        // Native code is entered there again.
        op::YIELD_VALUE => code
            .resume_at(next)
            .map(|(_, body)| body)
            .into_iter()
            .collect(),
        op::SEND => {
            let end = next + instruction.oparg;
            // Native code is entered there as well.
            let is_entered = code.sends.contains(&instruction.start);
            vec![next, end]
                .into_iter()
                .chain(is_entered.then_some(end))
                .collect()
        }
        op::RETURN_VALUE | op::RETURN_CONST | op::RAISE_VARARGS => vec![],
        op::JUMP_FORWARD => vec![next + instruction.oparg],
        op::JUMP_BACKWARD | op::JUMP_BACKWARD_NO_INTERRUPT => vec![next - instruction.oparg],
        op::POP_JUMP_IF_TRUE
        | op::POP_JUMP_IF_FALSE
        | op::POP_JUMP_IF_NONE
        | op::POP_JUMP_IF_NOT_NONE => vec![next, next + instruction.oparg],
        // The end of the loop skips END_FOR and POP_TOP.
        op::FOR_ITER => vec![next, next + instruction.oparg + 2],
        op::BINARY_SUBSCR | op::LOAD_ATTR | op::CALL => {
            let quiet = quiet::handler_of(code, instruction);
            let end = quiet.map(|quiet| quiet.end);
            [next].into_iter().chain(end).collect()
        }
        _ => vec![next],
    }
}

/// Whether native code executes the instruction, instead of leaving it to the interpreter: those that import, and others that are
/// rare. What raises again is left too, unless its handler is compiled (see `handler.rs`).
pub fn is_compiled(instruction: &Instruction) -> bool {
    if instruction.opcode == op::RAISE_VARARGS {
        // What is raised again has its place already.
        return instruction.oparg > 0;
    }
    !matches!(
        instruction.opcode,
        op::RETURN_GENERATOR
            | op::RERAISE
            | op::CLEANUP_THROW
            | op::IMPORT_NAME
            | op::IMPORT_FROM
            | op::EXIT_INIT_CHECK
            | op::INTERPRETER_EXIT
            | op::SETUP_ANNOTATIONS
            | op::COPY_FREE_VARS
            | op::RESERVED
    ) && instruction.opcode < op::MIN_INSTRUMENTED_OPCODE
}

/// Where the `RESUME` at the start of a function begins.
pub fn start(code: &Code) -> Option<u32> {
    let mut resumes = code
        .instructions
        .iter()
        .filter(|instruction| instruction.opcode == op::RESUME);
    let start = resumes.find(|resume| code.is_start(resume.offset))?;
    Some(start.start)
}

/// The offsets of an entry, and of the start of the function if native code is to be entered there as well.
pub fn entries(code: &Code, entry: u32) -> Vec<u32> {
    let start = start(code).and_then(|start| code.resume_at(start));
    start
        .map(|(_, body)| body)
        .into_iter()
        .chain([entry])
        .collect()
}

/// What the walk through the code finds.
#[derive(Debug, Default)]
struct Walk {
    instructions: FxHashSet<u32>,
    /// By where edges lead to, where they come from.
    predecessors: BTreeMap<u32, Vec<u32>>,
    handlers: FxHashMap<u32, Handler>,
    /// The entries and, in the order in which they are found, the handlers.
    roots: Vec<u32>,
}

fn walk(code: &Code, entries: &[u32], reached: &Handlers) -> Walk {
    let mut walk = Walk {
        roots: entries.to_vec(),
        ..Walk::default()
    };
    let mut walked = 0;
    while let Some(&root) = walk.roots.get(walked) {
        let mut work = vec![root];
        while let Some(start) = work.pop() {
            if !walk.instructions.insert(start) {
                continue;
            }
            let Some(instruction) = code.at(start) else {
                continue;
            };
            for target in successors(code, instruction) {
                walk.predecessors.entry(target).or_default().push(start);
                work.push(target);
            }
            // What a handler raises goes to the one around it.
            if let Some(handler) = code.exceptions.handler(instruction.offset)
                && (walked >= entries.len() || reached.contains(handler.offset))
                && handler::is_compiled(code, handler)
                && let start = start_of(code, handler)
                && !walk.handlers.contains_key(&start)
            {
                walk.handlers.insert(start, handler);
                walk.roots.push(start);
            }
        }
        walked += 1;
    }
    walk
}

/// Walks the code from some offsets: all that can be reached, or only the loop that begins at the last and those around it.
/// `reached` are the handlers to compile.
pub fn flow(code: &Code, entries: &[u32], is_loop: bool, reached: &Handlers) -> Flow {
    let mut walk = walk(code, entries, reached);
    if let (true, Some(&header)) = (is_loop, entries.last()) {
        walk.instructions = leading_to(header, &walk.predecessors);
        walk.roots.retain(|root| walk.instructions.contains(root));
        walk.handlers
            .retain(|start, _| walk.instructions.contains(start));
    }
    let edges = |target: u32| {
        let from = walk.predecessors.get(&target).into_iter().flatten();
        from.filter(|start| walk.instructions.contains(start))
            .count()
            + walk.roots.iter().filter(|root| **root == target).count()
    };
    // A block begins where edges meet, after a branch, and where a jump leads to.
    let mut leaders: FxHashSet<u32> = walk.roots.iter().copied().collect();
    let mut merges = FxHashSet::default();
    for &start in &walk.instructions {
        if edges(start) > 1 {
            merges.insert(start);
        }
        let Some(instruction) = code.at(start) else {
            continue;
        };
        let inlinee = code.inlinees.get(&start);
        if inlinee.is_some_and(|inlinee| inlinee.has_ways()) {
            // Its ends meet there.
            merges.insert(instruction.next);
            leaders.insert(instruction.next);
        }
        let targets = successors(code, instruction);
        for &target in targets
            .iter()
            .filter(|target| walk.instructions.contains(target))
        {
            if targets.len() > 1 || target != instruction.next || edges(target) > 1 {
                leaders.insert(target);
            }
        }
    }
    let (entries, handlers) = walk.roots.split_at(walk.roots.len() - walk.handlers.len());
    let mut flow = Flow {
        instructions: walk.instructions,
        merges,
        handlers: walk.handlers,
        roots: entries.to_vec(),
        predecessors: walk.predecessors,
        ..Flow::default()
    };
    let (mut visited, mut all) = (FxHashSet::default(), Vec::new());
    let mut loops = FxHashSet::default();
    let onward = |leader| targets(code, leader, &leaders, &flow, false);
    order(entries, &onward, &mut visited, &mut all, &mut loops);
    for &handler in handlers {
        order(&[handler], &onward, &mut visited, &mut all, &mut loops);
    }
    if !flow.handlers.is_empty() {
        // Loops that handlers close.
        let onward = |leader| targets(code, leader, &leaders, &flow, true);
        order(
            entries,
            &onward,
            &mut FxHashSet::default(),
            &mut Vec::new(),
            &mut loops,
        );
    }
    flow.order = all;
    flow.loops = loops;
    flow
}

/// The instructions that lead to an offset where a loop begins: the loop, and those around it. What follows runs once in a
/// while, and to compile it for each loop of a function anew takes more time and memory than it saves.
fn leading_to(header: u32, predecessors: &BTreeMap<u32, Vec<u32>>) -> FxHashSet<u32> {
    let mut instructions = FxHashSet::default();
    let sources = |start: u32| predecessors.get(&start).into_iter().flatten().copied();
    graph::add_leading_to(&mut instructions, [header], sources);
    instructions
}

/// Where a block goes to, with or without the handlers of what it raises.
fn targets(
    code: &Code,
    leader: u32,
    leaders: &FxHashSet<u32>,
    flow: &Flow,
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
            && flow.handlers.contains_key(&start)
            && !caught.contains(&start)
        {
            caught.push(start);
        }
        let mut targets = successors(code, instruction);
        targets.retain(|target| flow.instructions.contains(target));
        match targets[..] {
            [only] if !leaders.contains(&only) => start = only,
            _ => return [caught, targets].concat(),
        }
    }
}

/// Puts the blocks in order that some roots lead to and no others before them.
fn order(
    roots: &[u32],
    targets: &impl Fn(u32) -> Vec<u32>,
    visited: &mut FxHashSet<u32>,
    order: &mut Vec<u32>,
    loops: &mut FxHashSet<u32>,
) {
    let before = order.len();
    let mut active = FxHashSet::default();
    // As if a block led to all of them.
    let mut stack = vec![(None, roots.to_vec())];
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
                    stack.push((Some(target), targets(target)));
                }
            }
            None => {
                if let Some(leader) = leader {
                    active.remove(&leader);
                    order.push(leader);
                }
                stack.pop();
            }
        }
    }
    order[before..].reverse();
}
