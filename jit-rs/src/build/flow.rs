//! The control flow of a code object, from its entries on.

use crate::opcode as op;
use crate::snapshot::{Code, Instruction};
use std::collections::{BTreeMap, HashSet};

/// What is compiled for the entries, without the handlers of exceptions.
#[derive(Debug, Default)]
pub struct Flow {
    /// Where its instructions begin.
    pub instructions: HashSet<u32>,
    /// Where blocks begin, in reverse post-order.
    pub order: Vec<u32>,
    /// Where several edges meet.
    pub merges: HashSet<u32>,
    /// Where loops begin.
    pub loops: HashSet<u32>,
}

/// Where an instruction can go to.
fn successors(code: &Code, instruction: &Instruction) -> Vec<u32> {
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
        _ => vec![next],
    }
}

/// Whether native code executes the instruction, instead of leaving it to the interpreter: those that raise, handle
/// exceptions or import. All that follow a handled exception begin at an entry of their own.
pub fn is_compiled(instruction: &Instruction) -> bool {
    if instruction.opcode == op::RAISE_VARARGS {
        // What is raised again has its place already.
        return instruction.oparg > 0;
    }
    !matches!(
        instruction.opcode,
        op::RETURN_GENERATOR
            | op::RERAISE
            | op::PUSH_EXC_INFO
            | op::POP_EXCEPT
            | op::CHECK_EXC_MATCH
            | op::CHECK_EG_MATCH
            | op::WITH_EXCEPT_START
            | op::CLEANUP_THROW
            | op::END_ASYNC_FOR
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

/// Walks the code from some offsets: all that can be reached, or only the loop that begins at the last and those around it.
pub fn flow(code: &Code, entries: &[u32], is_loop: bool) -> Flow {
    let mut predecessors: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut instructions = HashSet::new();
    let mut work = entries.to_vec();
    while let Some(start) = work.pop() {
        if !instructions.insert(start) {
            continue;
        }
        let Some(instruction) = code.at(start) else {
            continue;
        };
        for target in successors(code, instruction) {
            predecessors.entry(target).or_default().push(start);
            work.push(target);
        }
    }
    if let (true, Some(&header)) = (is_loop, entries.last()) {
        instructions = leading_to(header, &predecessors);
    }
    let edges = |target: u32| {
        let from = predecessors.get(&target).into_iter().flatten();
        from.filter(|start| instructions.contains(start)).count()
            + entries.iter().filter(|entry| **entry == target).count()
    };
    // A block begins where edges meet, after a branch, and where a jump leads to.
    let mut leaders: HashSet<u32> = entries.iter().copied().collect();
    let mut merges = HashSet::new();
    for &start in &instructions {
        if edges(start) > 1 {
            merges.insert(start);
        }
        let Some(instruction) = code.at(start) else {
            continue;
        };
        let targets = successors(code, instruction);
        for &target in targets
            .iter()
            .filter(|target| instructions.contains(target))
        {
            if targets.len() > 1 || target != instruction.next || edges(target) > 1 {
                leaders.insert(target);
            }
        }
    }
    let mut flow = Flow {
        instructions,
        merges,
        ..Flow::default()
    };
    order(code, entries, &leaders, &mut flow);
    flow
}

/// The instructions that lead to an offset where a loop begins: the loop, and those around it. What follows runs once in a
/// while, and to compile it for each loop of a function anew takes more time and memory than it saves.
fn leading_to(header: u32, predecessors: &BTreeMap<u32, Vec<u32>>) -> HashSet<u32> {
    let mut instructions = HashSet::new();
    let mut work = vec![header];
    while let Some(start) = work.pop() {
        if instructions.insert(start) {
            work.extend(predecessors.get(&start).into_iter().flatten());
        }
    }
    instructions
}

fn order(code: &Code, entries: &[u32], leaders: &HashSet<u32>, flow: &mut Flow) {
    let targets = |leader: u32| {
        let mut start = leader;
        loop {
            let Some(instruction) = code.at(start) else {
                return vec![];
            };
            let mut targets = successors(code, instruction);
            targets.retain(|target| flow.instructions.contains(target));
            match targets[..] {
                [only] if !leaders.contains(&only) => start = only,
                _ => return targets,
            }
        }
    };
    let mut visited = HashSet::new();
    let mut active = HashSet::new();
    // As if a block led to all entries.
    let mut stack = vec![(None, entries.to_vec())];
    while let Some((leader, rest)) = stack.last_mut() {
        let leader = *leader;
        // The last first, so that the others come before it in the order.
        match rest.pop() {
            Some(target) => {
                if active.contains(&target) {
                    flow.loops.insert(target);
                }
                if visited.insert(target) {
                    active.insert(target);
                    stack.push((Some(target), targets(target)));
                }
            }
            None => {
                if let Some(leader) = leader {
                    active.remove(&leader);
                    flow.order.push(leader);
                }
                stack.pop();
            }
        }
    }
    flow.order.reverse();
}
