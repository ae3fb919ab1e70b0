//! Operators, comparisons and assignments to subscripts of objects whose class defines them.

use super::Builder;
use super::instruction::Then;
use super::place::Sources;
use crate::feedback::OperatorCall;
use crate::hir::{Helper, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::snapshot::Callee;

/// The number of the operator of an instruction, as `include/clinker.h` has them.
fn number(opcode: u8, oparg: u32) -> u8 {
    let number = if opcode == op::COMPARE_OP {
        layout::COMPARISON as u32 + (oparg >> 4)
    } else {
        oparg
    };
    number as u8
}

/// Whether only the truth of the result of an operator is wanted.
fn wants_truth(number: u8) -> bool {
    let comparison = u32::from(number).checked_sub(layout::COMPARISON as u32);
    comparison.is_some_and(|comparison| comparison & 1 != 0)
}

impl Builder<'_> {
    /// The method of the left operand's class, in place of the operator or called by it. Operands of other classes lead to other methods.
    pub(super) fn call_operator(&mut self) -> Result<Option<Then>, String> {
        let (left, right) = (self.peek(2), self.peek(1));
        if self.function.rep(right) != Rep::Object {
            return Ok(None);
        }
        let Some((call, callee, sources)) = self.known_method(left, 2) else {
            return Ok(None);
        };
        let method = self.guard_method(call, callee, left);
        if right != left {
            self.guard(Op::GuardVersion(call.right), &[right]);
        }
        let number = number(self.instruction.opcode, self.instruction.oparg);
        let args = self.place(method, &sources, &[left, right]);
        if self.inlinee().is_some() {
            self.fill(&sources, &args, &[left, right]);
            return self.inline_operator(callee, method, &args, number);
        }
        self.guard(Op::GuardCStack, &[]);
        self.pop_many(2);
        self.fill(&sources, &args, &[left, right]);
        let result = self.call_callee(callee, Op::CallFunction, method, &args);
        let ty = if wants_truth(number) {
            Type::BOOL
        } else {
            Type::OBJECT
        };
        let operands = [result, left, right];
        let result = self.call_value(Helper::OperatorResult, u64::from(number), &operands, ty);
        self.push(result);
        Ok(Some(Then::Next))
    }

    /// The `__setitem__` of an object, in place of an assignment to a subscript or called by it.
    pub(super) fn call_setitem(&mut self) -> Result<Option<Then>, String> {
        let (value, container, key) = (self.peek(3), self.peek(2), self.peek(1));
        let Some((call, callee, sources)) = self.known_method(container, 3) else {
            return Ok(None);
        };
        let method = self.guard_method(call, callee, container);
        let given = [container, key, value];
        let args = self.place(method, &sources, &given);
        if self.inlinee().is_some() {
            self.fill(&sources, &args, &given);
            return self.inline_operator(callee, method, &args, layout::SET_ITEM as u8);
        }
        self.guard(Op::GuardCStack, &[]);
        let operands = self.pop_many(3);
        self.fill(&sources, &args, &given);
        self.call_callee(callee, Op::CallFunction, method, &args);
        let operands: Vec<Value> = operands
            .iter()
            .map(|&operand| self.boxed(operand))
            .collect();
        self.emit(Op::EndInline, &operands, None, None);
        Ok(Some(Then::Next))
    }

    /// The method of the class of an object that the current instruction calls with so many operands, as far as that is known.
    fn known_method(&self, owner: Value, given: usize) -> Option<(OperatorCall, Callee, Sources)> {
        let call = *self.code.feedback.operators.get(&self.instruction.offset)?;
        let callee = *self.code.callees.get(&self.instruction.start)?;
        let fits = self.may_guess_callee()
            && self.function.rep(owner) == Rep::Object
            && self.ty(owner).may_be(Type::OTHER)
            && self.instruction.specialized == self.instruction.opcode;
        let sources = self.sources(callee, given).filter(|_| fits)?;
        Some((call, callee, sources))
    }

    /// Makes sure that the class of an object has the method.
    fn guard_method(&mut self, call: OperatorCall, callee: Callee, owner: Value) -> Value {
        self.guard(Op::GuardVersion(call.left), &[owner]);
        self.learn(owner, Type::OTHER);
        // The class has it as long as it has the version.
        let method = self.value(Op::Cached(call.method), &[], Type::FUNCTION);
        self.guard(Op::GuardFunction(callee.version), &[method]);
        method
    }

    /// Ends an operator with a number, whose operands are on the stack still: pushes what its method has returned, which is not
    /// `NotImplemented`.
    pub(super) fn end_operator(&mut self, value: Value, number: u8) {
        if usize::from(number) == layout::SET_ITEM {
            self.pop_many(3);
            return;
        }
        self.pop_many(2);
        let value = if wants_truth(number) {
            self.truth(value)
        } else {
            value
        };
        self.push(value);
    }
}
