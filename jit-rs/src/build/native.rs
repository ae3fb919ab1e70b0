//! Calls of functions of C: built-in functions, methods of built-in types, and what makes objects of built-in classes.

use super::Builder;
use crate::hir::{Convention, Helper, Op, Type, Value};
use crate::opcode as op;
use crate::runtime;

/// What has been called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Method,
    Class,
}

/// What the form of a call says of what it calls.
fn form(specialized: u8) -> Option<(Kind, Convention)> {
    Some(match specialized {
        op::CALL_BUILTIN_O => (Kind::Function, Convention::One),
        op::CALL_BUILTIN_FAST => (Kind::Function, Convention::Fast),
        op::CALL_BUILTIN_FAST_WITH_KEYWORDS => (Kind::Function, Convention::FastKeywords),
        op::CALL_METHOD_DESCRIPTOR_NOARGS => (Kind::Method, Convention::NoArgs),
        op::CALL_METHOD_DESCRIPTOR_O => (Kind::Method, Convention::One),
        op::CALL_METHOD_DESCRIPTOR_FAST => (Kind::Method, Convention::Fast),
        op::CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS => (Kind::Method, Convention::FastKeywords),
        op::CALL_BUILTIN_CLASS | op::CALL_TUPLE_1 => (Kind::Class, Convention::FastKeywords),
        _ => return None,
    })
}

impl Builder<'_> {
    /// A call of what has been called there, if that is a function of C.
    pub(super) fn call_c(&mut self) -> bool {
        if self.guess() == op::CALL_STR_1 {
            return self.call_str();
        }
        let count = self.instruction.oparg as usize + 2;
        let operands = self.peek_many(count).to_vec();
        let (callable, first, args) = (operands[0], operands[1], &operands[2..]);
        let first_type = self.ty(first);
        let has_first = !first_type.may_be(Type::NULL);
        // There is no form for methods of what is derived from built-in classes.
        let known = self.methods.get(&callable).filter(|_| has_first);
        let method = known.map(|&(convention, _)| (Kind::Method, convention));
        let Some((kind, convention)) = form(self.guess()).or(method) else {
            return false;
        };
        if !has_first && first_type != Type::NULL {
            return false;
        }
        let passed = if kind == Kind::Method {
            // Without an object before it, the method has been read of the class.
            let owners = if has_first { &operands[1..] } else { args };
            let [owner, args @ ..] = owners else {
                return false;
            };
            if !convention.takes(args.len()) {
                return false;
            }
            let owner = self.boxed(*owner);
            let found_by_owner = self.methods.get(&callable).filter(|_| has_first);
            let address = match found_by_owner {
                Some(&(known, address)) if known == convention => {
                    self.value(Op::Int(address as i64), &[], Type::NEVER)
                }
                _ => {
                    let callable = self.boxed(callable);
                    let address = Op::MethodAddress(convention);
                    self.guarded(address, &[callable, owner], Type::NEVER)
                }
            };
            [&[address, owner], args].concat()
        } else {
            if has_first || kind == Kind::Function && !convention.takes(args.len()) {
                return false;
            }
            let known = self.builtins.get(&callable).copied();
            let callable = self.boxed(callable);
            let address = match (kind, known) {
                (Kind::Class, _) => self.guarded(Op::MakerAddress, &[callable], Type::NEVER),
                (_, Some((known, address))) if known == convention => {
                    self.value(Op::Int(address as i64), &[], Type::NEVER)
                }
                _ => self.guarded(Op::BuiltinAddress(convention), &[callable], Type::NEVER),
            };
            [&[address, callable], args].concat()
        };
        self.pop_many(count as u32);
        let (address, others) = passed.split_first().expect("the address comes first");
        let mut passed = vec![*address];
        for &value in others {
            passed.push(self.boxed(value));
        }
        let state = self.state_at(self.instruction.offset);
        let call = Op::CallC(convention, kind == Kind::Function);
        let result = self.value_or_leave(call, &passed, Type::OBJECT, Some(state));
        self.push(result);
        true
    }

    /// `str(object)`.
    fn call_str(&mut self) -> bool {
        let (callable, first) = (self.peek(3), self.peek(2));
        if self.ty(first) != Type::NULL {
            return false;
        }
        let callable = self.boxed(callable);
        let class = self.object(runtime::class(Type::STR), Type::OTHER);
        let is_class = self.value(Op::Is, &[callable, class], Type::NEVER);
        self.guard(Op::Guard, &[is_class]);
        let args: Vec<Value> = self.pop_many(3).split_off(2);
        // FVC_STR
        let result = self.call_value(Helper::ConvertValue, 1, &args, Type::OBJECT);
        self.push(result);
        true
    }
}
