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

/// Steps that machine code takes itself; more are left to the runtime.
const MAX_STEPS: usize = 6;

/// Where what is raised goes, with the frame in the state that the runtime needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Throw {
    handler: Handler,
    /// The stack pointer of the frame.
    stacktop: u32,
    /// The instruction that raises an exception again.
    again: Option<u32>,
}

impl Generator<'_> {
    /// The current instruction has raised an exception: goes to its handler, or lets the interpreter handle it.
    pub(super) fn raise(&mut self, state: State, leave: &Leave) {
        let (mut plan, values) = self.plan(state, leave, 0, false);
        let handler = self.code.exceptions.handler(self.at);
        if let Some(handler) = self.compiled(handler, state) {
            self.throw(plan, &values, handler, None);
        } else {
            plan.handler = handler.map(|handler| handler.offset);
            let next = self.leave_by("leave", plan, values, &[]);
            self.builder.ins().return_(&[next]);
        }
    }

    /// The instruction of a state raises an exception again.
    pub(super) fn reraise(&mut self, state: State, leave: &Leave) {
        let offset = self.function.state(state).offset;
        let handler = self.code.exceptions.handler(offset);
        if let Some(handler) = self.compiled(handler, state) {
            let (plan, values) = self.plan(state, leave, 0, false);
            self.throw(plan, &values, handler, Some(offset));
        } else {
            self.leave(state, leave, false);
        }
    }

    /// A handler, if it is compiled.
    fn compiled(&self, handler: Option<Handler>, state: State) -> Option<Handler> {
        let height = self.function.state(state).stack.len();
        handler.filter(|handler| {
            self.handlers.contains_key(handler) && handler.depth as usize <= height
        })
    }

    /// Brings the frame into the state of a plan and goes to a handler.
    fn throw(&mut self, plan: Plan, values: &[Value], handler: Handler, again: Option<u32>) {
        let throw = Throw {
            handler,
            stacktop: plan.stacktop,
            again,
        };
        if plan.actions.len() <= MAX_STEPS {
            self.steps(&plan, values);
        } else {
            let args = self.hand_over(plan, values);
            self.call("act", &args, None);
        }
        let known = self.throws.get(&throw).copied();
        let block = known.unwrap_or_else(|| self.builder.create_block());
        self.builder.ins().jump(block, &[]);
        if known.is_none() {
            self.throws.insert(throw, block);
            self.builder.set_cold_block(block);
            self.builder.switch_to_block(block);
            self.enter(throw);
        }
    }

    /// Takes the steps of a plan.
    fn steps(&mut self, plan: &Plan, values: &[Value]) {
        let mut boxed = HashMap::new();
        for action in &plan.actions {
            let index = action.value as usize;
            let value = match plan.constants.get(index) {
                Some(&address) => self.int(address as i64),
                None => {
                    let value = self.get(values[index - plan.constants.len()]);
                    boxed.get(&value).copied().unwrap_or(value)
                }
            };
            let place = Self::slot(u32::from(action.place));
            match action.act {
                Act::BoxInt | Act::BoxFloat => {
                    let function = if action.act == Act::BoxInt {
                        "box_int"
                    } else {
                        "box_float"
                    };
                    let object = self.call(function, &[value], Some(types::I64));
                    boxed.insert(value, object.expect("it has a result"));
                }
                Act::BoxBool => {
                    let object = self.box_bool(value);
                    boxed.insert(value, object);
                }
                Act::Slot | Act::SlotShared => {
                    if action.act == Act::SlotShared {
                        self.call("incref", &[value], None);
                    }
                    let old = self.load(types::I64, self.frame, place);
                    self.store(value, self.frame, place);
                    self.call("decref", &[old], None);
                }
                Act::Stack => self.store(value, self.frame, place),
                Act::StackShared => {
                    self.call("incref", &[value], None);
                    self.store(value, self.frame, place);
                }
                Act::Drop => {
                    self.call("decref", &[value], None);
                }
            }
        }
    }

    /// Lets the runtime enter a handler, or leaves.
    fn enter(&mut self, throw: Throw) {
        let (catch, block) = &self.handlers[&throw.handler];
        let (catch, block) = (std::ptr::from_ref(&**catch) as i64, *block);
        let catch = self.int(catch);
        let top = self.int32(i64::from(throw.stacktop));
        let mut args = vec![self.frame, self.tstate, catch, top];
        let function = match throw.again {
            Some(offset) => {
                args.push(self.int((self.code.address + 2 * u64::from(offset)) as i64));
                "reraise"
            }
            None => "catch",
        };
        let next = self
            .call(function, &args, Some(types::I64))
            .expect("it has a result");
        let stays = self.builder.ins().icmp_imm_s(IntCC::Equal, next, STAY);
        let out = self.builder.create_block();
        self.builder.set_cold_block(out);
        self.builder.ins().brif(stays, block, &[], out, &[]);
        self.builder.switch_to_block(out);
        self.builder.ins().return_(&[next]);
    }
}
