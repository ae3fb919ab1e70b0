//! Subscripts.

use super::Builder;
use super::instruction::Then;
use crate::hir::{Element, Helper, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;

impl Builder<'_> {
    /// The `__getitem__` of an object, in place of the subscript.
    pub(super) fn call_getitem(&mut self) -> Result<Option<Then>, String> {
        let container = self.peek(2);
        if self.guess() != op::BINARY_SUBSCR_GETITEM || self.function.rep(container) != Rep::Object
        {
            return Ok(None);
        }
        self.call_special(2, |builder| {
            let class = Op::LoadField(layout::OBJECT_TYPE as u32);
            let class = builder.value(class, &[container], Type::OTHER);
            builder.guard(Op::GuardHeapType, &[class]);
            let getitem = Op::LoadField(layout::HEAP_TYPE_GETITEM as u32);
            builder.guarded(getitem, &[class], Type::OBJECT)
        })
    }

    pub(super) fn get_item(&mut self) -> Result<(), String> {
        let (container, key) = (self.peek(2), self.peek(1));
        let guess = match self.guess() {
            op::BINARY_SUBSCR_LIST_INT => Type::LIST,
            op::BINARY_SUBSCR_TUPLE_INT => Type::TUPLE,
            op::BINARY_SUBSCR_STR_INT => Type::STR,
            op::BINARY_SUBSCR_DICT => Type::DICT,
            op::BINARY_SUBSCR => self.seen_by_index(0),
            _ => Type::NEVER,
        };
        let is_guess = guess != Type::NEVER
            && self.require(container, guess)
            && (guess == Type::DICT || self.require(key, Type::INT));
        let ty = if is_guess { guess } else { Type::NEVER };
        let quiet = self.quiet_handler();
        let (key, container) = (self.pop(), self.pop());
        let operands = [container, key];
        let result = match ty {
            Type::LIST => self.item(Op::ListItem, container, key),
            Type::TUPLE => self.item(Op::TupleItem, container, key),
            Type::STR => self.call_value(Helper::GetItemStr, 0, &operands, Type::OBJECT),
            Type::DICT if self.is_inlined() => {
                let ty = Type::OBJECT | Type::NULL;
                let found = self.call_value(Helper::PeekItemDict, 0, &operands, ty);
                self.require_object(found);
                found
            }
            Type::DICT => match quiet {
                Some(quiet) if quiet.error == layout::KEY_ERROR => {
                    self.find(quiet, Helper::FindItemDict, 0, &operands)?
                }
                _ => self.call_value(Helper::GetItemDict, 0, &operands, Type::OBJECT),
            },
            _ => match Element::of(ty) {
                Some(element) => self.item(Op::ArrayItem(element), container, key),
                None if let Some(quiet) = quiet => {
                    self.find(quiet, Helper::FindItem, quiet.error as u64, &operands)?
                }
                None => self.call_value(Helper::GetItem, 0, &operands, Type::OBJECT),
            },
        };
        self.push(result);
        Ok(())
    }

    fn item(&mut self, item: Op, container: Value, key: Value) -> Value {
        let index = self.unboxed(key, self.state);
        let place = self.guarded(Op::ItemIndex, &[container, index], Type::NEVER);
        self.value(item, &[container, place], Type::OBJECT)
    }

    /// The type of a container, by the index of the operand, that the interpreter has always seen at this instruction with an
    /// int as the key, although it has no form for that: an array, or a negative index.
    fn seen_by_index(&self, container: usize) -> Type {
        let seen = self.seen();
        let ty = seen[container];
        let has_items = ty == Type::LIST || ty == Type::TUPLE || Element::of(ty).is_some();
        if has_items && seen[container + 1] == Type::INT {
            ty
        } else {
            Type::NEVER
        }
    }

    pub(super) fn set_item(&mut self) {
        let (container, key) = (self.peek(2), self.peek(1));
        let guess = match self.guess() {
            op::STORE_SUBSCR_LIST_INT => Type::LIST,
            op::STORE_SUBSCR_DICT => Type::DICT,
            op::STORE_SUBSCR => self.seen_by_index(1),
            _ => Type::NEVER,
        };
        if guess == Type::DICT && self.require(container, guess) {
            self.statement(Helper::SetItemDict, 3, 0);
            return;
        }
        let is_guess =
            guess == Type::LIST || Element::of(guess).is_some_and(|element| self.fits(element));
        if is_guess && self.require(container, guess) && self.require(key, Type::INT) {
            let index = self.unboxed(key, self.state);
            let place = self.guarded(Op::ItemIndex, &[container, index], Type::NEVER);
            let value = self.peek(3);
            let number = Element::of(guess).map(|element| self.number_for(element, value));
            self.pop_many(3);
            match number {
                Some((set, number)) => {
                    self.emit(set, &[number, container, place], None, Some(self.state));
                }
                None => self.set_list_item(value, container, place),
            }
            return;
        }
        self.statement(Helper::SetItem, 3, 0);
    }

    fn set_list_item(&mut self, value: Value, list: Value, place: Value) {
        // A number that has no object yet.
        let is_float =
            self.function.rep(value) == Rep::Float && !self.env.boxed.contains_key(&value);
        if is_float && (self.may_guess() || self.is_inlined()) {
            let operands = [value, list, place];
            self.emit(Op::PutListFloat, &operands, None, Some(self.state));
            return;
        }
        if self.is_inlined() {
            self.guard(Op::GuardItemReplaceable, &[list, place]);
            let value = self.boxed(value);
            self.emit(Op::PutListItem, &[value, list, place], None, None);
            return;
        }
        let (value, set) = if is_float {
            (value, Op::SetListFloat)
        } else {
            (self.boxed(value), Op::SetListItem)
        };
        let state = self.state_at(self.instruction.next);
        self.emit(set, &[value, list, place], None, Some(state));
    }

    /// Makes sure that the value that is to be put into an array is a number that it can hold; false if it never is.
    fn fits(&mut self, element: Element) -> bool {
        let value = self.peek(3);
        let known = self.ty(value);
        match element {
            // An array of doubles takes ints as well.
            Element::Double if known == Type::INT => true,
            Element::Double => self.seen()[0] == Type::FLOAT && self.require(value, Type::FLOAT),
            _ => self.seen()[0] == Type::INT && self.require(value, Type::INT),
        }
    }

    fn number_for(&mut self, element: Element, value: Value) -> (Op, Value) {
        let is_int = self.ty(value) == Type::INT;
        let mut number = self.unboxed(value, self.state);
        if element == Element::Double && is_int {
            number = self.value(Op::IntToFloat, &[number], Type::NEVER);
        }
        (Op::SetArrayItem(element), number)
    }
}
