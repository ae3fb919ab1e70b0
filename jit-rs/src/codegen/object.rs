//! Objects: reference counts, types, boxing.

use super::Generator;
use crate::hir::{Leave, Rep, State, Type};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, StackSlotData, StackSlotKind, types};

impl Generator<'_> {
    /// Takes a reference, unless there is no object or it is immortal.
    pub(super) fn incref(&mut self, object: ir::Value, ty: Type) {
        if layout::REF_DEBUG != 0 {
            self.call("incref", &[object], None);
            return;
        }
        let on = self.builder.create_block();
        if ty.may_be(Type::NULL) {
            let some = self.builder.create_block();
            self.builder.ins().brif(object, some, &[], on, &[]);
            self.builder.switch_to_block(some);
        }
        let count = self.load(types::I32, object, layout::OBJECT_REFCNT);
        let immortal = self.builder.ins().icmp_imm_s(IntCC::Equal, count, -1);
        let mortal = self.builder.create_block();
        self.builder.ins().brif(immortal, on, &[], mortal, &[]);
        self.builder.switch_to_block(mortal);
        let count = self.builder.ins().iadd_imm_s(count, 1);
        self.store(count, object, layout::OBJECT_REFCNT);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Drops a reference to an object of a type. If it is the last one, code can run that sees the frame in a state. Native
    /// code is not left in a state of the current instruction, which is not finished then.
    pub(super) fn decref(
        &mut self,
        object: ir::Value,
        ty: Type,
        state: Option<State>,
        leave: &Leave,
    ) {
        if ty.is(Type::NULL) {
            return;
        }
        let leaves = state.is_some_and(|state| self.function.state(state).offset != self.at);
        if !leaves && !ty.is(Type::SCALAR | Type::NULL) {
            self.unchecked = true;
            self.tell_once();
        }
        self.drop_reference(object, ty, |generator, on| {
            let free = if ty.is(Type::FLOAT | Type::NULL) {
                Some("free_float")
            } else if ty.is(Type::INT | Type::NULL) {
                Some("free_int")
            } else {
                None
            };
            if let Some(free) = free {
                generator.call(free, &[object], None);
                generator.builder.ins().jump(on, &[]);
            } else if let (true, Some(state)) = (leaves, state) {
                generator.dealloc(object, state, leave, on);
            } else {
                generator.dealloc_within(object, state, on);
            }
        });
    }

    /// Drops a reference to an object of a type. `dead` releases the last one, and goes on in a block.
    pub(super) fn drop_reference(
        &mut self,
        object: ir::Value,
        ty: Type,
        dead: impl FnOnce(&mut Self, ir::Block),
    ) {
        let on = self.builder.create_block();
        if ty.may_be(Type::NULL) {
            let some = self.builder.create_block();
            self.builder.ins().brif(object, some, &[], on, &[]);
            self.builder.switch_to_block(some);
        }
        if layout::REF_DEBUG != 0 {
            // Total counts and sanity checks are up to the interpreter. It may be the last reference.
            let last = self
                .call("drop_unless_last", &[object], Some(types::I32))
                .expect("it has a result");
            let last_block = self.builder.create_block();
            self.builder.set_cold_block(last_block);
            self.builder.ins().brif(last, last_block, &[], on, &[]);
            self.builder.switch_to_block(last_block);
            dead(self, on);
            self.builder.switch_to_block(on);
            return;
        }
        let count = self.count_down(object, on);
        let last = self.builder.create_block();
        // Most numbers are operands that nobody else holds.
        if !ty.is(Type::FLOAT | Type::INT | Type::NULL) {
            self.builder.set_cold_block(last);
        }
        self.builder.ins().brif(count, on, &[], last, &[]);
        self.builder.switch_to_block(last);
        dead(self, on);
        self.builder.switch_to_block(on);
    }

    /// Drops a reference to an object that is not the last one.
    pub(super) fn drop_shared(&mut self, object: ir::Value) {
        if layout::REF_DEBUG != 0 {
            self.call("drop_unless_last", &[object], Some(types::I32));
            return;
        }
        let on = self.builder.create_block();
        self.count_down(object, on);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Takes one from the count of an object and gives what is left; goes to a block if it is immortal.
    fn count_down(&mut self, object: ir::Value, on: ir::Block) -> ir::Value {
        // The upper half is zero, unless it is immortal.
        let count = self.load(types::I32, object, layout::OBJECT_REFCNT);
        let immortal = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, count, 0);
        let mortal = self.builder.create_block();
        self.builder.ins().brif(immortal, on, &[], mortal, &[]);
        self.builder.switch_to_block(mortal);
        let count = self.builder.ins().iadd_imm_s(count, -1);
        self.store(count, object, layout::OBJECT_REFCNT);
        count
    }

    /// A new one among the inline values of an object: `_PyDictValues_AddToInsertionOrder()`.
    pub(super) fn keep_order(&mut self, object: ir::Value, index: u32) {
        let flags = super::trusted();
        let mut byte = |offset: usize| {
            self.builder
                .ins()
                .uload8(types::I64, flags, object, offset as i32)
        };
        let capacity = byte(layout::INLINE_VALUES_CAPACITY);
        let size = byte(layout::INLINE_VALUES_SIZE);
        // The order stands behind the values.
        let values = self.builder.ins().ishl_imm_s(capacity, 3);
        let place = self.builder.ins().iadd(object, values);
        let place = self.builder.ins().iadd(place, size);
        let index = self.builder.ins().iconst(types::I8, i64::from(index));
        self.store(index, place, layout::INLINE_VALUES);
        let size = self.builder.ins().iadd_imm_s(size, 1);
        let size = self.builder.ins().ireduce(types::I8, size);
        self.store(size, object, layout::INLINE_VALUES_SIZE);
    }

    /// Puts the object of an unboxed variable into its slot, which has held a scalar, if it is bound.
    pub(super) fn put_if_bound(
        &mut self,
        rep: Rep,
        value: ir::Value,
        is_bound: ir::Value,
        slot: u32,
    ) {
        let (bound, on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(is_bound, bound, &[], on, &[]);
        self.builder.switch_to_block(bound);
        let object = match rep {
            Rep::Float => self.call("box_float", &[value], Some(types::I64)),
            _ => Some(self.box_int(value)),
        };
        let object = object.expect("it has a result");
        let (old, leave) = (Type::SCALAR | Type::NULL, Leave::default());
        self.put(object, self.frame, Self::slot(slot), old, None, &leave);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    pub(super) fn class(&mut self, object: ir::Value) -> ir::Value {
        self.load(types::I64, object, layout::OBJECT_TYPE)
    }

    /// Whether an object is not of a type that stands for one class.
    pub(super) fn is_not(&mut self, object: ir::Value, ty: Type) -> ir::Value {
        let class = self.class(object);
        let expected = self.int(runtime::class(ty) as i64);
        self.builder.ins().icmp(IntCC::NotEqual, class, expected)
    }

    pub(super) fn box_bool(&mut self, value: ir::Value) -> ir::Value {
        let yes = self.int(runtime::true_object() as i64);
        let no = self.int(runtime::false_object() as i64);
        self.builder.ins().select(value, yes, no)
    }

    pub(super) fn box_int(&mut self, value: ir::Value) -> ir::Value {
        let shifted = self
            .builder
            .ins()
            .iadd_imm_s(value, layout::SMALL_INTS_NEGATIVE as i64);
        let is_small = self.builder.ins().icmp_imm_s(
            IntCC::UnsignedLessThan,
            shifted,
            layout::SMALL_INTS as i64,
        );
        let (small, large, on) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        let result = self.builder.append_block_param(on, types::I64);
        self.builder.ins().brif(is_small, small, &[], large, &[]);
        self.builder.switch_to_block(small);
        let offset = self
            .builder
            .ins()
            .imul_imm_s(shifted, layout::SMALL_INT_SIZE as i64);
        let object = self
            .builder
            .ins()
            .iadd_imm_s(offset, runtime::small_ints() as i64);
        self.builder.ins().jump(on, &[object.into()]);
        self.builder.switch_to_block(large);
        let object = self
            .call("box_int", &[value], Some(types::I64))
            .expect("it has a result");
        self.builder.ins().jump(on, &[object.into()]);
        self.builder.switch_to_block(on);
        result
    }

    /// The value of an int object: small ones have it in one digit, with the sign in the lowest bits of the tag.
    pub(super) fn unbox_int(
        &mut self,
        object: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let tag = self.load(types::I64, object, layout::LONG_TAG);
        let is_long = self.builder.ins().icmp_imm_s(
            IntCC::UnsignedGreaterThanOrEqual,
            tag,
            layout::LONG_COMPACT_END as i64,
        );
        let (long, compact) = self.seldom(is_long);
        let on = self.builder.create_block();
        let result = self.builder.append_block_param(on, types::I64);

        self.builder.switch_to_block(long);
        let slot = self.builder.create_sized_stack_slot(StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            8,
            3,
        ));
        let address = self.builder.ins().stack_addr(types::I64, slot, 0);
        let fits = self
            .call("unbox_int", &[object, address], Some(types::I32))
            .expect("it has a result");
        let does_not_fit = self.builder.ins().icmp_imm_s(IntCC::Equal, fits, 0);
        self.leave_if(does_not_fit, state, leave, true);
        let value = self.load(types::I64, address, 0);
        self.builder.ins().jump(on, &[value.into()]);

        self.builder.switch_to_block(compact);
        let value = self.compact_value(object, tag);
        self.builder.ins().jump(on, &[value.into()]);
        self.builder.switch_to_block(on);
        result
    }

    /// A float object, or an int object of one digit, as a double.
    pub(super) fn number_to_float(
        &mut self,
        object: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let (int, float, on) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        let result = self.builder.append_block_param(on, types::F64);
        let is_other = self.is_not(object, Type::FLOAT);
        self.builder.ins().brif(is_other, int, &[], float, &[]);

        self.builder.switch_to_block(int);
        let is_other = self.is_not(object, Type::INT);
        self.leave_if(is_other, state, leave, true);
        let tag = self.load(types::I64, object, layout::LONG_TAG);
        let is_long = self.builder.ins().icmp_imm_s(
            IntCC::UnsignedGreaterThanOrEqual,
            tag,
            layout::LONG_COMPACT_END as i64,
        );
        self.leave_if(is_long, state, leave, true);
        let value = self.compact_value(object, tag);
        let value = self.builder.ins().fcvt_from_sint(types::F64, value);
        self.builder.ins().jump(on, &[value.into()]);

        self.builder.switch_to_block(float);
        let value = self.load(types::F64, object, layout::FLOAT_VALUE);
        self.builder.ins().jump(on, &[value.into()]);
        self.builder.switch_to_block(on);
        result
    }

    /// The value of an int object of one digit, with its tag.
    fn compact_value(&mut self, object: ir::Value, tag: ir::Value) -> ir::Value {
        let digit = self
            .builder
            .ins()
            .uload32(super::trusted(), object, layout::LONG_DIGIT as i32);
        let sign = self
            .builder
            .ins()
            .band_imm_s(tag, layout::LONG_SIGN_MASK as i64);
        let one = self.int(1);
        let sign = self.builder.ins().isub(one, sign);
        self.builder.ins().imul(sign, digit)
    }

    /// The globals or builtins of the frame.
    pub(super) fn namespace(&mut self, builtins: bool) -> ir::Value {
        let offset = if builtins {
            layout::FRAME_BUILTINS
        } else {
            layout::FRAME_GLOBALS
        };
        self.load(types::I64, self.frame, offset)
    }
}
