//! Calls.

use super::Builder;
use super::instruction::Then;
use crate::hir::{Comparison, Helper, IntOp, Op, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::Callee;

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

impl<'a> Builder<'a> {
    /// A call of a Python function, or of a class with a Python `__init__`, with just the arguments that it takes, or without some that
    /// have defaults.
    pub(super) fn call_python(&mut self) -> Result<Option<Then>, String> {
        let Some(&callee) = self.code.callees.get(&self.instruction.start) else {
            return Ok(None);
        };
        // If it was wrong to execute a function in place of the call, it may be called still.
        let is_inlined = self.code.inlinees.contains_key(&self.instruction.start);
        let form = if is_inlined && self.may_guess_again() {
            self.instruction.specialized
        } else {
            self.guess()
        };
        match form {
            op::CALL_PY_EXACT_ARGS | op::CALL_PY_GENERAL => self.call_function(callee),
            op::CALL_BOUND_METHOD_EXACT_ARGS | op::CALL_BOUND_METHOD_GENERAL => {
                self.call_method(callee)
            }
            op::CALL_ALLOC_AND_ENTER_INIT => self.call_class(callee),
            op::CALL_NON_PY_GENERAL => self.call_class_with_slots(callee),
            _ => Ok(None),
        }
    }

    fn call_function(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let count = self.instruction.oparg;
        let (function, first) = (self.peek(count + 2), self.peek(count + 1));
        let has_self = self.ty(first) != Type::NULL;
        let given = count + u32::from(has_self);
        if given > callee.arguments || has_self && self.ty(first).may_be(Type::NULL) {
            return Ok(None);
        }
        let function = self.boxed(function);
        self.guard(Op::GuardFunction(callee.version), &[function]);
        let defaults = self.defaults(function, callee.arguments - given);
        let args = [self.peek_many(given as usize), &defaults].concat();
        if let Some(then) = self.inline(callee, function, count as usize + 2, &args, |_| None)? {
            return Ok(Some(then));
        }
        self.guard(Op::GuardCStack, &[]);
        let mut operands = self.pop_many(count + 2);
        operands.extend(defaults);
        let result = self.call_callee(callee, Op::CallFunction, &operands);
        self.push(result);
        Ok(Some(Then::Periodic))
    }

    /// The defaults of the last parameters of a function that has been guarded: those of another one with its version may differ.
    fn defaults(&mut self, function: Value, count: u32) -> Vec<Value> {
        if count == 0 {
            return Vec::new();
        }
        let load = Op::LoadField(layout::FUNCTION_DEFAULTS as u32);
        let defaults = self.guarded(load, &[function], Type::TUPLE);
        let size = self.value(Op::Size, &[defaults], Type::NEVER);
        let count = i64::from(count);
        let mut distance = |from_end: i64| {
            let from_end = self.value(Op::Int(from_end), &[], Type::NEVER);
            self.guarded(
                Op::IntBinary(IntOp::Subtract),
                &[size, from_end],
                Type::NEVER,
            )
        };
        let indices: Vec<Value> = (1..=count).rev().map(&mut distance).collect();
        let zero = self.value(Op::Int(0), &[], Type::NEVER);
        let not_less = Op::IntCompare(Comparison::GreaterEqual);
        let are_there = self.value(not_less, &[indices[0], zero], Type::NEVER);
        self.guard(Op::Guard, &[are_there]);
        let item = |index: Value| self.value(Op::TupleItem, &[defaults, index], Type::OBJECT);
        indices.into_iter().map(item).collect()
    }

    /// A call of a bound method, if its function can be executed in place of the call.
    fn call_method(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let count = self.instruction.oparg;
        let (method, first) = (self.peek(count + 2), self.peek(count + 1));
        // The method object must not live while others see its references: the runtime makes other calls.
        let is_possible = callee.arguments > count && self.ty(first).may_be(Type::NULL);
        if !is_possible || self.inlinee().is_none() {
            return Ok(None);
        }
        let method = self.boxed(method);
        if self.ty(first) != Type::NULL {
            let null = self.value(Op::Null, &[], Type::NULL);
            let is_null = self.value(Op::Is, &[first, null], Type::NEVER);
            self.guard(Op::Guard, &[is_null]);
        }
        let class = Op::LoadField(layout::OBJECT_TYPE as u32);
        let class = self.value(class, &[method], Type::OTHER);
        let expected = self.object(runtime::method_class(), Type::OTHER);
        let is_method = self.value(Op::Is, &[class, expected], Type::NEVER);
        self.guard(Op::Guard, &[is_method]);
        let mut field = |offset: usize| {
            let load = Op::LoadField(offset as u32);
            self.value(load, &[method], Type::OBJECT)
        };
        let function = field(layout::METHOD_FUNCTION);
        let owner = field(layout::METHOD_SELF);
        self.guard(Op::GuardFunction(callee.version), &[function]);
        let defaults = self.defaults(function, callee.arguments - count - 1);
        let args = [&[owner], self.peek_many(count as usize), &defaults].concat();
        self.inline(callee, function, count as usize + 2, &args, |_| None)
    }

    /// A property, or a subscript of an object with a `__getitem__`, whose function takes all operands. The function is an object
    /// that `function` gives.
    pub(super) fn call_special(
        &mut self,
        operands: usize,
        function: impl FnOnce(&mut Self) -> Value,
    ) -> Result<Option<Then>, String> {
        let Some(&callee) = self.code.callees.get(&self.instruction.start) else {
            return Ok(None);
        };
        if self.inlinee().is_none() || callee.arguments as usize != operands {
            return Ok(None);
        }
        let function = function(self);
        self.guard(Op::GuardFunction(callee.version), &[function]);
        let args = self.peek_many(operands).to_vec();
        self.inline(callee, function, operands, &args, |_| None)
    }

    /// Makes an object.
    fn call_class(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let count = self.instruction.oparg;
        if callee.arguments != count + 1 || self.ty(self.peek(count + 1)) != Type::NULL {
            return Ok(None);
        }
        let class = self.peek(count + 2);
        let class = self.boxed(class);
        let version = self.code.cache32(&self.instruction, 1);
        self.guard(Op::GuardClass(version), &[class]);
        let offset = layout::HEAP_TYPE_INIT as u32;
        let init = self.guarded(Op::LoadField(offset), &[class], Type::OBJECT);
        self.guard(Op::GuardFunction(callee.version), &[init]);
        let args = self.peek_many(count as usize).to_vec();
        let make = |builder: &mut Self| Some(builder.new_object(class));
        if let Some(then) = self.inline(callee, init, count as usize + 2, &args, make)? {
            return Ok(Some(then));
        }
        self.guard(Op::GuardCStack, &[]);
        let object = self.new_object(class);
        self.pop_many(count + 2);
        let operands = [&[init, object], &args[..]].concat();
        let result = self.call_callee(callee, Op::CallInit, &operands);
        self.call(Helper::CheckInit, 0, &[result], Type::NEVER);
        self.push(object);
        Ok(Some(Then::Periodic))
    }

    /// Makes an object of a class with slots, if its `__init__` can be executed in place of the call: the runtime makes others.
    fn call_class_with_slots(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let count = self.instruction.oparg;
        let Some(&call) = self.code.feedback.classes.get(&self.instruction.offset) else {
            return Ok(None);
        };
        if callee.arguments != count + 1
            || self.ty(self.peek(count + 1)) != Type::NULL
            || self.inlinee().is_none()
        {
            return Ok(None);
        }
        let class = self.peek(count + 2);
        let class = self.boxed(class);
        self.guard(Op::GuardClass(call.class), &[class]);
        // The class has it as long as it has the version.
        let init = self.value(Op::Cached(call.init), &[], Type::OTHER);
        self.guard(Op::GuardFunction(callee.version), &[init]);
        let args = self.peek_many(count as usize).to_vec();
        let make = |builder: &mut Self| Some(builder.new_object(class));
        self.inline(callee, init, count as usize + 2, &args, make)
    }

    /// A new object of a class that has been guarded. Without memory, the interpreter calls the class again, and raises.
    fn new_object(&mut self, class: Value) -> Value {
        let object = self.call_value(Helper::NewObject, 0, &[class], Type::OTHER | Type::NULL);
        self.require_object(object);
        self.learn(object, Type::OTHER);
        object
    }

    /// The index of a function among those that are called.
    pub(super) fn callee(&mut self, callee: Callee) -> u32 {
        self.function.callees.push(callee);
        self.function.callees.len() as u32 - 1
    }

    /// A call with operands that have been popped.
    pub(super) fn call_callee(
        &mut self,
        callee: Callee,
        op: fn(u32) -> Op,
        operands: &[Value],
    ) -> Value {
        let args: Vec<Value> = operands.iter().map(|&value| self.boxed(value)).collect();
        let op = op(self.callee(callee));
        let state = self.state_at(self.instruction.offset);
        self.value_or_leave(op, &args, Type::OBJECT, Some(state))
    }

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
                self.value(Op::Bool(is_instance == Some(true)), &[], Type::NEVER)
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
