//! The next items of iterators, found in the objects themselves. Whatever is unusual, and the end, is left to the runtime, which begins anew: nothing
//! has been changed by then.

use super::Generator;
use crate::hir::{Helper, Leave, State, Type};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

/// What an iterator gives next.
#[derive(Default)]
struct Step {
    items: Vec<ir::Value>,
    /// What becomes of the iterators: values, and where they are stored.
    stores: Vec<(ir::Value, ir::Value, usize)>,
}

impl Generator<'_> {
    /// The next item of an iterator that is of a kind, by its number, or NULL at the end.
    pub(super) fn next_of(
        &mut self,
        kind: u64,
        iterator: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let kind = Type::from_bit(kind as i32);
        if kind == Type::GENERATOR {
            return self.next_of_generator(iterator, state, leave);
        }
        let slow = self.builder.create_block();
        let step = match kind {
            Type::DICT_KEYS_ITER => self.dict_step(iterator, &[layout::KEYS_ENTRY_KEY], slow),
            Type::DICT_VALUES_ITER => self.dict_step(iterator, &[layout::KEYS_ENTRY_VALUE], slow),
            Type::SET_ITER => self.set_step(iterator, slow),
            Type::REVERSED_LIST => self.reversed_step(iterator, slow),
            _ => self.str_step(iterator, slow),
        };
        let item = step.items[0];
        // Those of a string live for ever.
        if kind != Type::STR_ITER {
            self.incref(item, Type::OBJECT);
        }
        self.take_step(&step);
        self.or_slow(Helper::Next, iterator, (item, slow), state, leave)
    }

    /// Has an iterator put its next items into the tuple that it keeps; gives whether there are any. The number tells the kind and how
    /// many.
    pub(super) fn advance(
        &mut self,
        number: u64,
        iterator: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let slow = self.builder.create_block();
        let both = [layout::KEYS_ENTRY_KEY, layout::KEYS_ENTRY_VALUE];
        let (step, result, first) = match Type::from_bit((number & 0xff) as i32) {
            Type::DICT_ITEMS_ITER => {
                let step = self.dict_step(iterator, &both, slow);
                (step, layout::DICT_ITER_RESULT, 0)
            }
            Type::ENUMERATE => {
                let step = self.enumerate_step(iterator, slow);
                (step, layout::ENUMERATE_RESULT, 1)
            }
            _ => {
                let step = self.zip_step(iterator, (number >> 8) as usize, slow);
                (step, layout::ZIP_RESULT, 0)
            }
        };
        let tuple = self.load(types::I64, iterator, result);
        self.put_items(&step.items, tuple, layout::TUPLE_ITEMS + 8 * first, slow);
        self.take_step(&step);
        let yes = self.builder.ins().iconst(types::I8, 1);
        self.or_slow(Helper::Advance, iterator, (yes, slow), state, leave)
    }

    fn take_step(&mut self, step: &Step) {
        for &(value, base, offset) in &step.stores {
            self.store(value, base, offset);
        }
    }

    /// The end of the fast way, with its result, and the slow one, a helper that may raise.
    fn or_slow(
        &mut self,
        helper: Helper,
        iterator: ir::Value,
        (fast, slow): (ir::Value, ir::Block),
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let ty = self.builder.func.dfg.value_type(fast);
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, ty);
        self.builder.ins().jump(done, &[fast.into()]);
        self.builder.set_cold_block(slow);
        self.builder.switch_to_block(slow);
        self.tell(self.at);
        self.forget_record();
        self.record(Some(state));
        self.forget_record();
        let zero = self.int(0);
        let args = [self.tstate, self.frame, iterator, zero];
        let value = self
            .call_helper(helper, &args, Some(state), leave)
            .expect("it has a result");
        self.builder.ins().jump(done, &[value.into()]);
        self.builder.switch_to_block(done);
        self.unchecked = true;
        result
    }

    fn unless_zero(&mut self, value: ir::Value, slow: ir::Block) {
        let on = self.builder.create_block();
        self.builder.ins().brif(value, on, &[], slow, &[]);
        self.builder.switch_to_block(on);
    }

    /// What is iterated over, by where the iterator has it and the size that it had, and where it has its size now; goes to a block
    /// at the end, or if the sizes differ.
    fn unchanged(
        &mut self,
        iterator: ir::Value,
        (container, expected): (usize, usize),
        used: usize,
        slow: ir::Block,
    ) -> ir::Value {
        let container = self.load(types::I64, iterator, container);
        self.unless_zero(container, slow);
        let expected = self.load(types::I64, iterator, expected);
        let used = self.load(types::I64, container, used);
        let has_changed = self.builder.ins().icmp(IntCC::NotEqual, used, expected);
        self.unless(has_changed, slow);
        container
    }

    /// Words of the next entry of a dictionary that has not been changed.
    fn dict_step(&mut self, iterator: ir::Value, words: &[usize], slow: ir::Block) -> Step {
        let places = (layout::DICT_ITER_DICT, layout::DICT_ITER_USED);
        let dict = self.unchanged(iterator, places, layout::DICT_USED, slow);
        let keys = self.load(types::I64, dict, layout::DICT_KEYS);
        let kind = super::trusted();
        let kind = self
            .builder
            .ins()
            .uload8(types::I64, kind, keys, layout::KEYS_KIND as i32);
        let unicode = layout::DICT_KEYS_UNICODE as i64;
        let is_other = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::UnsignedGreaterThan, kind, unicode);
        self.unless(is_other, slow);
        let place = self.load(types::I64, iterator, layout::DICT_ITER_POSITION);
        let count = self.load(types::I64, keys, layout::KEYS_COUNT);
        let is_end = self
            .builder
            .ins()
            .icmp(IntCC::SignedGreaterThanOrEqual, place, count);
        self.unless(is_end, slow);
        // The hash comes first in general entries.
        let next = self.builder.ins().iadd_imm_s(place, 1);
        let more = layout::GENERAL_ENTRY_MORE as i64;
        let hashes = self.builder.ins().imul_imm_s(next, more);
        let mask = self.builder.ins().iadd_imm_s(kind, -1);
        let hashes = self.builder.ins().band(hashes, mask);
        let size = layout::KEYS_ENTRY_SIZE as i64;
        let offset = self.builder.ins().imul_imm_s(place, size);
        let entries = self.keys_entry(keys, 0);
        let entry = self.builder.ins().iadd(entries, offset);
        let entry = self.builder.ins().iadd(entry, hashes);
        let value = self.load(types::I64, entry, layout::KEYS_ENTRY_VALUE);
        self.unless_zero(value, slow);
        let left = self.load(types::I64, iterator, layout::DICT_ITER_LEFT);
        self.unless_zero(left, slow);
        let left = self.builder.ins().iadd_imm_s(left, -1);
        Step {
            items: words
                .iter()
                .map(|&word| self.load(types::I64, entry, word))
                .collect(),
            stores: vec![
                (next, iterator, layout::DICT_ITER_POSITION),
                (left, iterator, layout::DICT_ITER_LEFT),
            ],
        }
    }

    fn set_step(&mut self, iterator: ir::Value, slow: ir::Block) -> Step {
        let places = (layout::SET_ITER_SET, layout::SET_ITER_USED);
        let set = self.unchanged(iterator, places, layout::SET_USED, slow);
        let mask = self.load(types::I64, set, layout::SET_MASK);
        let table = self.load(types::I64, set, layout::SET_TABLE);
        let dummy = self.int(runtime::set_dummy() as i64);
        let place = self.load(types::I64, iterator, layout::SET_ITER_POSITION);
        let (look, some, on) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        let next = self.builder.append_block_param(look, types::I64);
        self.builder.ins().jump(look, &[place.into()]);
        self.builder.switch_to_block(look);
        let place = next;
        let is_end = self
            .builder
            .ins()
            .icmp(IntCC::SignedGreaterThan, place, mask);
        self.unless(is_end, slow);
        let offset = self.builder.ins().ishl_imm_s(place, 4);
        let entry = self.builder.ins().iadd(table, offset);
        let key = self.load(types::I64, entry, 0);
        let next = self.builder.ins().iadd_imm_s(place, 1);
        self.builder
            .ins()
            .brif(key, some, &[], look, &[next.into()]);
        self.builder.switch_to_block(some);
        let is_dummy = self.builder.ins().icmp(IntCC::Equal, key, dummy);
        self.builder
            .ins()
            .brif(is_dummy, look, &[next.into()], on, &[]);
        self.builder.switch_to_block(on);
        let left = self.load(types::I64, iterator, layout::SET_ITER_LEFT);
        let left = self.builder.ins().iadd_imm_s(left, -1);
        Step {
            items: vec![key],
            stores: vec![
                (next, iterator, layout::SET_ITER_POSITION),
                (left, iterator, layout::SET_ITER_LEFT),
            ],
        }
    }

    fn reversed_step(&mut self, iterator: ir::Value, slow: ir::Block) -> Step {
        let index = self.load(types::I64, iterator, layout::REVERSED_LIST_INDEX);
        let is_end = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, index, 0);
        self.unless(is_end, slow);
        let list = self.load(types::I64, iterator, layout::REVERSED_LIST_LIST);
        let size = self.load(types::I64, list, layout::OBJECT_SIZE);
        self.unless_inside(index, size, slow);
        let address = self.list_place(list, index);
        let next = self.builder.ins().iadd_imm_s(index, -1);
        Step {
            items: vec![self.load(types::I64, address, 0)],
            stores: vec![(next, iterator, layout::REVERSED_LIST_INDEX)],
        }
    }

    fn str_step(&mut self, iterator: ir::Value, slow: ir::Block) -> Step {
        let string = self.load(types::I64, iterator, layout::STR_ITER_STR);
        self.unless_zero(string, slow);
        let index = self.load(types::I64, iterator, layout::STR_ITER_INDEX);
        let size = self.load(types::I64, string, layout::STR_LENGTH);
        self.unless_inside(index, size, slow);
        let place = self.builder.ins().iadd(string, index);
        let flags = super::trusted();
        let character =
            self.builder
                .ins()
                .uload8(types::I64, flags, place, layout::ASCII_DATA as i32);
        let size = layout::ASCII_SIZE as i64;
        let offset = self.builder.ins().imul_imm_s(character, size);
        let first = self.int(runtime::ascii() as i64);
        let next = self.builder.ins().iadd_imm_s(index, 1);
        Step {
            items: vec![self.builder.ins().iadd(first, offset)],
            stores: vec![(next, iterator, layout::STR_ITER_INDEX)],
        }
    }

    fn unless_inside(&mut self, index: ir::Value, size: ir::Value, slow: ir::Block) {
        let is_end = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, index, size);
        self.unless(is_end, slow);
    }

    /// The next item of an iterator of a list or tuple; goes to a block if it is another one.
    fn sequence_step(&mut self, iterator: ir::Value, step: &mut Step, slow: ir::Block) {
        let class = self.class(iterator);
        let mut is = |ty: Type| {
            let expected = self.int(runtime::class(ty) as i64);
            self.builder.ins().icmp(IntCC::Equal, class, expected)
        };
        let (is_list, is_tuple) = (is(Type::LIST_ITER), is(Type::TUPLE_ITER));
        let is_either = self.builder.ins().bor(is_list, is_tuple);
        self.unless_zero(is_either, slow);
        let sequence = self.load(types::I64, iterator, layout::SEQUENCE_ITER_SEQUENCE);
        self.unless_zero(sequence, slow);
        let index = self.load(types::I64, iterator, layout::SEQUENCE_ITER_INDEX);
        let size = self.load(types::I64, sequence, layout::OBJECT_SIZE);
        self.unless_inside(index, size, slow);
        // Where lists have the address of their items, tuples have the first.
        let items = self.load(types::I64, sequence, layout::LIST_ITEMS);
        let inside = layout::TUPLE_ITEMS as i64;
        let inside = self.builder.ins().iadd_imm_s(sequence, inside);
        let items = self.builder.ins().select(is_list, items, inside);
        let address = self.item(items, index);
        step.items.push(self.load(types::I64, address, 0));
        let next = self.builder.ins().iadd_imm_s(index, 1);
        step.stores
            .push((next, iterator, layout::SEQUENCE_ITER_INDEX));
    }

    /// The next item; the index need not be an object.
    fn enumerate_step(&mut self, iterator: ir::Value, slow: ir::Block) -> Step {
        let mut step = Step::default();
        let inner = self.load(types::I64, iterator, layout::ENUMERATE_ITERATOR);
        self.sequence_step(inner, &mut step, slow);
        let index = self.load(types::I64, iterator, layout::ENUMERATE_INDEX);
        let index = self.builder.ins().iadd_imm_s(index, 1);
        step.stores.push((index, iterator, layout::ENUMERATE_INDEX));
        step
    }

    fn zip_step(&mut self, iterator: ir::Value, count: usize, slow: ir::Block) -> Step {
        let mut step = Step::default();
        let iterators = self.load(types::I64, iterator, layout::ZIP_ITERATORS);
        let inner: Vec<ir::Value> = (0..count)
            .map(|index| self.load(types::I64, iterators, layout::TUPLE_ITEMS + 8 * index))
            .collect();
        for (index, &one) in inner.iter().enumerate() {
            // One that is there twice is advanced twice.
            for &other in &inner[..index] {
                let is_same = self.builder.ins().icmp(IntCC::Equal, one, other);
                self.unless(is_same, slow);
            }
            self.sequence_step(one, &mut step, slow);
        }
        step
    }

    /// Puts objects into a tuple. Goes to a block if something that was there would be released, or the garbage collector does not know
    /// the tuple.
    fn put_items(&mut self, items: &[ir::Value], tuple: ir::Value, offset: usize, slow: ir::Block) {
        let before = -(layout::GC_NEXT_BEFORE as i32);
        let tracked = self
            .builder
            .ins()
            .load(types::I64, super::trusted(), tuple, before);
        self.unless_zero(tracked, slow);
        let place = |index: usize| offset + 8 * index;
        let old: Vec<ir::Value> = (0..items.len())
            .map(|index| self.load(types::I64, tuple, place(index)))
            .collect();
        for (index, &one) in old.iter().enumerate() {
            let count = self.load(types::I64, one, layout::OBJECT_REFCNT);
            let mut least = self.int(2);
            for (_, &other) in old.iter().enumerate().filter(|(at, _)| *at != index) {
                let is_same = self.builder.ins().icmp(IntCC::Equal, one, other);
                let is_same = self.builder.ins().uextend(types::I64, is_same);
                least = self.builder.ins().iadd(least, is_same);
            }
            let is_last = self.builder.ins().icmp(IntCC::SignedLessThan, count, least);
            self.unless(is_last, slow);
        }
        for (index, &item) in items.iter().enumerate() {
            self.incref(item, Type::OBJECT);
            self.store(item, tuple, place(index));
        }
        for old in old {
            self.drop_shared(old);
        }
    }
}
