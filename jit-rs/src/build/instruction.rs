//! What each instruction does.

use super::flow::is_compiled;
use super::{Builder, Local};
use crate::hir::{End, Helper, Leave, Op, Type, Value};
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::Instruction;

/// What follows an instruction.
pub(super) enum Then {
    /// The next one.
    Next,
    /// The next one, after pending events had a chance.
    Periodic,
    /// Something else: the block has ended.
    Ended,
}

impl Builder<'_> {
    /// Builds the current instruction, and gives where the next one is, unless the block has ended.
    pub(super) fn instruction(&mut self) -> Result<Option<u32>, String> {
        if !is_compiled(&self.instruction) {
            self.raise_again();
            return Ok(None);
        }
        self.emit(Op::At(self.instruction.offset), &[], None, None);
        if !self.history.whole && self.code.is_unseen(&self.instruction) {
            self.leave_unseen();
            return Ok(None);
        }
        let then = self.operation()?;
        // What it was built together with may be behind it.
        let next = self.instruction.next;
        match then {
            Then::Next => self.boundary(Op::Boundary, next),
            Then::Periodic => self.boundary(Op::Periodic, next),
            Then::Ended => return Ok(None),
        }
        Ok(Some(next))
    }

    /// Ends the block at an instruction of which nothing is known, since it has not been executed by now. If it is reached
    /// often, it will be known.
    pub(super) fn leave_unseen(&mut self) {
        let never = self.known_bool(false);
        self.guard(Op::Guard, &[never]);
        self.end(End::Exit(self.state, Leave::default()));
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each instruction")]
    pub(super) fn operation(&mut self) -> Result<Then, String> {
        let oparg = self.instruction.oparg;
        let number = u64::from(oparg);
        match self.instruction.opcode {
            op::NOP | op::RESUME => {}

            // Local variables, the stack, and constants
            op::LOAD_FAST | op::LOAD_FAST_LOAD_FAST | op::LOAD_CONST => {
                let instruction = self.instruction;
                self.push_loaded(&instruction);
            }
            op::LOAD_FAST_CHECK => {
                let value = self.load_checked(oparg);
                self.push(value);
            }
            op::LOAD_FAST_AND_CLEAR => self.load_and_clear(oparg),
            op::STORE_FAST => {
                let value = self.pop();
                self.store(oparg, value, true);
            }
            op::STORE_FAST_LOAD_FAST => {
                let value = self.pop();
                self.store(oparg >> 4, value, false);
                let value = self.load(oparg & 15);
                self.push(value);
            }
            op::STORE_FAST_STORE_FAST => {
                let value = self.pop();
                self.store(oparg >> 4, value, false);
                let value = self.pop();
                self.store(oparg & 15, value, true);
            }
            op::DELETE_FAST => {
                self.load_checked(oparg);
                self.sync_local(oparg);
                let old = self.slot_type(oparg);
                self.env.locals[oparg as usize] = Local {
                    slot: Type::NULL,
                    object: None,
                    raw: None,
                };
                let state = self.state_at(self.instruction.next);
                self.emit(Op::DeleteLocal(oparg, old), &[], None, Some(state));
            }
            op::PUSH_NULL => {
                let null = self.value(Op::Null, &[], Type::NULL);
                self.push(null);
            }
            op::POP_TOP | op::END_FOR => {
                self.pop();
            }
            op::COPY => {
                let value = self.env.stack[self.env.stack.len() - oparg as usize];
                self.push(value);
            }
            op::SWAP => {
                let top = self.env.stack.len() - 1;
                self.env.stack.swap(top, top + 1 - oparg as usize);
            }

            // Operators
            op::BINARY_OP => {
                if self.append_str() {
                    return Ok(Then::Next);
                }
                if let Some(then) = self.call_operator()? {
                    return Ok(then);
                }
                self.binary_op();
            }
            op::COMPARE_OP => {
                if let Some(then) = self.call_operator()? {
                    return Ok(then);
                }
                self.compare();
            }
            op::UNARY_NEGATIVE => self.negative(),
            op::UNARY_INVERT => self.unary(Helper::Invert),
            op::UNARY_NOT => {
                let value = self.pop();
                let truth = self.unboxed_bool(value);
                let result = self.value(Op::Not, &[truth], Type::NEVER);
                self.push(result);
            }
            op::TO_BOOL => {
                let value = self.pop();
                let truth = self.truth(value);
                self.push(truth);
            }
            op::IS_OP => {
                let right = self.pop_boxed();
                let left = self.pop_boxed();
                let is = self.value(Op::Is, &[left, right], Type::NEVER);
                self.push_test(is, oparg != 0);
            }
            op::CONTAINS_OP => {
                let container = self.pop();
                let item = self.pop();
                let found = self.call_value(Helper::Contains, 0, &[item, container], Type::NEVER);
                self.push_test(found, oparg != 0);
            }

            // Subscripts
            op::BINARY_SUBSCR => {
                if let Some(then) = self.call_getitem()? {
                    return Ok(then);
                }
                self.get_item()?;
            }
            op::STORE_SUBSCR => {
                if let Some(then) = self.call_setitem()? {
                    return Ok(then);
                }
                self.set_item();
            }
            op::DELETE_SUBSCR => self.statement(Helper::DeleteItem, 2, 0),
            op::BINARY_SLICE => self.get_slice(),
            op::STORE_SLICE => self.statement(Helper::SetSlice, 4, 0),

            // Attributes
            op::LOAD_ATTR => {
                if let Some(then) = self.call_property()? {
                    return Ok(then);
                }
                self.load_attr()?;
            }
            op::STORE_ATTR => self.store_attr(),
            op::DELETE_ATTR => self.statement(Helper::DeleteAttr, 1, self.name(oparg)),
            op::LOAD_SUPER_ATTR => {
                let args = self.pop_many(3);
                self.call(Helper::LoadSuper, number, &args, Type::OBJECT);
                self.push_operand(0, Type::OBJECT);
                if oparg & 1 != 0 {
                    self.push_operand(1, Type::ANY);
                }
            }

            // Names
            op::LOAD_GLOBAL => self.load_global(),
            op::STORE_GLOBAL => self.statement(Helper::StoreGlobal, 1, self.name(oparg)),
            op::DELETE_GLOBAL => self.statement(Helper::DeleteGlobal, 0, self.name(oparg)),
            op::LOAD_NAME => self.expression(Helper::LoadName, 0, self.name(oparg), Type::OBJECT),
            op::STORE_NAME => self.statement(Helper::StoreName, 1, self.name(oparg)),
            op::DELETE_NAME => self.statement(Helper::DeleteName, 0, self.name(oparg)),
            op::LOAD_LOCALS => self.expression(Helper::LoadLocals, 0, 0, Type::OBJECT),
            op::LOAD_FROM_DICT_OR_GLOBALS => {
                let name = self.name(oparg);
                self.expression(Helper::LoadFromDictOrGlobals, 1, name, Type::OBJECT);
            }
            op::LOAD_FROM_DICT_OR_DEREF => {
                self.expression(Helper::LoadFromDictOrDeref, 1, number, Type::OBJECT);
            }
            op::LOAD_DEREF => {
                let cell = self.load(oparg);
                let value = self.guarded(Op::LoadCell, &[cell], Type::OBJECT);
                self.push(value);
            }
            op::STORE_DEREF => self.statement(Helper::StoreDeref, 1, number),
            op::DELETE_DEREF => self.statement(Helper::DeleteDeref, 0, number),
            op::MAKE_CELL => {
                self.statement(Helper::MakeCell, 0, number);
                self.env.locals[oparg as usize] = Local {
                    slot: Type::CELL,
                    object: None,
                    raw: None,
                };
            }
            op::LOAD_BUILD_CLASS => {
                self.expression(Helper::LoadBuildClass, 0, 0, Type::OBJECT);
            }
            op::LOAD_ASSERTION_ERROR => {
                let value = self.object(runtime::assertion_error(), Type::OTHER);
                self.push(value);
            }

            // Functions
            op::MAKE_FUNCTION => self.expression(Helper::MakeFunction, 1, 0, Type::FUNCTION),
            op::SET_FUNCTION_ATTRIBUTE => {
                let function = self.pop();
                let attribute = self.pop();
                let args = [attribute, function];
                self.call(Helper::SetFunctionAttribute, number, &args, Type::NEVER);
                self.push(function);
            }
            op::CALL => {
                if self.list_append() || self.call_builtin() {
                    return Ok(Then::Next);
                }
                if let Some(then) = self.call_python()? {
                    return Ok(then);
                }
                self.guard(Op::GuardCStack, &[]);
                if self.find_next()? {
                    return Ok(Then::Periodic);
                }
                let may_be_super = self.code.names.contains(&runtime::super_name());
                if oparg == 0 && may_be_super && !self.env.locals.is_empty() {
                    // It looks into the first slot.
                    self.sync_local(0);
                }
                if self.call_c() {
                    return Ok(Then::Periodic);
                }
                let helper = if self.guess() == op::CALL_ALLOC_AND_ENTER_INIT {
                    let class = self.peek(oparg + 2);
                    let class = self.boxed(class);
                    let version = self.code.cache32(&self.instruction, 1);
                    self.guard(Op::GuardClass(version), &[class]);
                    Helper::CallInit
                } else {
                    Helper::Call
                };
                let args = self.pop_many(oparg + 2);
                let result = self.call_value(helper, number, &args, Type::OBJECT);
                self.push(result);
                return Ok(Then::Periodic);
            }
            op::CALL_KW => {
                if let Some(then) = self.call_python()? {
                    return Ok(then);
                }
                self.guard(Op::GuardCStack, &[]);
                let args = self.pop_many(oparg + 3);
                let result = self.call_value(Helper::CallKw, number, &args, Type::OBJECT);
                self.push(result);
                return Ok(Then::Periodic);
            }
            op::CALL_FUNCTION_EX => {
                self.guard(Op::GuardCStack, &[]);
                let args = self.pop_many(3 + (oparg & 1));
                let result = self.call_value(Helper::CallEx, number, &args, Type::OBJECT);
                self.push(result);
                return Ok(Then::Periodic);
            }
            op::CALL_INTRINSIC_1 => self.expression(Helper::Intrinsic1, 1, number, Type::OBJECT),
            op::CALL_INTRINSIC_2 => self.expression(Helper::Intrinsic2, 2, number, Type::OBJECT),
            op::RETURN_VALUE => {
                let value = self.pop_boxed();
                self.finish(value);
                return Ok(Then::Ended);
            }
            op::RETURN_CONST => {
                let value = self.constant(oparg);
                let value = self.boxed(value);
                self.finish(value);
                return Ok(Then::Ended);
            }

            op::YIELD_VALUE
            | op::SEND
            | op::END_SEND
            | op::GET_YIELD_FROM_ITER
            | op::GET_AWAITABLE
            | op::GET_AITER
            | op::GET_ANEXT
            | op::BEFORE_ASYNC_WITH => return Ok(self.suspending()),

            op::RAISE_VARARGS => {
                let cause = if oparg == 2 {
                    self.pop()
                } else {
                    self.value(Op::Null, &[], Type::NULL)
                };
                let exception = self.pop();
                let args = [exception, cause];
                self.call(Helper::Raise, 0, &args, Type::NEVER);
                return Ok(Then::Ended);
            }

            // Handlers of exceptions
            op::PUSH_EXC_INFO => {
                let exception = self.pop();
                let ty = Type::NONE | Type::OTHER;
                let previous = self.call_value(Helper::PushExcInfo, 0, &[exception], ty);
                self.push(previous);
                self.push(exception);
            }
            op::POP_EXCEPT => self.statement(Helper::PopExcept, 1, 0),
            op::CHECK_EXC_MATCH => {
                let class = self.pop();
                let args = [self.peek(1), class];
                let matches = self.call_value(Helper::CheckExcMatch, 0, &args, Type::NEVER);
                self.push(matches);
            }
            op::END_ASYNC_FOR => self.end_async_for(),
            op::CHECK_EG_MATCH => {
                let args = self.pop_many(2);
                self.call(Helper::CheckEgMatch, 0, &args, Type::NEVER);
                self.push_operand(0, Type::OBJECT);
                self.push_operand(1, Type::OBJECT);
            }
            op::WITH_EXCEPT_START => {
                self.guard(Op::GuardCStack, &[]);
                let args = [self.peek(4), self.peek(1)];
                let result = self.call_value(Helper::WithExceptStart, 0, &args, Type::OBJECT);
                self.push(result);
            }

            // Building
            op::BUILD_TUPLE => self.build_tuple(),
            op::BUILD_LIST => self.expression(Helper::BuildList, oparg, number, Type::LIST),
            op::BUILD_SET => self.expression(Helper::BuildSet, oparg, number, Type::SET),
            op::BUILD_MAP => self.expression(Helper::BuildMap, 2 * oparg, number, Type::DICT),
            op::BUILD_CONST_KEY_MAP => {
                self.expression(Helper::BuildConstKeyMap, oparg + 1, number, Type::DICT);
            }
            op::BUILD_STRING => self.expression(Helper::BuildString, oparg, number, Type::STR),
            op::BUILD_SLICE => {
                if self.get_slice_with_step() {
                    return Ok(Then::Next);
                }
                let step = if oparg == 3 {
                    self.pop()
                } else {
                    self.value(Op::Null, &[], Type::NULL)
                };
                let stop = self.pop();
                let start = self.pop();
                let args = [start, stop, step];
                let slice = self.call_value(Helper::BuildSlice, 0, &args, Type::OTHER);
                self.push(slice);
            }
            op::LIST_APPEND => {
                let item = self.pop();
                let list = self.peek(oparg);
                self.call(Helper::ListAppend, 0, &[item, list], Type::NEVER);
            }
            op::LIST_EXTEND => self.update(Helper::ListExtend),
            op::SET_ADD => self.update(Helper::SetAdd),
            op::SET_UPDATE => self.update(Helper::SetUpdate),
            op::DICT_UPDATE => self.update(Helper::DictUpdate),
            op::DICT_MERGE => {
                let update = self.pop();
                let function = self.peek(oparg + 3);
                let dict = self.peek(oparg);
                let args = [function, dict, update];
                self.call(Helper::DictMerge, 0, &args, Type::NEVER);
            }
            op::MAP_ADD => {
                let value = self.pop();
                let key = self.pop();
                let map = self.peek(oparg);
                self.call(Helper::MapAdd, 0, &[map, key, value], Type::NEVER);
            }
            op::UNPACK_SEQUENCE => self.unpack_sequence(),
            op::UNPACK_EX => {
                let value = self.pop();
                self.call(Helper::UnpackEx, number, &[value], Type::NEVER);
                let count = (oparg & 0xff) + 1 + (oparg >> 8);
                for index in 0..count {
                    self.push_operand(index, Type::OBJECT);
                }
            }
            op::CONVERT_VALUE => self.expression(Helper::ConvertValue, 1, number, Type::OBJECT),
            op::FORMAT_SIMPLE => self.expression(Helper::FormatSimple, 1, 0, Type::OBJECT),
            op::FORMAT_WITH_SPEC => self.expression(Helper::FormatWithSpec, 2, 0, Type::OBJECT),
            op::BEFORE_WITH => {
                self.guard(Op::GuardCStack, &[]);
                let manager = self.pop();
                self.call(Helper::BeforeWith, 0, &[manager], Type::NEVER);
                self.push_operand(0, Type::OBJECT);
                self.push_operand(1, Type::OBJECT);
            }

            // Matching
            op::GET_LEN => {
                let subject = self.peek(1);
                let length = self.call_value(Helper::GetLength, 0, &[subject], Type::INT);
                self.push(length);
            }
            op::MATCH_CLASS => self.expression(Helper::MatchClass, 3, number, Type::OBJECT),
            op::MATCH_KEYS => {
                let (subject, keys) = (self.peek(2), self.peek(1));
                let args = [subject, keys];
                let values = self.call_value(Helper::MatchKeys, 0, &args, Type::OBJECT);
                self.push(values);
            }
            op::MATCH_MAPPING | op::MATCH_SEQUENCE => {
                let helper = if self.instruction.opcode == op::MATCH_MAPPING {
                    Helper::MatchMapping
                } else {
                    Helper::MatchSequence
                };
                let subject = self.peek(1);
                let matches = self.call_value(helper, 0, &[subject], Type::NEVER);
                self.push(matches);
            }

            // Iteration and jumps
            op::GET_ITER => {
                let iterable = self.pop();
                let iterator = self.call_value(Helper::GetIter, 0, &[iterable], Type::OBJECT);
                self.push(iterator);
            }
            op::FOR_ITER => {
                self.for_iter();
                return Ok(Then::Ended);
            }
            op::JUMP_FORWARD => {
                self.go(self.instruction.next + oparg);
                return Ok(Then::Ended);
            }
            op::JUMP_BACKWARD => {
                let target = self.instruction.next - oparg;
                self.poll();
                self.go(target);
                return Ok(Then::Ended);
            }
            op::JUMP_BACKWARD_NO_INTERRUPT => {
                self.go(self.instruction.next - oparg);
                return Ok(Then::Ended);
            }
            op::POP_JUMP_IF_TRUE | op::POP_JUMP_IF_FALSE => {
                let value = self.pop();
                let truth = self.unboxed_bool(value);
                self.jump_if(truth, self.instruction.opcode == op::POP_JUMP_IF_TRUE);
                return Ok(Then::Ended);
            }
            op::POP_JUMP_IF_NONE | op::POP_JUMP_IF_NOT_NONE => {
                let value = self.pop();
                let is_none = if self.ty(value).may_be(Type::NONE) {
                    let value = self.boxed(value);
                    let none = self.object(runtime::none(), Type::NONE);
                    self.value(Op::Is, &[value, none], Type::NEVER)
                } else {
                    self.known_bool(false)
                };
                self.jump_if(is_none, self.instruction.opcode == op::POP_JUMP_IF_NONE);
                return Ok(Then::Ended);
            }
            opcode => return Err(format!("no rule for {}", op::name(opcode))),
        }
        Ok(Then::Next)
    }

    // Shapes of instructions

    pub(super) fn name(&self, index: u32) -> u64 {
        self.code.names[index as usize]
    }

    /// What loads local variables or a constant, and does nothing else.
    pub(super) fn push_loaded(&mut self, instruction: &Instruction) {
        let oparg = instruction.oparg;
        let values = match instruction.opcode {
            op::LOAD_CONST => vec![self.constant(oparg)],
            op::LOAD_FAST => vec![self.load(oparg)],
            _ => vec![self.load(oparg >> 4), self.load(oparg & 15)],
        };
        self.env.stack.extend(values);
    }

    pub(super) fn peek(&self, depth: u32) -> Value {
        self.env.stack[self.env.stack.len() - depth as usize]
    }

    pub(super) fn peek_many(&self, count: usize) -> &[Value] {
        &self.env.stack[self.env.stack.len() - count..]
    }

    pub(super) fn pop_many(&mut self, count: u32) -> Vec<Value> {
        self.env
            .stack
            .split_off(self.env.stack.len() - count as usize)
    }

    fn expression(&mut self, helper: Helper, operands: u32, number: u64, ty: Type) {
        let args = self.pop_many(operands);
        let result = self.call_value(helper, number, &args, ty);
        self.push(result);
    }

    pub(super) fn statement(&mut self, helper: Helper, operands: u32, number: u64) {
        let args = self.pop_many(operands);
        self.call(helper, number, &args, Type::NEVER);
    }

    fn unary(&mut self, helper: Helper) {
        self.expression(helper, 1, 0, Type::OBJECT);
    }

    /// Adds to a container that stays on the stack.
    fn update(&mut self, helper: Helper) {
        let item = self.pop();
        let container = self.peek(self.instruction.oparg);
        self.call(helper, 0, &[container, item], Type::NEVER);
    }

    /// Pushes what a helper left in place of its operands.
    pub(super) fn push_operand(&mut self, index: u32, ty: Type) {
        let value = self.value(Op::LoadOperand(index), &[], ty);
        self.push(value);
    }

    fn push_test(&mut self, truth: Value, negated: bool) {
        let value = if negated {
            self.value(Op::Not, &[truth], Type::NEVER)
        } else {
            truth
        };
        self.push(value);
    }

    /// The truth of a value that the compiler knows to be True or False.
    fn unboxed_bool(&mut self, value: Value) -> Value {
        self.learn(value, Type::BOOL);
        self.unboxed(value, self.state)
    }

    fn jump_if(&mut self, truth: Value, expected: bool) {
        let (next, target) = (
            self.instruction.next,
            self.instruction.next + self.instruction.oparg,
        );
        if expected {
            self.branch(truth, target, next);
        } else {
            self.branch(truth, next, target);
        }
    }

    fn finish(&mut self, value: Value) {
        // A frame object keeps the variables.
        if self.env.locals.iter().any(|local| local.raw.is_some()) {
            self.guard(Op::GuardNoFrameObject, &[]);
        }
        let slots = (0..self.env.locals.len() as u32)
            .map(|slot| (slot, self.slot_type(slot)))
            .filter(|(_, ty)| !ty.is(Type::NULL))
            .collect();
        self.end(End::Return(value, slots));
    }
}
