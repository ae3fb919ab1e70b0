//! Functions that are executed in place of a call: what makes sure that nobody can see that they have no frame.

use super::Generator;
use crate::hir::{Leave, State, Type};
use crate::layout;
use crate::runtime;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// Leaves unless frames could be pushed: there is room, the recursion is not too deep, and the evaluation of frames was not replaced.
    pub(super) fn require_room(&mut self, state: State, leave: &Leave) {
        let interpreter = self.load(types::I64, self.tstate, layout::TSTATE_INTERPRETER);
        let evaluator = self.load(types::I64, interpreter, layout::INTERPRETER_EVAL_FRAME);
        let replaced = self.builder.ins().icmp_imm_s(IntCC::NotEqual, evaluator, 0);
        self.leave_if(replaced, state, leave, true);
        let left = self.load(types::I32, self.tstate, layout::TSTATE_PY_RECURSION);
        let is_deep = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, left, 2 * MAX_DEPTH);
        self.leave_if(is_deep, state, leave, true);
        let (_, _, is_full) = self.room(ROOM as i64);
        self.leave_if(is_full, state, leave, true);
    }

    /// Leaves if an object has one reference, and is something other than a number or a string.
    pub(super) fn require_replaceable(&mut self, old: ir::Value, state: State, leave: &Leave) {
        let (some, last, on) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        self.builder.ins().brif(old, some, &[], on, &[]);
        self.builder.switch_to_block(some);
        let count = self.load(types::I64, old, layout::OBJECT_REFCNT);
        let is_last = self.builder.ins().icmp_imm_s(IntCC::Equal, count, 1);
        self.builder.ins().brif(is_last, last, &[], on, &[]);
        self.builder.switch_to_block(last);
        let class = self.class(old);
        let mut wrong = self.builder.ins().iconst(types::I8, 1);
        for scalar in [Type::FLOAT, Type::INT, Type::STR] {
            let expected = self.int(runtime::class(scalar) as i64);
            let differs = self.builder.ins().icmp(IntCC::NotEqual, class, expected);
            wrong = self.builder.ins().band(wrong, differs);
        }
        self.leave_if(wrong, state, leave, true);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Drops a reference after `require_replaceable()`.
    pub(super) fn drop_scalar(&mut self, object: ir::Value) {
        self.drop_reference(object, Type::ANY, |generator, on| {
            generator.call("dealloc", &[object], None);
            generator.builder.ins().jump(on, &[]);
        });
    }

    /// Puts an object among the inline values of another; `release` drops what was there.
    pub(super) fn put_inline_value(
        &mut self,
        value: ir::Value,
        object: ir::Value,
        index: u32,
        release: impl FnOnce(&mut Self, ir::Value),
    ) {
        let offset = layout::INLINE_VALUES + 8 * index as usize;
        let old = self.load(types::I64, object, offset);
        self.store(value, object, offset);
        let (new, on, done) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        self.builder.ins().brif(old, on, &[], new, &[]);
        self.builder.switch_to_block(new);
        self.keep_order(object, index);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(on);
        release(self, old);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }
}

/// How many functions can be executed in place of calls at a time.
const MAX_DEPTH: i64 = layout::MAX_PUSHES as i64;

/// The bytes that there has to be room for, of whatever frames would have to be pushed: the same for all, so that one look is enough.
const ROOM: usize = 1024;

/// The words of the frames of functions that are executed in place of calls at a time, at most: new objects take others.
pub const MAX_FRAMES: usize = ROOM / 8 - layout::MAX_PUSHES * layout::SHIM_FRAME_SIZE;
