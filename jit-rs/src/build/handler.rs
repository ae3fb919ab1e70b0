//! Handlers of exceptions: a block that begins with nothing but the frame, to which everything has been written.
//!
//! They are built last, when it is known what variables can be where something is raised. Where they lead back to other
//! code, guards keep them from changing the form in which that has its variables.

use super::Builder;
use super::env::{Env, Local, boxed_type};
use super::flow;
use crate::exceptions::Handler;
use crate::hir::{End, Helper, Leave, Op, Rep, Type};
use crate::opcode as op;
use crate::snapshot::Code;

/// What a handler gets: the union over all places where something is raised.
#[derive(Debug)]
pub struct Caught {
    locals: Vec<Type>,
    /// The part of the value stack that is left to it.
    stack: Vec<Type>,
}

/// Where the native code of a handler begins: `PUSH_EXC_INFO` is done when it is entered.
pub fn start_of(code: &Code, handler: Handler) -> u32 {
    match code.at(handler.offset) {
        Some(first) if first.opcode == op::PUSH_EXC_INFO => first.next,
        _ => handler.offset,
    }
}

/// Whether a handler can be compiled: not if native code would be left at once.
pub fn is_compiled(code: &Code, handler: Handler) -> bool {
    code.at(start_of(code, handler))
        .is_some_and(flow::is_compiled)
}

impl Builder<'_> {
    /// The handler of what the current instruction raises, if it is compiled.
    fn handler(&self) -> Option<Handler> {
        if self.flow.handlers.is_empty() || self.is_inlined() {
            return None;
        }
        let handler = self.code.exceptions.handler(self.instruction.offset)?;
        let start = start_of(self.code, handler);
        let is_compiled = self.flow.handlers.get(&start) == Some(&handler);
        (is_compiled && handler.depth as usize <= self.env.stack.len()).then_some(handler)
    }

    /// Something may be raised: its handler gets what is known now.
    pub(super) fn raises(&mut self) {
        let Some(handler) = self.handler() else {
            return;
        };
        let locals = self.env.locals.iter().enumerate();
        let locals = locals.map(|(slot, local)| match local.raw {
            Some(raw) if self.env.unsure.contains_key(&raw) => {
                boxed_type(self.function.rep(raw)) | local.slot
            }
            Some(raw) => boxed_type(self.function.rep(raw)),
            None => self.slot_type(slot as u32),
        });
        let stack = self.env.stack[..handler.depth as usize].iter();
        let stack = stack.map(|&value| match self.function.rep(value) {
            Rep::Object => self.ty(value),
            rep => boxed_type(rep),
        });
        let (locals, stack): (Vec<Type>, Vec<Type>) = (locals.collect(), stack.collect());
        let caught = self.caught.entry(handler.offset).or_insert_with(|| Caught {
            locals: locals.clone(),
            stack: stack.clone(),
        });
        let mut fits = true;
        let known = caught.locals.iter_mut().chain(&mut caught.stack);
        for (known, now) in known.zip(locals.into_iter().chain(stack)) {
            fits &= now.is(*known);
            *known = *known | now;
        }
        self.again |= !fits && self.is_caught(handler);
    }

    /// The end of an `async for`, or another exception, which is raised again.
    pub(super) fn end_async_for(&mut self) {
        let exception = self.peek(1);
        let ends = self.call_value(Helper::EndsAsyncFor, 0, &[exception], Type::NEVER);
        let blocks = self.split(ends);
        self.begin(blocks.1);
        self.raise_again();
        self.begin(blocks.0);
        self.pop();
        self.pop();
    }

    /// Ends the block: the current instruction raises an exception again, or is left to the interpreter.
    pub(super) fn raise_again(&mut self) {
        let end = if self.raises_again() {
            End::Reraise(self.state, Leave::default())
        } else {
            End::Exit(self.state, Leave::default())
        };
        self.end(end);
    }

    /// Whether the current instruction raises an exception again, and its handler is compiled.
    fn raises_again(&mut self) -> bool {
        let instruction = self.instruction;
        let raises = match instruction.opcode {
            op::RERAISE => self.env.stack.len() > instruction.oparg as usize,
            op::RAISE_VARARGS | op::END_ASYNC_FOR => true,
            _ => false,
        };
        if raises {
            self.raises();
        }
        raises && self.handler().is_some()
    }

    /// Whether the block of a handler has been begun.
    fn is_caught(&self, handler: Handler) -> bool {
        let blocks = &self.function.blocks;
        blocks.iter().any(|block| block.handler == Some(handler))
    }

    /// Begins a handler, if anything leads to it.
    pub(super) fn catch(&mut self, handler: Handler) {
        if self.is_caught(handler) {
            return;
        }
        let Some(caught) = self.caught.get(&handler.offset) else {
            return;
        };
        let local = |&slot: &Type| Local {
            slot,
            object: None,
            raw: None,
        };
        self.env = Env {
            locals: caught.locals.iter().map(local).collect(),
            ..Env::default()
        };
        let mut stack = caught.stack.clone();
        if handler.lasti {
            stack.push(Type::INT);
        }
        let start = start_of(self.code, handler);
        if start != handler.offset {
            stack.push(Type::NONE | Type::OTHER);
        }
        stack.push(Type::OTHER);
        self.is_cold = true;
        self.block = self.function.block();
        self.function.blocks[self.block.0 as usize].handler = Some(handler);
        for (depth, ty) in stack.into_iter().enumerate() {
            let value = self.value(Op::TakeStack(depth as u32), &[], ty);
            self.push(value);
        }
        self.go(start);
    }
}
