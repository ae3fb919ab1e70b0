//! Exceptions that go to a handler in the same native code.

use super::Generator;
use super::exit::{Act, Plan};
use super::leave::STAY;
use crate::exceptions::Handler;
use crate::hir::{Function, Leave, State, Value};
use crate::layout;
use crate::snapshot::Code;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use std::collections::HashMap;

/// How the runtime enters a handler: `struct clinker_handler`.
#[derive(Debug)]
#[repr(C)]
pub struct Catch {
    instr: u64,
    version: u64,
    level: u32,
    lasti: u32,
    pushes: u64,
}

const _: () = assert!(size_of::<Catch>() == layout::HANDLER_SIZE);

/// The handlers of a function.
pub fn handlers(
    function: &Function,
    code: &Code,
    blocks: &[ir::Block],
) -> HashMap<Handler, (Box<Catch>, ir::Block)> {
    let handlers = function.blocks.iter().zip(blocks);
    handlers
        .filter_map(|(data, &block)| {
            let handler = data.handler?;
            let catch = Catch {
                instr: code.address + 2 * u64::from(handler.offset),
                version: code.version,
                level: code.locals + handler.depth,
                lasti: u32::from(handler.lasti),
                pushes: u64::from(crate::build::start_of(code, handler) != handler.offset),
            };
            Some((handler, (Box::new(catch), block)))
        })
        .collect()
}

/// Steps that machine code takes itself.
const MAX_STEPS: usize = 4;

fn is_plain(plan: &Plan) -> bool {
    let mut acts = plan.actions.iter().map(|action| action.act);
    plan.constants.is_empty()
        && plan.actions.len() <= MAX_STEPS
        && acts.all(|act| matches!(act, Act::Stack | Act::Drop))
}

impl Generator<'_> {
    /// The current instruction has raised an exception: goes to its handler, or lets the interpreter handle it.
    pub(super) fn raise(&mut self, state: State, leave: &Leave) {
        let (mut plan, values) = self.plan(state, leave, 0, false);
        let handler = self.code.exceptions.handler(self.at);
        match self.entry_of(handler, state) {
            Some(entry) if is_plain(&plan) => self.catch(&plan, &values, entry),
            Some(entry) => self.enter("leave_and_catch", plan, values, entry),
            None => {
                plan.handler = handler.map(|handler| handler.offset);
                let next = self.leave_by("leave", plan, values, &[]);
                self.builder.ins().return_(&[next]);
            }
        }
    }

    /// The instruction of a state raises an exception again.
    pub(super) fn reraise(&mut self, state: State, leave: &Leave) {
        let offset = self.function.state(state).offset;
        let handler = self.code.exceptions.handler(offset);
        match self.entry_of(handler, state) {
            Some(entry) => {
                let next = self.code.address + 2 * u64::from(offset);
                let (plan, values) = self.plan(state, leave, next, false);
                self.enter("reraise", plan, values, entry);
            }
            None => self.leave(state, leave, false),
        }
    }

    /// What the runtime needs to enter a handler, and its block, if it is compiled.
    fn entry_of(&self, handler: Option<Handler>, state: State) -> Option<(i64, ir::Block)> {
        let handler = handler?;
        let (catch, block) = self.handlers.get(&handler)?;
        let height = self.function.state(state).stack.len();
        (handler.depth as usize <= height).then(|| (std::ptr::from_ref(&**catch) as i64, *block))
    }

    /// Lets a function of the C side bring the frame into the state in which a handler is entered, or leaves.
    fn enter(
        &mut self,
        function: &str,
        plan: Plan,
        values: Vec<Value>,
        (catch, block): (i64, ir::Block),
    ) {
        let catch = self.int(catch);
        let next = self.leave_by(function, plan, values, &[self.tstate, catch]);
        self.stay_or_leave(next, block);
    }

    /// The same for a plan that moves some objects to the stack and drops others.
    fn catch(&mut self, plan: &Plan, values: &[Value], (catch, block): (i64, ir::Block)) {
        for action in &plan.actions {
            let object = self.get(values[action.value as usize]);
            if action.act == Act::Drop {
                self.call("decref", &[object], None);
            } else {
                self.store(object, self.frame, Self::slot(u32::from(action.place)));
            }
        }
        let catch = self.int(catch);
        let top = self.int32(i64::from(plan.stacktop));
        let args = [self.frame, self.tstate, catch, top];
        let next = self
            .call("catch", &args, Some(types::I64))
            .expect("it has a result");
        self.stay_or_leave(next, block);
    }

    fn stay_or_leave(&mut self, next: ir::Value, block: ir::Block) {
        let stays = self.builder.ins().icmp_imm_s(IntCC::Equal, next, STAY);
        let out = self.builder.create_block();
        self.builder.set_cold_block(out);
        self.builder.ins().brif(stays, block, &[], out, &[]);
        self.builder.switch_to_block(out);
        self.builder.ins().return_(&[next]);
    }
}
