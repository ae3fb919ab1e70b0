//! Suspending the frame of a generator, and entering native code where it goes on.

use super::Generator;
use crate::hir::{Block, Yield};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use cranelift_frontend::Switch;

/// What native code returns instead of an instruction when its generator has yielded to native code: see `src/c/runtime.h`.
const YIELDED: i64 = 2;

impl Generator<'_> {
    /// Goes on where the frame was entered.
    pub(super) fn enter(&mut self, resumes: &[(u32, Block)], other: Block) {
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
        let yielding = self.yielding.unwrap_or_else(|| self.builder.create_block());
        self.builder
            .ins()
            .jump(yielding, &[value.into(), state.into()]);
        if self.yielding.is_none() {
            self.yielding = Some(yielding);
            let value = self.builder.append_block_param(yielding, types::I64);
            let state = self.builder.append_block_param(yielding, types::I8);
            self.builder.switch_to_block(yielding);
            self.finish_yield(value, state);
        }
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

        let top = self.load(types::I32, previous, layout::FRAME_STACKTOP);
        let is_native = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, top, 0);
        let (native, other) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(is_native, native, &[], other, &[]);
        self.builder.switch_to_block(native);
        let returned = self.int(runtime::returned() as i64);
        self.store(value, returned, 0);
        let next = self.int(YIELDED);
        self.builder.ins().return_(&[next]);

        self.builder.switch_to_block(other);
        let depth = self.builder.ins().uextend(types::I64, top);
        let offset = self.builder.ins().ishl_imm_s(depth, 3);
        let place = self.builder.ins().iadd(previous, offset);
        self.store(value, place, layout::FRAME_LOCALS);
        let top = self.builder.ins().iadd_imm_s(top, 1);
        self.store(top, previous, layout::FRAME_STACKTOP);
        let instr = self.load(types::I64, previous, layout::FRAME_INSTR_PTR);
        let next = self
            .builder
            .ins()
            .iadd_imm_s(instr, layout::YIELD_TO_NEXT as i64);
        self.builder.ins().return_(&[next]);
    }
}
