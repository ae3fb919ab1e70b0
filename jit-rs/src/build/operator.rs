//! Operators and comparisons whose left operand is of a class that defines them.

use super::Builder;
use super::instruction::Then;
use crate::hir::{Helper, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;

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
        let call = self.code.feedback.operators.get(&self.instruction.offset);
        let callee = self.code.callees.get(&self.instruction.start);
        let (Some(&call), Some(&callee)) = (call, callee) else {
            return Ok(None);
        };
        let are_objects = [left, right].map(|value| self.function.rep(value)) == [Rep::Object; 2];
        if !self.may_guess_callee()
            || !are_objects
            || !self.ty(left).may_be(Type::OTHER)
            || self.instruction.specialized != self.instruction.opcode
        {
            return Ok(None);
        }
        let Some(sources) = self.sources(callee, 2) else {
            return Ok(None);
        };
        self.guard(Op::GuardVersion(call.left), &[left]);
        self.learn(left, Type::OTHER);
        if right != left {
            self.guard(Op::GuardVersion(call.right), &[right]);
        }
        // The class has it as long as it has the version.
        let method = self.value(Op::Cached(call.method), &[], Type::OTHER);
        self.guard(Op::GuardFunction(callee.version), &[method]);
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

    /// Pushes what the method of an operator with a number has returned, which is not `NotImplemented`.
    pub(super) fn push_operator_result(&mut self, value: Value, number: u8) {
        let value = if wants_truth(number) {
            self.truth(value)
        } else {
            value
        };
        self.push(value);
    }
}
