//! Calls of built-in functions that machine code knows.

use super::Builder;
use crate::hir::{Helper, Op, Type};
use crate::layout;
use crate::opcode as op;
use crate::runtime;

/// Where objects of a type have their length.
fn size_of(ty: Type) -> Option<usize> {
    match ty {
        Type::LIST | Type::TUPLE => Some(layout::OBJECT_SIZE),
        Type::DICT => Some(layout::DICT_USED),
        Type::SET => Some(layout::SET_USED),
        Type::STR => Some(layout::STR_LENGTH),
        _ => None,
    }
}

impl Builder<'_> {
    /// A call of a function of the module `math`.
    fn call_math(&mut self) -> bool {
        let Some(&call) = self.code.feedback.math.get(&self.instruction.offset) else {
            return false;
        };
        let (callable, first, arg) = (self.peek(3), self.peek(2), self.peek(1));
        let number = Type::INT | Type::FLOAT;
        let ty = self.ty(arg);
        let seen = self.seen()[0];
        let is_number = ty == Type::INT || ty == Type::FLOAT || seen == Type::FLOAT;
        if self.guess() != op::CALL_BUILTIN_O
            || self.ty(first) != Type::NULL
            || !is_number
            || !(ty.is(number) || self.require(arg, seen))
        {
            return false;
        }
        let Some(arg) = self.float(arg) else {
            return false;
        };
        let callable = self.boxed(callable);
        self.guard(Op::GuardBuiltin(call.method), &[callable]);
        // Pending events run after the call.
        self.guard(Op::BackEdge, &[]);
        let result = self.guarded(Op::Math(call.function), &[arg], Type::NEVER);
        self.pop_many(3);
        self.push(result);
        true
    }

    /// A call of a built-in function that is known.
    pub(super) fn call_builtin(&mut self) -> bool {
        if self.call_math() {
            return true;
        }
        let (builtin, count) = match self.guess() {
            op::CALL_LEN => (runtime::len(), 1),
            op::CALL_ISINSTANCE => (runtime::isinstance(), 2),
            op::CALL_TYPE_1 => (runtime::type_class(), 1),
            _ => return false,
        };
        let (callable, first) = (self.peek(count + 2), self.peek(count + 1));
        if self.instruction.oparg != count || self.ty(first) != Type::NULL {
            return false;
        }
        let callable = self.boxed(callable);
        let expected = self.object(builtin, Type::OTHER);
        let is_expected = self.value(Op::Is, &[callable, expected], Type::NEVER);
        self.guard(Op::Guard, &[is_expected]);
        let seen = self.seen()[0];
        if size_of(seen).is_some() {
            self.require(self.peek(1), seen);
        }
        let is_instance = self.is_instance();
        let args = self.pop_many(count + 2).split_off(2);
        let size = size_of(self.ty(args[0]));
        let result = match self.guess() {
            op::CALL_LEN if size.is_some() => {
                let offset = size.unwrap_or_default() as u32;
                self.value(Op::LoadWord(offset), &args, Type::NEVER)
            }
            op::CALL_LEN => self.call_value(Helper::GetLength, 0, &args, Type::INT),
            op::CALL_ISINSTANCE if is_instance.is_some() => {
                self.known_bool(is_instance == Some(true))
            }
            op::CALL_ISINSTANCE => self.call_value(Helper::IsInstance, 0, &args, Type::NEVER),
            _ => {
                let object = self.boxed(args[0]);
                let offset = layout::OBJECT_TYPE as u32;
                self.value(Op::LoadField(offset), &[object], Type::OTHER)
            }
        };
        self.push(result);
        true
    }

    /// What the call of `isinstance()` gives, if always the same built-in type has been seen, and the same class.
    fn is_instance(&mut self) -> Option<bool> {
        let [ty, class, _] = self.seen();
        let (object, expected) = (self.peek(2), self.peek(1));
        if self.guess() != op::CALL_ISINSTANCE
            || !ty.is_one()
            || !class.is_one()
            || !self.require(object, ty)
        {
            return None;
        }
        let class_object = self.object(runtime::class(class), Type::OTHER);
        let is_class = self.value(Op::Is, &[expected, class_object], Type::NEVER);
        self.guard(Op::Guard, &[is_class]);
        Some(ty == class || ty == Type::BOOL && class == Type::INT)
    }

    /// `list.append(item)` as a statement. It includes the POP_TOP that follows.
    pub(super) fn list_append(&mut self) -> bool {
        if self.guess() != op::CALL_LIST_APPEND {
            return false;
        }
        let Some(&pop) = self.code.at(self.instruction.next) else {
            return false;
        };
        if pop.opcode != op::POP_TOP || self.flow.merges.contains(&pop.start) {
            return false;
        }
        let (callable, list) = (self.peek(3), self.peek(2));
        if !self.require(list, Type::LIST) {
            return false;
        }
        let callable = self.boxed(callable);
        let append = self.object(runtime::list_append(), Type::OTHER);
        let is_append = self.value(Op::Is, &[callable, append], Type::NEVER);
        self.guard(Op::Guard, &[is_append]);
        let item = self.pop();
        self.pop();
        self.pop();
        self.call(Helper::ListAppend, 0, &[item, list], Type::NEVER);
        self.instruction.next = pop.next;
        true
    }
}
