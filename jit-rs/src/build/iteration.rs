//! Iteration, and the unpacking of what it gives.

use super::Builder;
use crate::hir::{Comparison, Helper, Op, Type, Value};
use crate::layout;
use crate::opcode as op;

/// The kinds of iterators whose next item machine code finds in what they iterate over.
const ITEMS: [Type; 5] = [
    Type::DICT_KEYS_ITER,
    Type::DICT_VALUES_ITER,
    Type::SET_ITER,
    Type::REVERSED_LIST,
    Type::STR_ITER,
];

/// How many iterators of a zip machine code advances.
const MAX_ZIPPED: u32 = 3;

/// Where an iterator has the tuple that it gives again and again, as long as nobody else has it.
fn result_of(kind: Type) -> Option<usize> {
    match kind {
        Type::DICT_ITEMS_ITER => Some(layout::DICT_ITER_RESULT),
        Type::ENUMERATE => Some(layout::ENUMERATE_RESULT),
        Type::ZIP => Some(layout::ZIP_RESULT),
        _ => None,
    }
}

impl Builder<'_> {
    pub(super) fn for_iter(&mut self) {
        let iterator = self.peek(1);
        let iterator = self.boxed(iterator);
        let unpacked = self.unpacked_at_once();
        let kind = self.iterator_kind(unpacked);
        let is_guess = kind != Type::NEVER && self.require(iterator, kind);
        match if is_guess { kind } else { Type::NEVER } {
            Type::RANGE_ITER => self.for_range(iterator),
            Type::LIST_ITER => {
                let item = self.value(Op::ListNext, &[iterator], Type::ANY);
                self.for_item(iterator, item, Some(Helper::ListEnd));
            }
            Type::TUPLE_ITER => {
                let item = self.value(Op::TupleNext, &[iterator], Type::ANY);
                self.for_item(iterator, item, Some(Helper::TupleEnd));
            }
            kind => match (result_of(kind), unpacked) {
                (Some(result), Some(count)) => self.for_unpacked(iterator, kind, result, count),
                _ => self.for_next(iterator, kind),
            },
        }
    }

    /// The kind of iterator to guess.
    fn iterator_kind(&self, unpacked: Option<u32>) -> Type {
        match self.guess() {
            op::FOR_ITER_RANGE => Type::RANGE_ITER,
            op::FOR_ITER_LIST => Type::LIST_ITER,
            op::FOR_ITER_TUPLE => Type::TUPLE_ITER,
            op::FOR_ITER => {
                let seen = self.seen()[0];
                let is_known = match seen {
                    Type::ZIP => unpacked.is_some_and(|count| count <= MAX_ZIPPED),
                    Type::DICT_ITEMS_ITER | Type::ENUMERATE => unpacked == Some(2),
                    seen => ITEMS.contains(&seen),
                };
                if is_known { seen } else { Type::NEVER }
            }
            _ => Type::NEVER,
        }
    }

    /// Into how many items the body of the loop unpacks first of all what it gets.
    fn unpacked_at_once(&self) -> Option<u32> {
        let unpack = self.code.at(self.instruction.next)?;
        let is_built = unpack.opcode == op::UNPACK_SEQUENCE
            && self.flow.instructions.contains(&unpack.start)
            && !self.flow.merges.contains(&unpack.start)
            && (self.history.whole || !self.code.is_unseen(unpack));
        is_built.then_some(unpack.oparg)
    }

    fn for_range(&mut self, iterator: Value) {
        let offset = layout::RANGE_ITER_LENGTH as u32;
        let left = self.value(Op::LoadWord(offset), &[iterator], Type::NEVER);
        let zero = self.value(Op::Int(0), &[], Type::NEVER);
        let more = Op::IntCompare(Comparison::Greater);
        let more = self.value(more, &[left, zero], Type::NEVER);
        self.for_each(more, None, |builder| {
            builder.value(Op::RangeNext, &[iterator], Type::NEVER)
        });
    }

    /// What the runtime, or machine code for a kind of iterators, gives.
    fn for_next(&mut self, iterator: Value, kind: Type) {
        let number = match kind {
            Type::NEVER if self.guess() == op::FOR_ITER_GEN && layout::HOOKS != 0 => {
                self.guard(Op::GuardCStack, &[]);
                Type::GENERATOR.bit() as u64
            }
            Type::NEVER => 0,
            kind => kind.bit() as u64,
        };
        let ty = if kind == Type::STR_ITER {
            Type::STR | Type::NULL
        } else {
            Type::ANY
        };
        let item = self.call_value(Helper::Next, number, &[iterator], ty);
        self.for_item(iterator, item, None);
    }

    fn for_item(&mut self, iterator: Value, item: Value, end: Option<Helper>) {
        let more = self.is_object(item);
        self.for_each(more, end.map(|end| (end, iterator)), |builder| {
            builder.learn(item, Type::OBJECT);
            item
        });
    }

    /// An iterator that keeps the tuple that it gives, whose items are taken out at once.
    fn for_unpacked(&mut self, iterator: Value, kind: Type, result: usize, count: u32) {
        let load = Op::LoadField(result as u32);
        let tuple = self.value(load, &[iterator], Type::TUPLE);
        self.guard(Op::GuardUnshared, &[tuple]);
        if kind == Type::ZIP {
            self.require_size(tuple, count);
        }
        if kind == Type::ENUMERATE {
            let offset = layout::ENUMERATE_INDEX as u32;
            let index = self.value(Op::LoadWord(offset), &[iterator], Type::NEVER);
            let most = self.value(Op::Int(i64::MAX), &[], Type::NEVER);
            let less = Op::IntCompare(Comparison::Less);
            let fits = self.value(less, &[index, most], Type::NEVER);
            self.guard(Op::Guard, &[fits]);
        }
        let number = kind.bit() as u64 | u64::from(count) << 8;
        let more = self.call_value(Helper::Advance, number, &[iterator], Type::NEVER);
        self.for_each(more, None, |builder| {
            let tuple = builder.value(load, &[iterator], Type::TUPLE);
            let index = (kind == Type::ENUMERATE)
                .then(|| builder.value(Op::LastIndex, &[iterator], Type::NEVER));
            builder.env.unpacked.insert(tuple, index);
            tuple
        });
    }

    /// The two ways that a loop goes on: with the item that `next` gives, and if there is nothing more, a helper gets the iterator.
    fn for_each(
        &mut self,
        more: Value,
        end: Option<(Helper, Value)>,
        next: impl FnOnce(&mut Self) -> Value,
    ) {
        let body = self.instruction.next;
        let done = body + self.instruction.oparg + 2;
        let blocks = self.split(more);
        let env = self.env.clone();

        self.begin(blocks.0);
        let item = next(self);
        self.push(item);
        self.boundary(Op::Boundary, body);
        self.go(body);

        self.env = env;
        self.begin(blocks.1);
        if let Some((helper, iterator)) = end {
            self.call(helper, 0, &[iterator], Type::NEVER);
        }
        let iterator = self.pop();
        if self.guess() == op::FOR_ITER_GEN {
            self.call(Helper::DropIterator, 0, &[iterator], Type::NEVER);
        }
        self.boundary(Op::Boundary, done);
        self.go(done);
    }

    fn require_size(&mut self, sequence: Value, count: u32) {
        let size = self.value(Op::Size, &[sequence], Type::NEVER);
        let expected = self.value(Op::Int(i64::from(count)), &[], Type::NEVER);
        let equal = Op::IntCompare(Comparison::Equal);
        let fits = self.value(equal, &[size, expected], Type::NEVER);
        self.guard(Op::Guard, &[fits]);
    }

    pub(super) fn unpack_sequence(&mut self) {
        let count = self.instruction.oparg;
        let value = self.peek(1);
        if let Some(&index) = self.env.unpacked.get(&value) {
            self.pop();
            self.push_items(Op::TupleItem, value, index, count);
            return;
        }
        let (ty, item) = match self.guess() {
            op::UNPACK_SEQUENCE_TWO_TUPLE | op::UNPACK_SEQUENCE_TUPLE => {
                (Type::TUPLE, Op::TupleItem)
            }
            op::UNPACK_SEQUENCE_LIST => (Type::LIST, Op::ListItem),
            _ => (Type::NEVER, Op::Null),
        };
        if ty == Type::NEVER || !self.require(value, ty) {
            let value = self.pop();
            let number = u64::from(count);
            self.call(Helper::UnpackSequence, number, &[value], Type::NEVER);
            for index in 0..count {
                self.push_operand(index, Type::OBJECT);
            }
            return;
        }
        self.require_size(value, count);
        self.pop();
        self.push_items(item, value, None, count);
    }

    /// Pushes the items of a tuple or list, the first of which may be known.
    fn push_items(&mut self, item: Op, value: Value, first: Option<Value>, count: u32) {
        for index in (0..count).rev() {
            let object = match first {
                Some(first) if index == 0 => first,
                _ => {
                    let index = self.value(Op::Int(i64::from(index)), &[], Type::NEVER);
                    self.value(item, &[value, index], Type::OBJECT)
                }
            };
            self.push(object);
        }
    }
}
