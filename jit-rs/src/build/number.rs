//! Arithmetic and comparisons.

use super::Builder;
use crate::hir::{Comparison, FloatOp, Helper, IntOp, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;

/// The operators of `BINARY_OP` by their oparg: those in place follow in the same order.
const OPERATORS: u32 = layout::NB_INPLACE_ADD as u32;
const ADD: u32 = layout::NB_ADD as u32;
const AND: u32 = layout::NB_AND as u32;
const FLOOR_DIVIDE: u32 = layout::NB_FLOOR_DIVIDE as u32;
const LEFT_SHIFT: u32 = layout::NB_LSHIFT as u32;
const MULTIPLY: u32 = layout::NB_MULTIPLY as u32;
const REMAINDER: u32 = layout::NB_REMAINDER as u32;
const OR: u32 = layout::NB_OR as u32;
const POWER: u32 = layout::NB_POWER as u32;
const RIGHT_SHIFT: u32 = layout::NB_RSHIFT as u32;
const SUBTRACT: u32 = layout::NB_SUBTRACT as u32;
const TRUE_DIVIDE: u32 = layout::NB_TRUE_DIVIDE as u32;
const XOR: u32 = layout::NB_XOR as u32;

/// Forms for two floats.
const FLOAT_FORMS: [u8; 3] = [
    op::BINARY_OP_ADD_FLOAT,
    op::BINARY_OP_SUBTRACT_FLOAT,
    op::BINARY_OP_MULTIPLY_FLOAT,
];

/// Forms for two ints.
const INT_FORMS: [u8; 3] = [
    op::BINARY_OP_ADD_INT,
    op::BINARY_OP_SUBTRACT_INT,
    op::BINARY_OP_MULTIPLY_INT,
];

/// Ints up to this are floats exactly.
const EXACT: i64 = 1 << 53;

impl Builder<'_> {
    pub(super) fn binary_op(&mut self) {
        let oparg = self.instruction.oparg;
        let right = self.pop();
        let left = self.pop();
        let guess = match self.guess() {
            form if INT_FORMS.contains(&form) => Type::INT,
            form if FLOAT_FORMS.contains(&form) => Type::FLOAT,
            op::BINARY_OP_ADD_UNICODE | op::BINARY_OP_INPLACE_ADD_UNICODE => Type::STR,
            _ => Type::NEVER,
        };
        self.require_both(left, right, [guess; 2]);
        if self.guess() == op::BINARY_OP {
            self.require_numbers(left, right);
        }
        let result = self
            .number_op(oparg % OPERATORS, left, right)
            .or_else(|| self.mixed_op(oparg % OPERATORS, left, right))
            .or_else(|| self.any_number_op(oparg % OPERATORS, left, right))
            .or_else(|| self.str_op(oparg % OPERATORS, left, right))
            .unwrap_or_else(|| {
                let number = u64::from(oparg);
                self.call_value(Helper::BinaryOp, number, &[left, right], Type::OBJECT)
            });
        self.push(result);
    }

    /// Makes sure of the types of two operands. A guess that contradicts what is known is dropped.
    fn require_both(&mut self, left: Value, right: Value, types: [Type; 2]) {
        if self.ty(left).may_be(types[0]) && self.ty(right).may_be(types[1]) {
            self.require(left, types[0]);
            self.require(right, types[1]);
        }
    }

    /// Operators for which the interpreter has no form are guessed by what it has seen.
    fn require_numbers(&mut self, left: Value, right: Value) {
        let [first, second, _] = self.seen();
        let is_number = |ty| ty == Type::INT || ty == Type::FLOAT;
        if is_number(first) && is_number(second) {
            self.require_both(left, right, [first, second]);
        }
    }

    fn str_op(&mut self, operator: u32, left: Value, right: Value) -> Option<Value> {
        let both = self.ty(left).is(Type::STR) && self.ty(right).is(Type::STR);
        (both && operator == ADD)
            .then(|| self.call_value(Helper::ConcatStr, 0, &[left, right], Type::STR))
    }

    pub(super) fn number_op(&mut self, operator: u32, left: Value, right: Value) -> Option<Value> {
        let types = (self.ty(left), self.ty(right));
        let number = Type::INT | Type::FLOAT;
        if types == (Type::INT, Type::INT) {
            // Numbers that do not fit are left to the helper, once that is known.
            if !self.may_guess() {
                return None;
            }
            let operator = match operator {
                ADD => IntOp::Add,
                SUBTRACT => IntOp::Subtract,
                MULTIPLY => IntOp::Multiply,
                FLOOR_DIVIDE => IntOp::FloorDivide,
                REMAINDER => IntOp::Remainder,
                AND => IntOp::And,
                OR => IntOp::Or,
                XOR => IntOp::Xor,
                LEFT_SHIFT => IntOp::LeftShift,
                RIGHT_SHIFT => IntOp::RightShift,
                TRUE_DIVIDE => {
                    let left = self.unboxed(left, self.state);
                    let right = self.unboxed(right, self.state);
                    return Some(self.guarded(Op::IntDivide, &[left, right], Type::NEVER));
                }
                _ => return None,
            };
            let left = self.unboxed(left, self.state);
            let right = self.unboxed(right, self.state);
            Some(self.guarded(Op::IntBinary(operator), &[left, right], Type::NEVER))
        } else if types.0.is(number)
            && types.1.is(number)
            && (types.0 == Type::FLOAT || types.1 == Type::FLOAT)
        {
            let operator = match operator {
                ADD => FloatOp::Add,
                SUBTRACT => FloatOp::Subtract,
                MULTIPLY => FloatOp::Multiply,
                TRUE_DIVIDE => FloatOp::Divide,
                POWER if self.may_guess() => FloatOp::Power,
                _ => return None,
            };
            let left = self.float(left)?;
            let right = self.float(right)?;
            Some(self.guarded(Op::FloatBinary(operator), &[left, right], Type::NEVER))
        } else {
            None
        }
    }

    /// Arithmetic on floats and small ints, of which each time at least one is a float unless the result is one anyway.
    fn mixed_op(&mut self, operator: u32, left: Value, right: Value) -> Option<Value> {
        let operator = match operator {
            ADD => FloatOp::Add,
            SUBTRACT => FloatOp::Subtract,
            MULTIPLY => FloatOp::Multiply,
            TRUE_DIVIDE => FloatOp::Divide,
            _ => return None,
        };
        let types = (self.ty(left), self.ty(right));
        let is_float = types.0 == Type::FLOAT || types.1 == Type::FLOAT;
        // One that is known to be a float needs no guess, wherever else that was wrong.
        let is_known = is_float && self.has_guessed_wrong(2);
        let fits = is_known && self.are_numbers(left, right, &FLOAT_FORMS);
        if !fits && !self.is_mixed(left, right, &FLOAT_FORMS) {
            return None;
        }
        if types.0 == Type::INT {
            self.require(right, Type::FLOAT);
        } else if types.1 == Type::INT {
            self.require(left, Type::FLOAT);
        } else if operator != FloatOp::Divide && !is_float {
            self.guard(Op::GuardEitherFloat, &[left, right]);
        }
        let (left, right) = (self.number(left), self.number(right));
        Some(self.guarded(Op::FloatBinary(operator), &[left, right], Type::NEVER))
    }

    /// Arithmetic on floats and ints in any combination: the guess that both are ints that fit was wrong, or that one is a float.
    fn any_number_op(&mut self, operator: u32, left: Value, right: Value) -> Option<Value> {
        let operator = match operator {
            ADD => FloatOp::Add,
            SUBTRACT => FloatOp::Subtract,
            MULTIPLY => FloatOp::Multiply,
            _ => return None,
        };
        let number = Type::INT | Type::FLOAT;
        let (first, second) = (self.ty(left), self.ty(right));
        let was_int = INT_FORMS.contains(&self.instruction.specialized);
        let fits = first.may_be(number)
            && second.may_be(number)
            && (self.may_guess_again() && was_int
                || self.has_guessed_wrong(2)
                    && (was_int || self.are_numbers(left, right, &FLOAT_FORMS)));
        if !fits {
            return None;
        }
        let ty = if (first | second).is(Type::INT) {
            Type::INT
        } else {
            number
        };
        let operands = [self.boxed(left), self.boxed(right)];
        Some(self.guarded(Op::NumberBinary(operator), &operands, ty))
    }

    /// Whether two operands are guessed to be floats or ints: the guess that both are floats was wrong, or both have been seen.
    fn is_mixed(&self, left: Value, right: Value, specialized: &[u8]) -> bool {
        let is_first = self.may_guess() && self.has_seen_numbers();
        (is_first || self.may_guess_again()) && self.are_numbers(left, right, specialized)
    }

    /// Whether two operands may be floats or ints, as the interpreter has found, and not both ints.
    fn are_numbers(&self, left: Value, right: Value, specialized: &[u8]) -> bool {
        let number = Type::INT | Type::FLOAT;
        let types = (self.ty(left), self.ty(right));
        types.0.may_be(number)
            && types.1.may_be(number)
            && types != (Type::INT, Type::INT)
            && (self.has_seen_numbers() || specialized.contains(&self.instruction.specialized))
    }

    /// Whether the interpreter has seen floats and ints at an instruction for which it has no form.
    fn has_seen_numbers(&self) -> bool {
        let number = Type::INT | Type::FLOAT;
        let seen = self.code.feedback.seen.get(&self.instruction.offset);
        seen.is_some_and(|[left, right, _]| {
            left.is(number) && right.is(number) && (*left | *right).may_be(Type::FLOAT)
        })
    }

    /// A float, or a small int as one.
    fn number(&mut self, value: Value) -> Value {
        match self.ty(value) {
            Type::FLOAT => self.unboxed(value, self.state),
            Type::INT if self.function.rep(value) == Rep::Int => {
                self.value(Op::IntToFloat, &[value], Type::NEVER)
            }
            _ => self.guarded(Op::NumberToFloat, &[value], Type::NEVER),
        }
    }

    /// A float, or an int as a float: rounded like Python does it, to the nearest, half to even.
    pub(super) fn float(&mut self, value: Value) -> Option<Value> {
        let ty = self.ty(value);
        if ty == Type::FLOAT {
            Some(self.unboxed(value, self.state))
        } else if ty == Type::INT && self.may_guess() {
            let int = self.unboxed(value, self.state);
            Some(self.value(Op::IntToFloat, &[int], Type::NEVER))
        } else {
            None
        }
    }

    pub(super) fn compare(&mut self) {
        let oparg = self.instruction.oparg;
        let number = oparg >> 5;
        let comparison = Comparison::ALL[number as usize];
        let right = self.pop();
        let left = self.pop();
        let guess = match self.guess() {
            op::COMPARE_OP_INT => Type::INT,
            op::COMPARE_OP_FLOAT => Type::FLOAT,
            op::COMPARE_OP_STR => Type::STR,
            _ => Type::NEVER,
        };
        self.require_both(left, right, [guess; 2]);
        let types = (self.ty(left), self.ty(right));
        let result = if types == (Type::INT, Type::INT) && self.may_guess() {
            let left = self.unboxed(left, self.state);
            let right = self.unboxed(right, self.state);
            self.value(Op::IntCompare(comparison), &[left, right], Type::NEVER)
        } else if let Some((left, right)) = self.comparable_floats(left, right) {
            self.value(Op::FloatCompare(comparison), &[left, right], Type::NEVER)
        } else if types == (Type::STR, Type::STR)
            && matches!(comparison, Comparison::Equal | Comparison::NotEqual)
        {
            let equal = self.call_value(Helper::EqualStr, 0, &[left, right], Type::NEVER);
            if comparison == Comparison::Equal {
                equal
            } else {
                self.value(Op::Not, &[equal], Type::NEVER)
            }
        } else if self.is_mixed(left, right, &[op::COMPARE_OP_FLOAT])
            && ![left, right]
                .map(|value| self.function.rep(value))
                .contains(&Rep::Int)
        {
            // Small ints are floats exactly.
            let (left, right) = (self.number(left), self.number(right));
            self.value(Op::FloatCompare(comparison), &[left, right], Type::NEVER)
        } else if oparg & 16 != 0 {
            let number = u64::from(number);
            self.call_value(Helper::CompareBool, number, &[left, right], Type::NEVER)
        } else {
            let number = u64::from(number);
            self.call_value(Helper::RichCompare, number, &[left, right], Type::OBJECT)
        };
        self.push(result);
    }

    /// Two floats, one of which may be a constant int that is a float exactly.
    fn comparable_floats(&mut self, left: Value, right: Value) -> Option<(Value, Value)> {
        let exact = |builder: &Self, value| {
            builder.ty(value) == Type::FLOAT
                || builder
                    .env
                    .ints
                    .get(&value)
                    .is_some_and(|int| int.abs() <= EXACT)
        };
        let fits = exact(self, left)
            && exact(self, right)
            && (self.ty(left) == Type::FLOAT || self.ty(right) == Type::FLOAT);
        if !fits {
            return None;
        }
        let mut float = |value| {
            if let Some(&int) = self.env.ints.get(&value) {
                return self.value(Op::Float((int as f64).to_bits()), &[], Type::NEVER);
            }
            self.unboxed(value, self.state)
        };
        Some((float(left), float(right)))
    }

    pub(super) fn negative(&mut self) {
        let value = self.pop();
        let ty = self.ty(value);
        let result = if ty == Type::INT && self.may_guess() {
            let int = self.unboxed(value, self.state);
            self.guarded(Op::IntNegate, &[int], Type::NEVER)
        } else if ty == Type::FLOAT {
            let float = self.unboxed(value, self.state);
            self.value(Op::FloatNegate, &[float], Type::NEVER)
        } else {
            self.call_value(Helper::Negative, 0, &[value], Type::OBJECT)
        };
        self.push(result);
    }

    /// The truth of a value.
    pub(super) fn truth(&mut self, value: Value) -> Value {
        if self.guess() == op::TO_BOOL_ALWAYS_TRUE {
            let version = self.code.cache32(&self.instruction, 1);
            let object = self.boxed(value);
            self.require_version(object, version);
            return self.known_bool(true);
        }
        let guess = match self.guess() {
            op::TO_BOOL_BOOL => Type::BOOL,
            op::TO_BOOL_NONE => Type::NONE,
            op::TO_BOOL_INT => Type::INT,
            op::TO_BOOL_LIST => Type::LIST,
            op::TO_BOOL_STR => Type::STR,
            _ => Type::NEVER,
        };
        if guess != Type::NEVER {
            self.require(value, guess);
        }
        let ty = self.ty(value);
        if self.function.rep(value) == Rep::Bool {
            value
        } else if ty == Type::BOOL {
            self.unboxed(value, self.state)
        } else if ty == Type::INT && self.may_guess() {
            let int = self.unboxed(value, self.state);
            let zero = self.value(Op::Int(0), &[], Type::NEVER);
            self.value(
                Op::IntCompare(Comparison::NotEqual),
                &[int, zero],
                Type::NEVER,
            )
        } else if ty == Type::FLOAT {
            let float = self.unboxed(value, self.state);
            let zero = self.value(Op::Float(0), &[], Type::NEVER);
            self.value(
                Op::FloatCompare(Comparison::NotEqual),
                &[float, zero],
                Type::NEVER,
            )
        } else if ty == Type::LIST || ty == Type::TUPLE {
            let size = self.value(Op::Size, &[value], Type::NEVER);
            let zero = self.value(Op::Int(0), &[], Type::NEVER);
            self.value(
                Op::IntCompare(Comparison::NotEqual),
                &[size, zero],
                Type::NEVER,
            )
        } else if ty == Type::NONE {
            self.known_bool(false)
        } else {
            self.call_value(Helper::IsTrue, 0, &[value], Type::NEVER)
        }
    }
}
