//! Calls of Python functions.

use super::Builder;
use super::instruction::Then;
use super::place::Sources;
use crate::hir::{Helper, Op, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::Callee;

/// The operands of a call.
struct Operands {
    /// What is called.
    callable: Value,
    /// What is passed first, or NULL.
    first: Value,
    /// What else is passed.
    args: Vec<Value>,
    /// How many they are, with the names of keywords.
    count: usize,
}

impl<'a> Builder<'a> {
    /// A call of a Python function, or of a class with a Python `__init__`, with arguments that are as it takes them.
    pub(super) fn call_python(&mut self) -> Result<Option<Then>, String> {
        if let Some(alternatives) = self.code.alternatives.get(&self.instruction.start) {
            return Ok(self.call_one_of(alternatives));
        }
        let Some(&callee) = self.code.callees.get(&self.instruction.start) else {
            return Ok(None);
        };
        if !self.may_guess_callee() {
            return Ok(None);
        }
        match self.instruction.specialized {
            op::CALL_PY_EXACT_ARGS | op::CALL_PY_GENERAL => self.call_function(callee),
            op::CALL_BOUND_METHOD_EXACT_ARGS | op::CALL_BOUND_METHOD_GENERAL => {
                self.call_method(callee)
            }
            op::CALL_ALLOC_AND_ENTER_INIT => {
                let version = self.code.cache32(&self.instruction, 1);
                self.call_class(callee, version, None)
            }
            op::CALL | op::CALL_NON_PY_GENERAL | op::CALL_KW => {
                match self.code.feedback.classes.get(&self.instruction.offset) {
                    Some(&call) => self.call_class(callee, call.class, Some(call.init)),
                    None => self.call_function(callee),
                }
            }
            _ => Ok(None),
        }
    }

    /// Whether the function that is called may be guessed: if it was wrong to execute one in place of the call, it may be called still.
    pub(super) fn may_guess_callee(&self) -> bool {
        let is_inlined = self.code.inlinees.contains_key(&self.instruction.start);
        self.may_guess() || is_inlined && self.may_guess_again()
    }

    fn operands(&self) -> Operands {
        let args = self.instruction.oparg as usize;
        let has_keywords = self.instruction.opcode == op::CALL_KW;
        let count = args + 2 + usize::from(has_keywords);
        let operands = self.peek_many(count);
        Operands {
            callable: operands[0],
            first: operands[1],
            args: operands[2..2 + args].to_vec(),
            count,
        }
    }

    /// Whether something is passed first. If that is not known, it is a guess, unless the function takes the other arguments alone.
    fn has_self(&self, first: Value, fits_alone: bool) -> Option<bool> {
        match self.ty(first) {
            Type::NULL => Some(false),
            ty if !ty.may_be(Type::NULL) || !fits_alone && self.may_guess() => Some(true),
            _ => None,
        }
    }

    /// Makes sure that it is there.
    fn require_self(&mut self, first: Value) {
        if self.ty(first).may_be(Type::NULL) {
            self.require_object(first);
        }
    }

    /// A call of functions by turns, as far as they take just what is passed.
    fn call_one_of(&mut self, alternatives: &[Callee]) -> Option<Then> {
        let operands = self.operands();
        let count = operands.args.len();
        let parameters = &self.code.parameters;
        let fits_alone = |callee: &Callee| parameters[&callee.code].are_given(count);
        let fits_alone = alternatives.iter().any(fits_alone);
        let has_self = self.has_self(operands.first, fits_alone)?;
        let given = count + usize::from(has_self);
        let fits = |callee: &&Callee| parameters[&callee.code].are_given(given);
        let callees: Vec<Callee> = alternatives.iter().filter(fits).copied().collect();
        if callees.is_empty() {
            return None;
        }
        if has_self {
            self.require_self(operands.first);
        }
        self.guard(Op::GuardCStack, &[]);
        let (index, count) = (self.function.callees.len(), callees.len());
        self.function.callees.extend(callees);
        let args = self.pop_many(operands.count as u32);
        let result = self.emit_call(Op::CallOneOf(index as u32, count as u32), &args);
        self.push(result);
        Some(Then::Periodic)
    }

    fn call_function(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let operands = self.operands();
        let mut given = operands.args;
        let parameters = &self.code.parameters[&callee.code];
        let Some(has_self) = self.has_self(operands.first, parameters.are_given(given.len()))
        else {
            return Ok(None);
        };
        if has_self {
            given.insert(0, operands.first);
        }
        let Some(sources) = self.sources(callee, given.len()) else {
            return Ok(None);
        };
        if has_self {
            self.require_self(operands.first);
        }
        let function = self.boxed(operands.callable);
        self.guard(Op::GuardFunction(callee.version), &[function]);
        self.call_guarded(callee, function, operands.count, &sources, &given)
    }

    /// A call of a function that has been guarded, with so many operands on the stack; or what is executed in its place.
    fn call_guarded(
        &mut self,
        callee: Callee,
        function: Value,
        operands: usize,
        sources: &Sources,
        given: &[Value],
    ) -> Result<Option<Then>, String> {
        let args = self.place(function, sources, given);
        if self.inlinee().is_some() {
            self.fill(sources, &args, given);
            return self.inline(callee, function, operands, &args, |_| None);
        }
        self.guard(Op::GuardCStack, &[]);
        self.pop_many(operands as u32);
        self.fill(sources, &args, given);
        let result = self.call_callee(callee, Op::CallFunction, function, &args);
        self.push(result);
        Ok(Some(Then::Periodic))
    }

    /// A call of a bound method.
    fn call_method(&mut self, callee: Callee) -> Result<Option<Then>, String> {
        let operands = self.operands();
        // One that nobody else has must not live while others see its references, as it would until the call is over: the
        // runtime makes such calls.
        let is_shared = !self.env.held.contains(&operands.callable);
        if !self.ty(operands.first).may_be(Type::NULL) || !is_shared && self.inlinee().is_none() {
            return Ok(None);
        }
        let Some(sources) = self.sources(callee, operands.args.len() + 1) else {
            return Ok(None);
        };
        let method = self.boxed(operands.callable);
        if self.ty(operands.first) != Type::NULL {
            let null = self.value(Op::Null, &[], Type::NULL);
            let is_null = self.value(Op::Is, &[operands.first, null], Type::NEVER);
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
        let given = [&[owner], &operands.args[..]].concat();
        self.call_guarded(callee, function, operands.count, &sources, &given)
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
        if self.inlinee().is_none() {
            return Ok(None);
        }
        let Some(sources) = self.sources(callee, operands) else {
            return Ok(None);
        };
        let function = function(self);
        self.guard(Op::GuardFunction(callee.version), &[function]);
        let given = self.peek_many(operands).to_vec();
        let args = self.place(function, &sources, &given);
        self.fill(&sources, &args, &given);
        self.inline(callee, function, operands, &args, |_| None)
    }

    /// Makes an object of a class with a version, and calls its `__init__`. The class has that as long as it has the version, or in the
    /// cache of the interpreter.
    fn call_class(
        &mut self,
        callee: Callee,
        version: u32,
        init: Option<u64>,
    ) -> Result<Option<Then>, String> {
        let operands = self.operands();
        if self.ty(operands.first) != Type::NULL {
            return Ok(None);
        }
        let Some(sources) = self.sources(callee, operands.args.len() + 1) else {
            return Ok(None);
        };
        if !sources.takes_self() {
            return Ok(None);
        }
        let class = self.boxed(operands.callable);
        self.guard(Op::GuardClass(version), &[class]);
        let init = match init {
            Some(init) => self.value(Op::Cached(init), &[], Type::FUNCTION),
            None => {
                let offset = layout::HEAP_TYPE_INIT as u32;
                self.guarded(Op::LoadField(offset), &[class], Type::OBJECT)
            }
        };
        self.guard(Op::GuardFunction(callee.version), &[init]);
        // The object comes last, when nothing is in the way any more.
        let given = [&[class], &operands.args[..]].concat();
        let mut args = self.place(init, &sources, &given);
        if self.inlinee().is_some() {
            self.fill(&sources, &args, &given);
            let make = |builder: &mut Self| Some(builder.new_object(class, version));
            return self.inline(callee, init, operands.count, &args[1..], make);
        }
        self.guard(Op::GuardCStack, &[]);
        let object = self.new_object(class, version);
        args[0] = object;
        self.pop_many(operands.count as u32);
        self.fill(&sources, &args, &given);
        let result = self.call_callee(callee, Op::CallInit, init, &args);
        self.call(Helper::CheckInit, 0, &[result], Type::NEVER);
        self.push(object);
        Ok(Some(Then::Periodic))
    }

    /// A new object of a class that has a version. Without memory, the interpreter calls the class again, and raises.
    fn new_object(&mut self, class: Value, version: u32) -> Value {
        let unseen = self
            .code
            .feedback
            .unseen_deaths
            .get(&self.instruction.offset);
        let dies_unseen = unseen == Some(&version);
        let number = if dies_unseen { u64::from(version) } else { 0 };
        let ty = Type::OTHER | Type::NULL;
        let object = self.call_value(Helper::NewObject, number, &[class], ty);
        self.require_object(object);
        self.learn(object, Type::OTHER);
        self.env.versions.insert(object, version);
        object
    }

    /// The index of a function among those that are called.
    pub(super) fn callee(&mut self, callee: Callee) -> u32 {
        let callees = &mut self.function.callees;
        let known = callees.iter().position(|known| *known == callee);
        known.unwrap_or_else(|| {
            callees.push(callee);
            callees.len() - 1
        }) as u32
    }

    /// A call of a function, with the values of its parameters.
    pub(super) fn call_callee(
        &mut self,
        callee: Callee,
        op: fn(u32) -> Op,
        function: Value,
        args: &[Value],
    ) -> Value {
        let op = op(self.callee(callee));
        self.emit_call(op, &[&[function], args].concat())
    }

    /// A call with operands that have been popped.
    fn emit_call(&mut self, op: Op, operands: &[Value]) -> Value {
        let operands: Vec<Value> = operands.iter().map(|&value| self.boxed(value)).collect();
        let state = self.state_at(self.instruction.offset);
        self.value_or_leave(op, &operands, Type::OBJECT, Some(state))
    }
}
