//! Slices.

use super::Builder;
use crate::hir::{Helper, Op, Type, Value};
use crate::opcode as op;
use crate::snapshot::Instruction;

/// Instructions between reading a slice and storing it that are looked through.
const MAX_BETWEEN: usize = 8;

impl Builder<'_> {
    /// `container[start:stop]`
    pub(super) fn get_slice(&mut self) {
        if self.copy_items(3, 1, self.instruction.next) {
            return;
        }
        let operands = self.pop_many(3);
        let ty = self.type_of_slice(operands[0]);
        let slice = self.call_value(Helper::GetSlice, 0, &operands, ty);
        self.push(slice);
    }

    /// `container[start:stop:step]`. It includes the BINARY_SUBSCR that follows.
    pub(super) fn get_slice_with_step(&mut self) -> bool {
        let Some(&subscript) = self.code.at(self.instruction.next) else {
            return false;
        };
        if self.instruction.oparg != 3
            || subscript.opcode != op::BINARY_SUBSCR
            || self.flow.merges.contains(&subscript.start)
        {
            return false;
        }
        if let Some(&step) = self.env.ints.get(&self.peek(1))
            && self.copy_items(4, step, subscript.next)
        {
            return true;
        }
        // What it raises is raised by the subscript.
        self.instruction.offset = subscript.offset;
        self.instruction.next = subscript.next;
        self.emit(Op::At(subscript.offset), &[], None, None);
        let operands = self.pop_many(4);
        let ty = self.type_of_slice(operands[0]);
        let slice = self.call_value(Helper::GetSliceWithStep, 0, &operands, ty);
        self.push(slice);
        true
    }

    fn type_of_slice(&self, container: Value) -> Type {
        match self.ty(container) {
            Type::LIST => Type::LIST,
            Type::TUPLE => Type::TUPLE,
            _ => Type::OBJECT,
        }
    }

    /// `to[low:high] = from[start:stop:step]`, if the slice is stored as soon as it has been read: without a list between, as
    /// long as both are lists and as many items are replaced. `operands` are on the stack, `next` follows what reads them.
    fn copy_items(&mut self, operands: usize, step: i64, next: u32) -> bool {
        let is_possible = self.may_guess() && !self.is_inlined();
        let Some((between, store)) = self.stored_at(next).filter(|_| is_possible && step != 0)
        else {
            return false;
        };
        let depth = self.env.stack.len();
        let is_known = between
            .iter()
            .all(|instruction| self.without_effect(instruction));
        let values = self.env.stack.split_off(depth - operands);
        let copied = is_known && self.copy(&values, operands, step);
        if copied {
            self.instruction.next = store.next;
        } else {
            self.env.stack.extend(&values[..operands]);
        }
        copied
    }

    /// The instructions up to the STORE_SLICE of what has just been read, if they only load its operands.
    fn stored_at(&self, next: u32) -> Option<(Vec<Instruction>, Instruction)> {
        let mut between = Vec::new();
        let mut offset = next;
        let mut loaded = 0;
        while between.len() < MAX_BETWEEN && !self.flow.merges.contains(&offset) {
            let instruction = *self.code.at(offset)?;
            match instruction.opcode {
                op::LOAD_FAST | op::LOAD_CONST => loaded += 1,
                op::LOAD_FAST_LOAD_FAST => loaded += 2,
                op::BINARY_OP if loaded >= 2 => loaded -= 1,
                op::STORE_SLICE if loaded == 3 => return Some((between, instruction)),
                _ => return None,
            }
            between.push(instruction);
            offset = instruction.next;
        }
        None
    }

    /// Builds an instruction that loads something or adds ints; false if it may be another sum.
    fn without_effect(&mut self, instruction: &Instruction) -> bool {
        if instruction.opcode != op::BINARY_OP {
            self.push_loaded(instruction);
            return true;
        }
        let is_sum = matches!(
            instruction.specialized,
            op::BINARY_OP_ADD_INT | op::BINARY_OP_SUBTRACT_INT
        );
        let (right, left) = (self.pop(), self.pop());
        if !is_sum || !self.require(left, Type::INT) || !self.require(right, Type::INT) {
            return false;
        }
        let Some(sum) = self.number_op(instruction.oparg, left, right) else {
            return false;
        };
        self.push(sum);
        true
    }

    fn copy(&mut self, values: &[Value], operands: usize, step: i64) -> bool {
        let (from, to) = (values[0], values[operands]);
        let ends = if step < 0 {
            (i64::MAX, i64::MIN)
        } else {
            (0, i64::MAX)
        };
        let bounds = [
            (values[1], ends.0),
            (values[2], ends.1),
            (values[operands + 1], 0),
            (values[operands + 2], i64::MAX),
        ];
        if !self.require(from, Type::LIST) || !self.require(to, Type::LIST) {
            return false;
        }
        let mut places = Vec::new();
        for (bound, none) in bounds {
            if self.ty(bound) == Type::NONE {
                places.push(self.value(Op::Int(none), &[], Type::NEVER));
            } else if self.require(bound, Type::INT) {
                places.push(self.unboxed(bound, self.state));
            } else {
                return false;
            }
        }
        let args = [from, places[0], places[1], to, places[2], places[3]];
        self.guard(Op::CopyItems(step), &args);
        true
    }
}
