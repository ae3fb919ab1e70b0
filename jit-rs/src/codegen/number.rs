//! Arithmetic.

use super::{Generator, sized};
use crate::hir::{FloatOp, IntOp, Leave, State};
use crate::layout;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// The same number as another value: through memory, and with the bits of another type, as Cranelift sees through everything
    /// else.
    pub(super) fn renew(&mut self, number: ir::Value) -> ir::Value {
        let slot = self.renewing.unwrap_or_else(|| sized(&mut self.builder, 8));
        self.renewing = Some(slot);
        let ins = self.builder.ins();
        ins.stack_store(types::I64, number, slot, 0);
        let ins = self.builder.ins();
        let bits = ins.stack_load(types::I64, types::I64, slot, 0);
        let ins = self.builder.ins();
        ins.bitcast(types::F64, ir::MemFlagsData::new(), bits)
    }

    /// Python's float_pow() does no more than C's if the base is positive and neither it nor the result is infinite.
    pub(super) fn power(
        &mut self,
        base: ir::Value,
        exponent: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let zero = self.builder.ins().f64const(0.0);
        let infinity = self.builder.ins().f64const(f64::INFINITY);
        let is_positive = self.builder.ins().fcmp(FloatCC::GreaterThan, base, zero);
        let is_finite = self.builder.ins().fcmp(FloatCC::LessThan, base, infinity);
        let fits = self.builder.ins().band(is_positive, is_finite);
        let wrong = self.builder.ins().bxor_imm_s(fits, 1);
        self.leave_if(wrong, state, leave, true);
        let result = self
            .call("power", &[base, exponent], Some(types::F64))
            .expect("it has a result");
        let is_finite = self.builder.ins().fcmp(FloatCC::LessThan, result, infinity);
        let wrong = self.builder.ins().bxor_imm_s(is_finite, 1);
        self.leave_if(wrong, state, leave, true);
        result
    }

    /// Arithmetic on numbers that are objects.
    pub(super) fn number_binary(
        &mut self,
        operator: FloatOp,
        operands: &[ir::Value],
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let number = match operator {
            FloatOp::Add => layout::NB_ADD,
            FloatOp::Subtract => layout::NB_SUBTRACT,
            FloatOp::Multiply => layout::NB_MULTIPLY,
            FloatOp::Divide | FloatOp::Power => unreachable!("they have no form for any numbers"),
        };
        let number = self.int(number as i64);
        let result = self
            .call(
                "number_binary",
                &[operands[0], operands[1], number],
                Some(types::I64),
            )
            .expect("it has a result");
        self.leave_if_null(result, Some(state), leave);
        result
    }

    pub(super) fn int_binary(
        &mut self,
        operator: IntOp,
        left: ir::Value,
        right: ir::Value,
        state: Option<State>,
        leave: &Leave,
    ) -> ir::Value {
        let checked = match operator {
            IntOp::And => return self.builder.ins().band(left, right),
            IntOp::Or => return self.builder.ins().bor(left, right),
            IntOp::Xor => return self.builder.ins().bxor(left, right),
            IntOp::Add => self.builder.ins().sadd_overflow(left, right),
            IntOp::Subtract => self.builder.ins().ssub_overflow(left, right),
            IntOp::Multiply => self.builder.ins().smul_overflow(left, right),
            IntOp::FloorDivide | IntOp::Remainder => {
                // Neither a division by zero nor the one that overflows.
                let shifted = self.builder.ins().iadd_imm_s(right, 1);
                let bad = self
                    .builder
                    .ins()
                    .icmp_imm_s(IntCC::UnsignedLessThan, shifted, 2);
                if let Some(state) = state {
                    self.leave_if(bad, state, leave, true);
                }
                return self.rounded_down(operator, left, right);
            }
            IntOp::LeftShift => {
                let result = self.builder.ins().ishl(left, right);
                let back = self.builder.ins().sshr(result, right);
                let lost = self.builder.ins().icmp(IntCC::NotEqual, back, left);
                let wide = self
                    .builder
                    .ins()
                    .icmp_imm_s(IntCC::UnsignedGreaterThan, right, 63);
                (result, self.builder.ins().bor(lost, wide))
            }
            IntOp::RightShift => {
                let negative = self
                    .builder
                    .ins()
                    .icmp_imm_s(IntCC::SignedLessThan, right, 0);
                let most = self.int(63);
                let by = self.builder.ins().smin(right, most);
                (self.builder.ins().sshr(left, by), negative)
            }
        };
        if let Some(state) = state {
            self.leave_if(checked.1, state, leave, true);
        }
        checked.0
    }

    /// As long_true_divide() of ints that are doubles exactly.
    pub(super) fn int_divide(
        &mut self,
        left: ir::Value,
        right: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        // Of both from -2**53 on.
        for int in [left, right] {
            let shifted = self.builder.ins().iadd_imm_s(int, 1 << 53);
            let inexact =
                self.builder
                    .ins()
                    .icmp_imm_s(IntCC::UnsignedGreaterThan, shifted, 1 << 54);
            self.leave_if(inexact, state, leave, true);
        }
        let is_zero = self.builder.ins().icmp_imm_s(IntCC::Equal, right, 0);
        self.leave_if(is_zero, state, leave, true);
        let left = self.builder.ins().fcvt_from_sint(types::F64, left);
        let right = self.builder.ins().fcvt_from_sint(types::F64, right);
        self.builder.ins().fdiv(left, right)
    }

    /// Python rounds quotients down, and remainders have the sign of the divisor; the processor rounds to zero.
    fn rounded_down(&mut self, operator: IntOp, left: ir::Value, right: ir::Value) -> ir::Value {
        let quotient = self.builder.ins().sdiv(left, right);
        let product = self.builder.ins().imul(quotient, right);
        let remainder = self.builder.ins().isub(left, product);
        let signs = self.builder.ins().bxor(remainder, right);
        let differ = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, signs, 0);
        let inexact = self.builder.ins().icmp_imm_s(IntCC::NotEqual, remainder, 0);
        let adjust = self.builder.ins().band(differ, inexact);
        if operator == IntOp::FloorDivide {
            let lower = self.builder.ins().iadd_imm_s(quotient, -1);
            self.builder.ins().select(adjust, lower, quotient)
        } else {
            let higher = self.builder.ins().iadd(remainder, right);
            self.builder.ins().select(adjust, higher, remainder)
        }
    }
}
