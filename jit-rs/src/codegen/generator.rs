//! Suspending the frame of a generator, and entering native code where it goes on.

use super::Generator;
use crate::build::Entry;
use crate::hir::{Block, Leave, State, Type, Yield};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use cranelift_frontend::Switch;

/// What native code returns instead of an instruction when its generator has yielded to native code: see `src/c/runtime.h`.
const YIELDED: i64 = 2;

impl Generator<'_> {
    /// Goes on where the frame was entered.
    pub(super) fn enter_at(&mut self, resumes: &[(u32, Block)], other: Block) {
        let instr = self.load(types::I64, self.frame, layout::FRAME_INSTR_PTR);
        let code = self.int(self.code.address as i64);
        let bytes = self.builder.ins().isub(instr, code);
        let mut switch = Switch::new();
        for &(offset, block) in resumes {
            switch.set_entry(2 * u128::from(offset), self.target(block));
        }
        let other = self.target(other);
        switch.emit(&mut self.builder, bytes, other);
    }

    /// Begins a block that takes the frame over, also when what the generator has yielded was handed over.
    pub(super) fn begin_again(&mut self, entry: Entry) {
        let mut resumes = self.function.resumes();
        if !entry.is_loop {
            resumes.push(entry.offset - 1);
        }
        let block = self.builder.create_block();
        self.builder.ins().jump(block, &[]);
        self.builder.switch_to_block(block);
        self.again = Some((block, resumes));
    }

    /// Suspends the frame, as `YIELD_VALUE`, and goes on in the one before it.
    pub(super) fn suspend(&mut self, end: &Yield) {
        for (depth, &value) in end.stack.iter().enumerate() {
            let value = self.get(value);
            self.store(value, self.frame, self.stack(depth));
        }
        let top = self.int32(i64::from(self.code.locals) + end.stack.len() as i64);
        self.store(top, self.frame, layout::FRAME_STACKTOP);
        self.tell(end.offset + 1);
        let state = i64::from(end.delegates) - layout::SUSPENDED_BELOW_ZERO as i64;
        let state = self.builder.ins().iconst(types::I8, state);
        let value = self.get(end.value);
        let resume = end.offset + 1;
        let may_go_on = matches!(&self.again, Some((_, resumes)) if resumes.contains(&resume));
        let may_go_on = self.builder.ins().iconst(types::I8, i64::from(may_go_on));
        let yielding = self.yielding.unwrap_or_else(|| self.builder.create_block());
        self.builder
            .ins()
            .jump(yielding, &[value.into(), state.into(), may_go_on.into()]);
        if self.yielding.is_none() {
            self.yielding = Some(yielding);
            let value = self.builder.append_block_param(yielding, types::I64);
            let state = self.builder.append_block_param(yielding, types::I8);
            let may_go_on = self.builder.append_block_param(yielding, types::I8);
            self.builder.switch_to_block(yielding);
            self.hand_over_item(value, may_go_on);
            self.finish_yield(value, state);
        }
    }

    /// Goes on after the yield if what takes all items of the generator takes this one over.
    fn hand_over_item(&mut self, value: ir::Value, may_go_on: ir::Value) {
        let Some((again, _)) = self.again else {
            return;
        };
        let previous = self.load(types::I64, self.frame, layout::FRAME_PREVIOUS);
        let top = self.load(types::I32, previous, layout::FRAME_STACKTOP);
        let is_consumer = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::Equal, top, layout::CONSUMER);
        let is_consumer = self.builder.ins().band(is_consumer, may_go_on);
        let (hand_over, on) = self.seldom(is_consumer);
        self.builder.switch_to_block(hand_over);
        let taken = self
            .call("consume", &[previous, value], Some(types::I32))
            .expect("it has a result");
        let taken_block = self.builder.create_block();
        self.builder.set_cold_block(taken_block);
        self.builder.ins().brif(taken, taken_block, &[], on, &[]);
        self.builder.switch_to_block(taken_block);
        let none = self.int(runtime::none() as i64);
        self.push_sent(self.frame, none);
        self.builder.ins().jump(again, &[]);
        self.builder.switch_to_block(on);
    }

    /// What all yields have in common.
    fn finish_yield(&mut self, value: ir::Value, state: ir::Value) {
        let before = -(layout::GENERATOR_FRAME as i64);
        let generator = self.builder.ins().iadd_imm_s(self.frame, before);
        self.store(state, generator, layout::GENERATOR_STATE);
        let null = self.int(0);
        let previous = self.load(types::I64, generator, layout::GENERATOR_PREVIOUS_EXC);
        self.store(previous, self.tstate, layout::TSTATE_EXC_INFO);
        self.store(null, generator, layout::GENERATOR_PREVIOUS_EXC);
        self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, 1);
        let previous = self.load(types::I64, self.frame, layout::FRAME_PREVIOUS);
        self.store(previous, self.tstate, layout::TSTATE_FRAME);
        self.store(null, self.frame, layout::FRAME_PREVIOUS);
        self.hand_back(value, previous, YIELDED, |generator| {
            generator.int(layout::YIELD_TO_NEXT as i64)
        });
    }

    /// The next item of what is probably a generator that is suspended at a `yield`, or NULL at the end: enters the native
    /// code where it goes on.
    pub(super) fn next_of_generator(
        &mut self,
        generator: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        self.unchecked = true;
        self.tell_once();
        self.record(Some(state));
        let slow = self.builder.create_block();
        self.builder.set_cold_block(slow);
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, types::I64);
        let is_other = self.is_not(generator, Type::GENERATOR);
        self.unless(is_other, slow);
        let found = self.load(types::I8, generator, layout::GENERATOR_STATE);
        let suspended = -(layout::SUSPENDED_BELOW_ZERO as i64);
        let is_other = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, found, suspended);
        self.unless(is_other, slow);
        let frame = layout::GENERATOR_FRAME as i64;
        let frame = self.builder.ins().iadd_imm_s(generator, frame);
        let entry = self.resume_entry(frame, slow);
        let none = self.int(runtime::none() as i64);
        let (next, value) = self.resume(generator, frame, none, entry);
        let yielded = self.builder.ins().icmp_imm_s(IntCC::Equal, next, YIELDED);
        let (on, other) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(other);
        self.builder.ins().brif(yielded, on, &[], other, &[]);
        self.builder.switch_to_block(on);
        self.builder.ins().jump(done, &[value.into()]);

        self.builder.switch_to_block(other);
        let args = [self.tstate, generator, next, value];
        let value = self.call("next_left", &args, Some(types::I64));
        let value = value.expect("it has a result");
        self.builder.ins().jump(done, &[value.into()]);

        self.builder.switch_to_block(slow);
        let zero = self.int(0);
        let args = [self.tstate, self.frame, generator, zero];
        let value = self.call("next", &args, Some(types::I64));
        let value = value.expect("it has a result");
        self.builder.ins().jump(done, &[value.into()]);

        self.builder.switch_to_block(done);
        let raised = self.builder.ins().icmp_imm_s(IntCC::Equal, result, 1);
        self.raise_if(raised, state, leave);
        result
    }

    /// The native code where a suspended frame goes on; goes to a block if there is none, or something is in the way.
    fn resume_entry(&mut self, frame: ir::Value, slow: ir::Block) -> ir::Value {
        let instr = self.load(types::I64, frame, layout::FRAME_INSTR_PTR);
        self.unless_entered(instr, slow);
        let code = self.load(types::I64, frame, layout::FRAME_EXECUTABLE);
        self.unless_runnable(code, slow);
        let executors = self.load(types::I64, code, layout::CODE_EXECUTORS);
        let index = self.load(types::I8, instr, 1);
        let index = self.builder.ins().uextend(types::I64, index);
        let place = self.item(executors, index);
        let executor = self.load(types::I64, place, layout::EXECUTORS);
        self.load(types::I64, executor, layout::EXECUTOR_CODE)
    }

    /// Puts what a generator is sent on the stack of its frame, which is suspended; gives its place, but for the offset of the slots.
    fn push_sent(&mut self, frame: ir::Value, sent: ir::Value) -> ir::Value {
        let top = self.load(types::I32, frame, layout::FRAME_STACKTOP);
        let depth = self.builder.ins().uextend(types::I64, top);
        let place = self.item(frame, depth);
        self.store(sent, place, layout::FRAME_LOCALS);
        place
    }

    /// Sends an object to a suspended generator; gives what its native code returns, and what it yields or returns in turn.
    fn resume(
        &mut self,
        generator: ir::Value,
        frame: ir::Value,
        sent: ir::Value,
        entry: ir::Value,
    ) -> (ir::Value, ir::Value) {
        let executing = self.builder.ins().iconst(types::I8, 0);
        self.store(executing, generator, layout::GENERATOR_STATE);
        let previous = self.load(types::I64, self.tstate, layout::TSTATE_EXC_INFO);
        self.store(previous, generator, layout::GENERATOR_PREVIOUS_EXC);
        let handled = layout::GENERATOR_EXC as i64;
        let handled = self.builder.ins().iadd_imm_s(generator, handled);
        self.store(handled, self.tstate, layout::TSTATE_EXC_INFO);
        self.store(self.frame, frame, layout::FRAME_PREVIOUS);
        self.store(frame, self.tstate, layout::TSTATE_FRAME);
        let place = self.push_sent(frame, sent);
        let stack = layout::FRAME_LOCALS as i64 + 8;
        let stack = self.builder.ins().iadd_imm_s(place, stack);
        self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, -1);
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, -1);
        let signature = self.entry_signature(0);
        let args = [frame, stack, self.tstate];
        let call = self.builder.ins().call_indirect(signature, entry, &args);
        let (next, value) = self.two_results(call);
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, 1);
        (next, value)
    }
}
