//! Exceptions that nobody sees are not made.
//!
//! If a dictionary does not have the key of `d[k]`, and the handler is an `except KeyError:` that does no more than to put
//! something into variables, the program goes on behind the handler. So it is with `IndexError` of `s[i]`, `AttributeError` of
//! `o.a` and `StopIteration` of `next(i)`.

use super::Builder;
use crate::hir::{Helper, Op, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::{Code, Instruction};

/// Instructions of such a handler between its test and the `POP_EXCEPT`.
const MAX_INSTRUCTIONS: usize = 6;

/// A handler in which nothing can look at the exception.
#[derive(Debug, Clone, Copy)]
pub struct Quiet<'a> {
    /// The exception: `enum clinker_quiet`.
    pub error: usize,
    /// What it does, up to the `POP_EXCEPT`.
    body: &'a Instruction,
    /// Where the program goes on.
    pub end: u32,
    /// What is left of the value stack.
    depth: usize,
}

/// The exceptions of which handlers are known at an instruction.
fn errors(instruction: &Instruction) -> &'static [usize] {
    match instruction.opcode {
        op::BINARY_SUBSCR => &[layout::KEY_ERROR, layout::INDEX_ERROR],
        // Not a method.
        op::LOAD_ATTR if instruction.oparg & 1 == 0 => &[layout::ATTRIBUTE_ERROR],
        // It may be next().
        op::CALL if instruction.oparg == 1 && instruction.specialized == op::CALL_BUILTIN_FAST => {
            &[layout::STOP_ITERATION]
        }
        _ => &[],
    }
}

/// The handler of an instruction, if it is one of these and the interpreter has been there.
pub fn handler_of<'a>(code: &'a Code, instruction: &Instruction) -> Option<Quiet<'a>> {
    let errors = errors(instruction);
    if errors.is_empty() {
        return None;
    }
    let handler = code.exceptions.handler(instruction.offset)?;
    let push = code.at(handler.offset)?;
    let class = code.at(push.next)?;
    let name = *code.names.get(class.oparg as usize >> 1)?;
    let mut errors = errors.iter().copied();
    let error = errors.find(|&error| name == runtime::quiet_name(error))?;
    if push.opcode != op::PUSH_EXC_INFO
        || handler.lasti
        || class.specialized != op::LOAD_GLOBAL_BUILTIN
        || class.oparg & 1 != 0
    {
        return None;
    }
    let mut body = class.next;
    for opcode in [op::CHECK_EXC_MATCH, op::POP_JUMP_IF_FALSE, op::POP_TOP] {
        let test = code.at(body)?;
        if test.opcode != opcode {
            return None;
        }
        body = test.next;
    }
    let body = code.at(body)?;
    let mut last = body;
    for _ in 0..MAX_INSTRUCTIONS {
        match last.opcode {
            op::NOP | op::LOAD_CONST | op::LOAD_FAST | op::STORE_FAST | op::SWAP => {
                last = code.at(last.next)?;
            }
            op::POP_EXCEPT => {
                return Some(Quiet {
                    error,
                    body,
                    end: last.next,
                    depth: handler.depth as usize,
                });
            }
            _ => break,
        }
    }
    None
}

impl<'a> Builder<'a> {
    /// The handler of the current instruction, whose operands are on the stack, if it sees nothing of the exception, and if nothing
    /// that is dropped on the way could run code, which might look.
    pub(super) fn quiet_handler(&self) -> Option<Quiet<'a>> {
        let quiet = handler_of(self.code, &self.instruction)?;
        let mut dropped = self.env.stack.get(quiet.depth..)?.iter();
        let runs_code =
            dropped.any(|&value| self.may_run_code(value) && !self.is_tuple_of_others(value));
        let fits = !self.is_inlined()
            && !runs_code
            && self.instructions_of(quiet).all(|instruction| {
                instruction.opcode != op::STORE_FAST
                    || self
                        .slot_type(instruction.oparg)
                        .is(Type::SCALAR | Type::NULL)
            });
        fits.then_some(quiet)
    }

    /// Whether dropping a value may run code: nobody else may have it.
    fn may_run_code(&self, value: Value) -> bool {
        let mut locals = self.env.locals.iter();
        self.env.held.contains(&value)
            && self.runs_code_if_released(value)
            && !locals.any(|local| local.object == Some(value))
    }

    /// Whether a value is a tuple that has just been made, of what others have too or what runs no code.
    fn is_tuple_of_others(&self, value: Value) -> bool {
        let insts = &self.function.blocks[self.block.0 as usize].insts;
        let is_made = insts.iter().any(|inst| {
            matches!(inst.op, Op::Call(Helper::NewTuple, _)) && inst.result == Some(value)
        });
        let mut puts = insts
            .iter()
            .filter(|inst| matches!(inst.op, Op::PutTupleItem(_)) && inst.args[1] == value);
        is_made && puts.all(|put| !self.may_run_code(put.args[0]))
    }

    fn instructions_of(&self, quiet: Quiet<'a>) -> impl Iterator<Item = &'a Instruction> + use<'a> {
        let code = self.code;
        let follow = move |last: &&Instruction| code.at(last.next);
        let all = std::iter::successors(Some(quiet.body), follow);
        all.take_while(|instruction| instruction.opcode != op::POP_EXCEPT)
    }

    /// `next(i)` with such a handler.
    pub(super) fn find_next(&mut self) -> Result<bool, String> {
        let fits = self.guess() == op::CALL_BUILTIN_FAST
            && self.instruction.oparg == 1
            && self.ty(self.peek(2)) == Type::NULL;
        let Some(quiet) = self.quiet_handler().filter(|_| fits) else {
            return Ok(false);
        };
        let callable = self.peek(3);
        let callable = self.boxed(callable);
        self.guard(Op::GuardBuiltin(runtime::next_method()), &[callable]);
        let iterator = self.pop_many(3)[2];
        let item = self.find(quiet, Helper::FindNext, 0, &[iterator])?;
        self.push(item);
        Ok(true)
    }

    /// What a helper finds. If there is nothing, the program goes on behind the handler.
    pub(super) fn find(
        &mut self,
        quiet: Quiet<'a>,
        helper: Helper,
        number: u64,
        operands: &[Value],
    ) -> Result<Value, String> {
        let ty = Type::OBJECT | Type::NULL;
        let found = self.call_value(helper, number, operands, ty);
        let is_there = self.is_object(found);
        let (there, missing) = self.split(is_there);
        let env = self.env.clone();
        self.begin(missing);
        self.env.stack.truncate(quiet.depth);
        // In place of the exception that was handled before.
        let before = self.value(Op::Null, &[], Type::NULL);
        self.push(before);
        let instruction = self.instruction;
        for in_handler in self.instructions_of(quiet) {
            self.instruction = *in_handler;
            self.operation()?;
        }
        self.instruction = instruction;
        self.pop();
        self.boundary(Op::Boundary, quiet.end);
        self.go(quiet.end);
        self.env = env;
        self.begin(there);
        self.learn(found, Type::OBJECT);
        Ok(found)
    }
}
