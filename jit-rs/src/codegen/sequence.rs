//! Items of lists, and iteration.

use super::Generator;
use crate::hir::{Helper, Leave, State, Type};
use crate::layout;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// The address of the item at a place of a list.
    pub(super) fn list_place(&mut self, list: ir::Value, place: ir::Value) -> ir::Value {
        let items = self.load(types::I64, list, layout::LIST_ITEMS);
        self.item(items, place)
    }

    /// The place of an item by its index. What is no place may count from the end, which is seldom so unless it is a constant.
    pub(super) fn item_index(
        &mut self,
        sequence: ir::Value,
        index: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let size = self.load(types::I64, sequence, layout::OBJECT_SIZE);
        let known = self.known_int(index);
        if let Some(known) = known {
            let place = if known < 0 {
                self.builder.ins().iadd(size, index)
            } else {
                index
            };
            self.leave_outside(place, size, state, leave);
            return place;
        }
        let is_place = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedLessThan, index, size);
        let on = self.following();
        let place = self.builder.append_block_param(on, types::I64);
        let from_end = self.builder.create_block();
        self.builder.set_cold_block(from_end);
        self.builder
            .ins()
            .brif(is_place, on, &[index.into()], from_end, &[]);
        self.builder.switch_to_block(from_end);
        let other = self.builder.ins().iadd(size, index);
        self.leave_outside(other, size, state, leave);
        self.builder.ins().jump(on, &[other.into()]);
        self.builder.switch_to_block(on);
        place
    }

    fn leave_outside(&mut self, place: ir::Value, size: ir::Value, state: State, leave: &Leave) {
        let outside = IntCC::UnsignedGreaterThanOrEqual;
        let outside = self.builder.ins().icmp(outside, place, size);
        self.leave_if(outside, state, leave, true);
    }

    fn known_int(&self, value: ir::Value) -> Option<i64> {
        let graph = &self.builder.func.dfg;
        match graph.insts[graph.value_def(value).inst()?] {
            ir::InstructionData::UnaryImm { imm, .. } => Some(imm.bits()),
            _ => None,
        }
    }

    fn box_float(&mut self, value: ir::Value) -> ir::Value {
        self.call("box_float", &[value], Some(types::I64))
            .expect("it has a result")
    }

    /// Puts a float into a place of a list: into the object that is there, if it is a float that nobody else has; else `replace` puts another
    /// object to the address where that is.
    fn set_list_float(
        &mut self,
        value: ir::Value,
        list: ir::Value,
        index: ir::Value,
        replace: impl FnOnce(&mut Self, ir::Value, ir::Value),
    ) {
        let address = self.list_place(list, index);
        let old = self.load(types::I64, address, 0);
        let is_other = self.is_not(old, Type::FLOAT);
        let count = self.load(types::I64, old, layout::OBJECT_REFCNT);
        let is_shared = self.builder.ins().icmp_imm_s(IntCC::NotEqual, count, 1);
        let either = self.builder.ins().bor(is_other, is_shared);
        let (seldom, reuse) = self.seldom(either);
        let done = self.following();
        self.builder.switch_to_block(seldom);
        replace(self, address, old);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(reuse);
        self.store(value, old, layout::FLOAT_VALUE);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }

    /// Puts a float into a place of a list; what was there may run code when it is released.
    pub(super) fn replace_float(
        &mut self,
        (value, list, index): (ir::Value, ir::Value, ir::Value),
        state: Option<State>,
        leave: &Leave,
    ) {
        self.set_list_float(value, list, index, |generator, address, _| {
            let object = generator.box_float(value);
            generator.put(object, address, 0, Type::OBJECT, state, leave);
        });
    }

    /// Puts a float into a place of a list; leaves if what is there runs code when it is released.
    pub(super) fn put_float(
        &mut self,
        (value, list, index): (ir::Value, ir::Value, ir::Value),
        state: State,
        leave: &Leave,
    ) {
        self.set_list_float(value, list, index, |generator, address, old| {
            generator.require_replaceable(old, state, leave);
            let object = generator.box_float(value);
            generator.store(object, address, 0);
            generator.drop_scalar(old);
        });
    }

    /// Appends an item, whose reference is taken over, to a list.
    pub(super) fn list_append(
        &mut self,
        item: ir::Value,
        list: ir::Value,
        state: State,
        leave: &Leave,
    ) {
        let size = self.load(types::I64, list, layout::OBJECT_SIZE);
        let room = self.load(types::I64, list, layout::LIST_ALLOCATED);
        let is_full = self
            .builder
            .ins()
            .icmp(IntCC::SignedLessThanOrEqual, room, size);
        let (full, append) = self.seldom(is_full);
        let done = self.builder.create_block();
        self.builder.switch_to_block(full);
        self.tell(self.at);
        let zero = self.int(0);
        let args = [self.tstate, self.frame, item, list, zero];
        self.call_helper(Helper::ListAppend, &args, Some(state), leave);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(append);
        let address = self.list_place(list, size);
        self.store(item, address, 0);
        let size = self.builder.ins().iadd_imm_s(size, 1);
        self.store(size, list, layout::OBJECT_SIZE);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }

    pub(super) fn range_next(&mut self, iterator: ir::Value) -> ir::Value {
        let value = self.load(types::I64, iterator, layout::RANGE_ITER_START);
        let step = self.load(types::I64, iterator, layout::RANGE_ITER_STEP);
        let length = self.load(types::I64, iterator, layout::RANGE_ITER_LENGTH);
        let next = self.builder.ins().iadd(value, step);
        let left = self.builder.ins().iadd_imm_s(length, -1);
        self.store(next, iterator, layout::RANGE_ITER_START);
        self.store(left, iterator, layout::RANGE_ITER_LENGTH);
        value
    }

    /// The next item of the iterator of a list or tuple, or NULL.
    pub(super) fn sequence_next(&mut self, iterator: ir::Value, is_list: bool) -> ir::Value {
        let on = self.builder.create_block();
        let result = self.builder.append_block_param(on, types::I64);
        let (some, inside) = (self.builder.create_block(), self.builder.create_block());
        let null = self.int(0);
        let sequence = self.load(types::I64, iterator, layout::SEQUENCE_ITER_SEQUENCE);
        self.builder
            .ins()
            .brif(sequence, some, &[], on, &[null.into()]);
        self.builder.switch_to_block(some);
        let index = self.load(types::I64, iterator, layout::SEQUENCE_ITER_INDEX);
        let size = self.load(types::I64, sequence, layout::OBJECT_SIZE);
        let more = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedLessThan, index, size);
        self.builder
            .ins()
            .brif(more, inside, &[], on, &[null.into()]);
        self.builder.switch_to_block(inside);
        let next = self.builder.ins().iadd_imm_s(index, 1);
        self.store(next, iterator, layout::SEQUENCE_ITER_INDEX);
        let item = if is_list {
            let items = self.load(types::I64, sequence, layout::LIST_ITEMS);
            let address = self.item(items, index);
            self.load(types::I64, address, 0)
        } else {
            let address = self.item(sequence, index);
            self.load(types::I64, address, layout::TUPLE_ITEMS)
        };
        self.builder.ins().jump(on, &[item.into()]);
        self.builder.switch_to_block(on);
        result
    }
}
