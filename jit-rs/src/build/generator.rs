//! Generators and coroutines: where native code is entered, suspending, and sending to others.

use super::instruction::Then;
use super::{Builder, Local};
use crate::hir::{Block, End, Helper, Op, Type, Yield};
use crate::opcode as op;

impl Builder<'_> {
    /// Begins a block in which native code begins, at an offset: nothing is known of the variables, unless it is the start
    /// of a function.
    pub(super) fn land(&mut self, offset: u32, depth: u32, is_start: bool) {
        self.env = super::Env::default();
        self.env.locals = (0..self.code.locals)
            .map(|slot| Local {
                slot: if !is_start {
                    Type::ANY
                } else if slot < self.code.arguments || self.code.cells[slot as usize] {
                    Type::OBJECT
                } else {
                    Type::NULL
                },
                object: None,
                raw: None,
            })
            .collect();
        for depth in 0..depth {
            let value = self.value(Op::LoadStack(depth), &[], Type::ANY);
            self.push(value);
        }
        // Native code is not entered otherwise.
        self.env.polled = true;
        self.state = self.state_at(offset);
        self.go(offset);
    }

    /// The same in a block of its own, if native code is to be entered by the `RESUME` at an offset.
    pub(super) fn land_at(&mut self, resume: u32, depth: u32) {
        if let Some((offset, body)) = self.code.resume_at(resume) {
            self.block = self.function.block();
            self.resumes.push((offset, self.block));
            self.land(body, depth, self.code.is_start(offset));
        }
    }

    /// Lets the first block, which is empty, lead to where native code begins.
    pub(super) fn link_resumes(&mut self, other: Block) {
        let mut resumes = std::mem::take(&mut self.resumes);
        resumes.sort_unstable();
        self.function.blocks[0].end = End::Enter(resumes, other);
    }

    /// Leaves at the current instruction if an event is pending, or tools want to know of it.
    pub(super) fn poll(&mut self) {
        if !self.env.polled {
            self.guard(Op::BackEdge, &[]);
            self.env.polled = true;
        }
    }

    fn yield_value(&mut self) {
        // The interpreter reports it, if that is asked for.
        self.poll();
        for slot in 0..self.env.locals.len() as u32 {
            self.sync_local(slot);
        }
        let value = self.pop_boxed();
        let stack = self.env.stack.clone();
        let stack: Vec<_> = stack.into_iter().map(|value| self.boxed(value)).collect();
        let depth = stack.len() as u32 + 1;
        self.end(End::Yield(Yield {
            value,
            stack,
            offset: self.instruction.offset,
            delegates: self.instruction.oparg != 0,
        }));
        self.land_at(self.instruction.next, depth);
    }

    /// Sends to a generator or another iterator. In the end that leaves its value instead of what it yields.
    fn send(&mut self) {
        let (next, end) = (
            self.instruction.next,
            self.instruction.next + self.instruction.oparg,
        );
        self.guard(Op::GuardCStack, &[]);
        let sent = self.pop();
        let receiver = self.peek(1);
        let place = self.code.locals as usize + self.env.stack.len();
        let args = [sent, receiver];
        let has_ended = self.call_value(Helper::Send, place as u64, &args, Type::NEVER);
        let blocks = self.split(has_ended);
        let env = self.env.clone();
        self.begin(blocks.0);
        self.push_sent();
        self.boundary(Op::Boundary, end);
        // Not Periodic: events are handled in the innermost coroutine.
        self.boundary(Op::BackEdge, end);
        self.go(end);
        self.env = env;
        self.begin(blocks.1);
        self.push_sent();
        self.boundary(Op::Boundary, next);
        self.go(next);
        if self.code.sends.contains(&self.instruction.start) {
            let depth = self.env.stack.len() as u32;
            self.block = self.function.block();
            self.resumes.push((end, self.block));
            self.land(end, depth, false);
        }
    }

    fn push_sent(&mut self) {
        let depth = self.env.stack.len() as u32;
        let value = self.value(Op::TakeStack(depth), &[], Type::OBJECT);
        self.push(value);
    }

    /// The instructions of generators and coroutines.
    pub(super) fn suspending(&mut self) -> Then {
        match self.instruction.opcode {
            op::YIELD_VALUE => {
                self.yield_value();
                Then::Ended
            }
            op::SEND => {
                self.send();
                Then::Ended
            }
            op::END_SEND => {
                let value = self.pop();
                let receiver = self.pop();
                self.call(Helper::DropIterator, 0, &[receiver], Type::NEVER);
                self.push(value);
                Then::Next
            }
            _ => {
                self.awaiting();
                Then::Next
            }
        }
    }

    /// Those that get what is sent to, and those of `async`.
    fn awaiting(&mut self) {
        let helper = match self.instruction.opcode {
            op::GET_YIELD_FROM_ITER => Helper::GetYieldFromIter,
            op::GET_AWAITABLE => Helper::GetAwaitable,
            op::GET_AITER => Helper::GetAiter,
            op::GET_ANEXT => {
                let iterator = self.peek(1);
                let awaitable = self.call_value(Helper::GetAnext, 0, &[iterator], Type::OBJECT);
                self.push(awaitable);
                return;
            }
            _ => {
                self.guard(Op::GuardCStack, &[]);
                let manager = self.pop();
                self.call(Helper::BeforeAsyncWith, 0, &[manager], Type::NEVER);
                self.push_operand(0, Type::OBJECT);
                self.push_operand(1, Type::OBJECT);
                return;
            }
        };
        let object = self.pop();
        let number = u64::from(self.instruction.oparg);
        let result = self.call_value(helper, number, &[object], Type::OBJECT);
        self.push(result);
    }
}
