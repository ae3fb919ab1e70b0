//! Exceptions that go to a handler in the same native code.

use super::Generator;
use super::leave::STAY;
use crate::exceptions::Handler;
use crate::hir::{BlockData, Function, Leave, Op, State};
use crate::layout;
use crate::snapshot::Code;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use rustc_hash::FxHashMap;

/// How the runtime enters a handler: `struct clinker_handler`.
#[derive(Debug)]
#[repr(C)]
struct Head {
    instr: u64,
    version: u64,
    level: u32,
    lasti: u32,
    pushes: u64,
}

const _: () = assert!(size_of::<Head>() == layout::HANDLER_SIZE);

/// What machine code refers to by its address, which stays the same when this is moved.
#[derive(Debug)]
pub struct Catch(Box<Head>);

/// The handlers of a function.
pub fn handlers(
    function: &Function,
    code: &Code,
    blocks: &[ir::Block],
) -> FxHashMap<Handler, (Catch, ir::Block)> {
    let handlers = function.blocks.iter().zip(blocks);
    handlers
        .filter_map(|(data, &block)| {
            let handler = data.handler?;
            let head = Head {
                instr: code.address + 2 * u64::from(handler.offset),
                version: code.version,
                level: code.locals + handler.depth,
                lasti: u32::from(handler.lasti),
                pushes: u64::from(crate::build::start_of(code, handler) != handler.offset),
            };
            Some((handler, (Catch(Box::new(head)), block)))
        })
        .collect()
}

impl Generator<'_> {
    /// The current instruction has raised an exception: goes to its handler, or lets the interpreter handle it.
    pub(super) fn raise(&mut self, state: State, leave: &Leave) {
        let handler = self.code.exceptions.handler(self.at);
        if let Some(handler) = self.compiled(handler, state) {
            self.throw("catch", state, leave, 0, handler);
        } else {
            let (mut plan, values) = self.plan(state, leave, 0, false);
            let handler = handler.filter(|&handler| crate::build::is_compiled(self.code, handler));
            plan.handler = handler.map(|handler| handler.offset);
            self.leave_as(plan, values);
        }
    }

    /// The instruction of a state raises an exception again.
    pub(super) fn reraise(&mut self, state: State, leave: &Leave) {
        let offset = self.function.state(state).offset;
        let handler = self.code.exceptions.handler(offset);
        if let Some(handler) = self.compiled(handler, state) {
            let instr = self.code.address + 2 * u64::from(offset);
            self.throw("reraise", state, leave, instr, handler);
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

    /// Lets the runtime bring the frame into a state and enter a handler, or leaves.
    fn throw(&mut self, function: &str, state: State, leave: &Leave, next: u64, handler: Handler) {
        let (catch, block) = &self.handlers[&handler];
        let (catch, block) = (std::ptr::from_ref(&*catch.0) as i64, *block);
        let catch = self.int(catch);
        let more = [self.tstate, catch];
        let next = self.exit(function, state, leave, next, &more);
        let stays = self.builder.ins().icmp_imm_s(IntCC::Equal, next, STAY);
        let out = self.builder.create_block();
        self.builder.set_cold_block(out);
        self.builder.ins().brif(stays, block, &[], out, &[]);
        self.builder.switch_to_block(out);
        self.go_back(next);
    }

    /// Begins the block of a handler: takes its stack off the frame, and the frame over again.
    pub(super) fn begin_handler(&mut self, data: &BlockData) {
        let takes = data.insts.iter().map_while(|inst| match inst.op {
            Op::TakeStack(depth) => Some(depth),
            _ => None,
        });
        for depth in takes {
            let offset = self.stack(depth as usize);
            let value = self.load(types::I64, self.frame, offset);
            self.taken.insert(depth, value);
        }
        self.link_record();
        let native = self.int32(layout::NATIVE);
        self.store(native, self.frame, layout::FRAME_STACKTOP);
    }
}
