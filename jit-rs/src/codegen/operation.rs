//! Each operation of the high-level representation.

use super::Generator;
use crate::hir::{Comparison, Element, FloatOp, Helper, Inst, Leave, Op, State, Type};
use crate::layout;
use crate::runtime;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, SourceLoc, types};

impl Generator<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    pub(super) fn inst(&mut self, inst: &Inst) -> Result<(), String> {
        let args: Vec<ir::Value> = inst.args.iter().map(|&value| self.get(value)).collect();
        let state = inst.state;
        let leave = &inst.leave;
        let needed = || state.ok_or_else(|| format!("{} has no state", inst.op));
        let result = match inst.op {
            Op::Null | Op::Unmade => Some(self.int(0)),
            Op::Object(address) | Op::Cached(address) => Some(self.int(address as i64)),
            Op::Int(value) => Some(self.int(value)),
            Op::Float(bits) => Some(self.builder.ins().f64const(f64::from_bits(bits))),
            Op::Bool(value) => Some(self.builder.ins().iconst(types::I8, i64::from(value))),

            Op::LoadLocal(slot) => {
                let value = self.load(types::I64, self.frame, Self::slot(slot));
                self.leave_if_null(value, state, leave);
                Some(value)
            }
            Op::StoreLocal(slot, ty) => {
                self.put(args[0], self.frame, Self::slot(slot), ty, state, leave);
                None
            }
            Op::DeleteLocal(slot, ty) => {
                let null = self.int(0);
                self.put(null, self.frame, Self::slot(slot), ty, state, leave);
                None
            }
            Op::SyncLocal(slot) => {
                self.put_if_bound(self.function.rep(inst.args[0]), args[0], args[1], slot);
                None
            }
            Op::TakeLocal(slot) => {
                let value = self.load(types::I64, self.frame, Self::slot(slot));
                let null = self.int(0);
                self.store(null, self.frame, Self::slot(slot));
                Some(value)
            }
            Op::LoadStack(depth) => Some(self.entered[depth as usize]),
            Op::TakeStack(depth) => Some(self.taken.remove(&depth).unwrap_or_else(|| {
                let offset = self.stack(depth as usize);
                self.load(types::I64, self.frame, offset)
            })),
            Op::LoadOperand(index) => {
                self.operand_count = self.operand_count.max(index as usize + 1);
                Some(self.builder.ins().stack_load(
                    types::I64,
                    types::I64,
                    self.operands,
                    8 * index as i32,
                ))
            }

            Op::GuardType(ty) => {
                if self.function.ty(inst.args[0]).may_be(Type::NULL) {
                    self.leave_if_null(args[0], Some(needed()?), leave);
                }
                let wrong = self.is_not(args[0], ty);
                self.leave_if(wrong, needed()?, leave, true);
                if let Some(element) = Element::of(ty) {
                    self.require_elements(element, args[0], needed()?, leave);
                }
                None
            }
            Op::GuardVersion(version) => {
                let class = self.class(args[0]);
                self.require_version(class, layout::TYPE_VERSION, version, needed()?, leave);
                None
            }
            Op::GuardClass(version) => {
                if !self.function.classes.contains(&inst.args[0]) {
                    let class = self.class(args[0]);
                    self.require_flag(class, layout::TYPE_SUBCLASS, needed()?, leave);
                }
                self.require_version(args[0], layout::TYPE_VERSION, version, needed()?, leave);
                None
            }
            Op::GuardHeapType => {
                self.require_flag(args[0], layout::TYPE_HEAP, needed()?, leave);
                None
            }
            Op::Guard => {
                let wrong = self.builder.ins().icmp_imm_s(IntCC::Equal, args[0], 0);
                self.leave_if(wrong, needed()?, leave, true);
                None
            }
            Op::GuardKeys(version) => {
                let wrong = self.is_not(args[0], Type::DICT);
                self.leave_if(wrong, needed()?, leave, true);
                let keys = self.load(types::I64, args[0], layout::DICT_KEYS);
                self.require_version(keys, layout::KEYS_VERSION, version, needed()?, leave);
                None
            }
            Op::GuardNamespace(builtins, address) => {
                let namespace = match args.first() {
                    Some(&function) => self.load(
                        types::I64,
                        function,
                        layout::namespace_of_function(builtins),
                    ),
                    None => self.namespace(builtins),
                };
                let expected = self.int(address as i64);
                let wrong = self
                    .builder
                    .ins()
                    .icmp(IntCC::NotEqual, namespace, expected);
                self.leave_if(wrong, needed()?, leave, true);
                None
            }
            Op::GuardValues => {
                self.require_values(args[0], needed()?, leave);
                None
            }
            Op::GuardNoDict => {
                let offset = -(layout::MANAGED_DICT_BEFORE as i32);
                self.require_no_dict(args[0], offset, needed()?, leave);
                self.require_values(args[0], needed()?, leave);
                None
            }
            Op::GuardLazyDict(offset) => {
                self.require_no_dict(args[0], offset, needed()?, leave);
                None
            }
            Op::GuardSharedKeys(version) => {
                let class = self.class(args[0]);
                self.require_shared_keys(class, version, needed()?, leave);
                None
            }
            Op::GuardClassKeys(version) => {
                self.require_shared_keys(args[0], version, needed()?, leave);
                None
            }
            Op::GuardCStack => {
                let left = self.load(types::I32, self.tstate, layout::TSTATE_C_RECURSION);
                // Half of it is left to C code, as the interpreter's own calls take nothing.
                let few = self.builder.ins().icmp_imm_s(
                    IntCC::SignedLessThan,
                    left,
                    i64::from(runtime::c_recursion_limit() / 2),
                );
                self.leave_if(few, needed()?, leave, false);
                None
            }
            Op::GuardNoFrameObject => {
                let object = self.load(types::I64, self.frame, layout::FRAME_OBJECT);
                let some = self.builder.ins().icmp_imm_s(IntCC::NotEqual, object, 0);
                let (cold, on) = self.seldom(some);
                self.builder.switch_to_block(cold);
                // One that only the frame has, from an exception that is gone, dies with it.
                let count = self.load(types::I64, object, layout::OBJECT_REFCNT);
                let is_kept = self.builder.ins().icmp_imm_s(IntCC::NotEqual, count, 1);
                self.leave_if(is_kept, needed()?, leave, false);
                self.builder.ins().jump(on, &[]);
                self.builder.switch_to_block(on);
                None
            }

            Op::UnboxInt => Some(self.unbox_int(args[0], needed()?, leave)),
            Op::UnboxFloat => Some(self.load(types::F64, args[0], layout::FLOAT_VALUE)),
            Op::UnboxBool => {
                let yes = self.int(crate::runtime::true_object() as i64);
                Some(self.builder.ins().icmp(IntCC::Equal, args[0], yes))
            }
            Op::BoxInt => Some(self.box_int(args[0])),
            Op::BoxFloat => self.call("box_float", &args, Some(types::I64)),
            Op::BoxBool => Some(self.box_bool(args[0])),
            Op::Renew => Some(self.renew(args[0])),
            Op::IntToFloat => Some(self.builder.ins().fcvt_from_sint(types::F64, args[0])),

            Op::IntBinary(operator) => {
                Some(self.int_binary(operator, args[0], args[1], state, leave))
            }
            Op::NumberToFloat => Some(self.number_to_float(args[0], needed()?, leave)),
            Op::GuardEitherFloat => {
                let first = self.is_not(args[0], Type::FLOAT);
                let second = self.is_not(args[1], Type::FLOAT);
                let neither = self.builder.ins().band(first, second);
                self.leave_if(neither, needed()?, leave, true);
                None
            }
            Op::NumberBinary(operator) => {
                Some(self.number_binary(operator, &args, needed()?, leave))
            }
            Op::IntDivide => Some(self.int_divide(args[0], args[1], needed()?, leave)),
            Op::IntNegate => {
                let zero = self.int(0);
                let (result, overflow) = self.builder.ins().ssub_overflow(zero, args[0]);
                self.leave_if(overflow, needed()?, leave, true);
                Some(result)
            }
            Op::IntCompare(comparison) => {
                let code = match comparison {
                    Comparison::Less => IntCC::SignedLessThan,
                    Comparison::LessEqual => IntCC::SignedLessThanOrEqual,
                    Comparison::Equal => IntCC::Equal,
                    Comparison::NotEqual => IntCC::NotEqual,
                    Comparison::Greater => IntCC::SignedGreaterThan,
                    Comparison::GreaterEqual => IntCC::SignedGreaterThanOrEqual,
                };
                Some(self.builder.ins().icmp(code, args[0], args[1]))
            }
            Op::FloatBinary(operator) => {
                let ins = self.builder.ins();
                Some(match operator {
                    FloatOp::Power => self.power(args[0], args[1], needed()?, leave),
                    FloatOp::Add => ins.fadd(args[0], args[1]),
                    FloatOp::Subtract => ins.fsub(args[0], args[1]),
                    FloatOp::Multiply => ins.fmul(args[0], args[1]),
                    FloatOp::Divide => {
                        let zero = self.builder.ins().f64const(0.0);
                        let raises = self.builder.ins().fcmp(FloatCC::Equal, args[1], zero);
                        self.leave_if(raises, needed()?, leave, true);
                        self.builder.ins().fdiv(args[0], args[1])
                    }
                })
            }
            Op::Math(function) => Some(self.math(function, args[0], needed()?, leave)),
            Op::GuardBuiltin(method) => {
                self.require_builtin(args[0], method, needed()?, leave);
                None
            }
            Op::FloatNegate => Some(self.builder.ins().fneg(args[0])),
            Op::FloatCompare(comparison) => {
                let code = match comparison {
                    Comparison::Less => FloatCC::LessThan,
                    Comparison::LessEqual => FloatCC::LessThanOrEqual,
                    Comparison::Equal => FloatCC::Equal,
                    Comparison::NotEqual => FloatCC::NotEqual,
                    Comparison::Greater => FloatCC::GreaterThan,
                    Comparison::GreaterEqual => FloatCC::GreaterThanOrEqual,
                };
                Some(self.builder.ins().fcmp(code, args[0], args[1]))
            }
            Op::Not => Some(self.builder.ins().bxor_imm_s(args[0], 1)),
            Op::Is => Some(self.builder.ins().icmp(IntCC::Equal, args[0], args[1])),

            Op::LoadField(offset) => {
                let value = self.load(types::I64, args[0], offset as usize);
                self.leave_if_null(value, state, leave);
                Some(value)
            }
            Op::GuardForms(index) => {
                self.require_forms(args[0], index, needed()?, leave);
                None
            }
            Op::LoadForms(index) => Some(self.load_forms(args[0], index, needed()?, leave)),
            Op::LoadHint(index) => Some(self.load_hint(args[0], args[1], index, needed()?, leave)),
            Op::LoadEntry(index) => {
                Some(self.load_entry(args[0], args[1], index, needed()?, leave))
            }
            Op::StoreWord(offset) => {
                self.store(args[0], args[1], offset as usize);
                None
            }
            Op::WrappingAdd => Some(self.builder.ins().iadd(args[0], args[1])),
            Op::LoadWord(offset) => Some(self.load(types::I64, args[0], offset as usize)),
            Op::Namespace(builtins) => Some(self.namespace(builtins)),
            Op::LoadGlobal(index) => {
                let keys = self.load(types::I64, args[0], layout::DICT_KEYS);
                let entry = self.keys_entry(keys, index);
                let value = self.load(types::I64, entry, layout::KEYS_ENTRY_VALUE);
                self.leave_if_null(value, state, leave);
                Some(value)
            }
            Op::LoadCell => {
                let value = self.load(types::I64, args[0], layout::CELL_VALUE);
                self.leave_if_null(value, state, leave);
                Some(value)
            }
            Op::ItemIndex => Some(self.item_index(args[0], args[1], needed()?, leave)),
            Op::ListItem => {
                let address = self.list_place(args[0], args[1]);
                Some(self.load(types::I64, address, 0))
            }
            Op::TupleItem => {
                let address = self.item(args[0], args[1]);
                Some(self.load(types::I64, address, layout::TUPLE_ITEMS))
            }
            Op::CopyItems(step) => {
                let mut operands = args;
                operands.push(self.int(step));
                let copied = self
                    .call("copy_items", &operands, Some(types::I32))
                    .expect("it has a result");
                let not = self.builder.ins().icmp_imm_s(IntCC::Equal, copied, 0);
                self.leave_if(not, needed()?, leave, true);
                None
            }
            Op::ArrayItem(element) => Some(self.array_item(element, args[0], args[1])),
            Op::SetArrayItem(element) => {
                self.set_array_item(element, [args[0], args[1], args[2]], state, leave);
                None
            }
            Op::SetListItem => {
                let address = self.list_place(args[1], args[2]);
                self.put(args[0], address, 0, Type::OBJECT, state, leave);
                None
            }
            Op::SetListFloat => {
                self.replace_float((args[0], args[1], args[2]), state, leave);
                None
            }
            Op::PutListFloat => {
                self.put_float((args[0], args[1], args[2]), needed()?, leave);
                None
            }
            Op::Size => Some(self.load(types::I64, args[0], layout::OBJECT_SIZE)),
            Op::RangeNext => Some(self.range_next(args[0])),
            Op::ListNext => Some(self.sequence_next(args[0], true)),
            Op::TupleNext => Some(self.sequence_next(args[0], false)),
            Op::LastIndex => {
                let next = self.load(types::I64, args[0], layout::ENUMERATE_INDEX);
                Some(self.builder.ins().iadd_imm_s(next, -1))
            }
            Op::GuardUnshared => {
                let count = self.load(types::I64, args[0], layout::OBJECT_REFCNT);
                let is_shared = self.builder.ins().icmp_imm_s(IntCC::NotEqual, count, 1);
                self.leave_if(is_shared, needed()?, leave, true);
                None
            }
            Op::SetInlineValue(index) => {
                self.put_inline_value(args[0], args[1], index, |generator, old| {
                    generator.decref(old, Type::OBJECT, state, leave);
                });
                None
            }
            Op::PutTupleItem(index) => {
                let offset = layout::TUPLE_ITEMS + 8 * index as usize;
                self.store(args[0], args[1], offset);
                None
            }
            Op::GuardReplaceable(offset) => {
                let old = self.load(types::I64, args[0], offset as usize);
                self.require_replaceable(old, needed()?, leave);
                None
            }
            Op::GuardItemReplaceable => {
                let address = self.list_place(args[0], args[1]);
                let old = self.load(types::I64, address, 0);
                self.require_replaceable(old, needed()?, leave);
                None
            }
            Op::PutListItem => {
                let address = self.list_place(args[1], args[2]);
                let old = self.load(types::I64, address, 0);
                self.store(args[0], address, 0);
                self.drop_scalar(old);
                None
            }
            Op::PutInlineValue(index) => {
                self.put_inline_value(args[0], args[1], index, Self::drop_scalar);
                None
            }
            Op::PutField(offset) => {
                let old = self.load(types::I64, args[1], offset as usize);
                self.store(args[0], args[1], offset as usize);
                self.drop_scalar(old);
                None
            }
            Op::GuardRoom => {
                self.require_room(needed()?, leave);
                None
            }
            Op::EndInline => None,
            Op::SetField(offset) => {
                self.put(args[0], args[1], offset as usize, Type::ANY, state, leave);
                None
            }

            Op::GuardFunction(version) => {
                if self.function.ty(inst.args[0]) != Type::FUNCTION {
                    let wrong = self.is_not(args[0], Type::FUNCTION);
                    self.leave_if(wrong, needed()?, leave, true);
                }
                self.require_version(args[0], layout::FUNCTION_VERSION, version, needed()?, leave);
                None
            }
            Op::CallFunction(index) => {
                let callee = self.function.callees[index as usize];
                Some(self.call_function(callee, &args, false, needed()?, leave))
            }
            Op::CallInit(index) => {
                let callee = self.function.callees[index as usize];
                Some(self.call_function(callee, &args, true, needed()?, leave))
            }

            Op::CallOneOf(first, count) => {
                let has_self = self.function.ty(inst.args[1]) != Type::NULL;
                let callees = (first as usize, count as usize);
                Some(self.call_one_of(callees, &args, has_self, needed()?, leave))
            }

            Op::BuiltinAddress(convention) => {
                Some(self.builtin_address(convention, args[0], needed()?, leave))
            }
            Op::MethodAddress(convention) => {
                Some(self.descriptor_address(convention, args[0], args[1], needed()?, leave))
            }
            Op::MakerAddress => Some(self.maker_address(args[0], needed()?, leave)),
            Op::CallC(convention, is_bound) => {
                let types: Vec<Type> = inst.args.iter().map(|&arg| self.function.ty(arg)).collect();
                let how = (convention, is_bound);
                Some(self.call_c(how, &args, &types, needed()?, leave))
            }

            Op::Call(Helper::Next, kind) if kind != 0 => {
                Some(self.next_of(kind, args[0], needed()?, leave))
            }
            Op::Call(Helper::Advance, number) => {
                Some(self.advance(number, args[0], needed()?, leave))
            }
            Op::Call(Helper::ListAppend, _) => {
                self.list_append(args[0], args[1], needed()?, leave);
                None
            }
            Op::Call(helper, number) => self.helper(helper, number, &args, state, leave),

            Op::At(offset) => {
                self.at = offset;
                self.builder.set_srcloc(SourceLoc::new(offset));
                None
            }
            Op::Releases => None,
            Op::Boundary => {
                if std::mem::take(&mut self.unchecked) {
                    self.leave_if_changed(needed()?, leave);
                }
                None
            }
            Op::Periodic => {
                self.periodic(needed()?, leave);
                None
            }
            Op::BackEdge => {
                let pending = self.is_pending();
                self.leave_if(pending, needed()?, leave, false);
                None
            }
            Op::IncRef => {
                self.incref(args[0], self.function.ty(inst.args[0]));
                None
            }
            Op::DecRef(ty) => {
                self.decref(args[0], ty, state, leave);
                None
            }
        };
        if let (Some(value), Some(result)) = (inst.result, result) {
            self.values.insert(value, result);
        }
        Ok(())
    }

    pub(super) fn require_flag(
        &mut self,
        class: ir::Value,
        flag: usize,
        state: State,
        leave: &Leave,
    ) {
        let flags = self.load(types::I64, class, layout::TYPE_FLAGS);
        let has_flag = self.builder.ins().band_imm_s(flags, flag as i64);
        let is_not = self.builder.ins().icmp_imm_s(IntCC::Equal, has_flag, 0);
        self.leave_if(is_not, state, leave, true);
    }

    pub(super) fn leave_if_null(&mut self, value: ir::Value, state: Option<State>, leave: &Leave) {
        if let Some(state) = state {
            let is_null = self.builder.ins().icmp_imm_s(IntCC::Equal, value, 0);
            self.leave_if(is_null, state, leave, true);
        }
    }

    fn require_version(
        &mut self,
        base: ir::Value,
        offset: usize,
        version: u32,
        state: State,
        leave: &Leave,
    ) {
        let found = self.load(types::I32, base, offset);
        let wrong = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, found, i64::from(version));
        self.leave_if(wrong, state, leave, true);
    }

    /// Leaves unless the shared keys of a class have a version.
    pub(super) fn require_shared_keys(
        &mut self,
        class: ir::Value,
        version: u32,
        state: State,
        leave: &Leave,
    ) {
        let keys = self.load(types::I64, class, layout::HEAP_TYPE_CACHED_KEYS);
        self.require_version(keys, layout::KEYS_VERSION, version, state, leave);
    }

    pub(super) fn require_values(&mut self, object: ir::Value, state: State, leave: &Leave) {
        let valid = self.load(types::I8, object, layout::INLINE_VALUES_VALID);
        let invalid = self.builder.ins().icmp_imm_s(IntCC::Equal, valid, 0);
        self.leave_if(invalid, state, leave, true);
    }

    /// Puts an object somewhere and releases what was there.
    pub(super) fn put(
        &mut self,
        object: ir::Value,
        base: ir::Value,
        offset: usize,
        old: Type,
        state: Option<State>,
        leave: &Leave,
    ) {
        if old.is(Type::NULL) {
            self.store(object, base, offset);
            return;
        }
        let before = self.load(types::I64, base, offset);
        self.store(object, base, offset);
        self.decref(before, old, state, leave);
    }

    pub(super) fn item(&mut self, items: ir::Value, index: ir::Value) -> ir::Value {
        let offset = self.builder.ins().ishl_imm_s(index, 3);
        self.builder.ins().iadd(items, offset)
    }

    /// Leaves if somebody has written to the frame, or watches it.
    fn leave_if_changed(&mut self, state: State, leave: &Leave) {
        let written = self.is_written();
        if layout::HOOKS != 0 {
            self.leave_if(written, state, leave, false);
            return;
        }
        let (cold, on) = self.seldom(written);
        self.builder.switch_to_block(cold);
        let changed = self
            .call("changed", &[self.frame], Some(types::I32))
            .expect("it has a result");
        self.leave_if(changed, state, leave, false);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// A word that is not zero if somebody has written to the frame. Without hooks, nobody marks a frame that is watched: also if somebody
    /// may watch it.
    pub(super) fn is_written(&mut self) -> ir::Value {
        let top = self.load(types::I32, self.frame, layout::FRAME_STACKTOP);
        let other = self.builder.ins().iadd_imm_s(top, -layout::NATIVE);
        let written = self.builder.ins().uextend(types::I64, other);
        if layout::HOOKS != 0 {
            return written;
        }
        let code = self.int(self.id as i64);
        let monitoring = self.load(types::I64, code, layout::CODE_MONITORING);
        self.builder.ins().bor(written, monitoring)
    }

    /// Whether an event is pending, or the instrumentation has changed.
    pub(super) fn is_pending(&mut self) -> ir::Value {
        // Others write to it meanwhile: Cranelift would take it for what it was in the round before.
        let at = layout::TSTATE_EVAL_BREAKER as i64;
        let at = self.builder.ins().iadd_imm_s(self.tstate, at);
        let breaker = self
            .builder
            .ins()
            .atomic_load(types::I64, super::trusted(), at);
        let version = self.int(self.code.version as i64);
        self.builder.ins().icmp(IntCC::NotEqual, breaker, version)
    }

    fn periodic(&mut self, state: State, leave: &Leave) {
        self.unchecked = false;
        let mut pending = self.load(types::I64, self.tstate, layout::TSTATE_EVAL_BREAKER);
        if self.code.version != 0 {
            let version = self.int(self.code.version as i64);
            pending = self.builder.ins().bxor(pending, version);
        }
        let written = self.is_written();
        let either = self.builder.ins().bor(pending, written);
        let (cold, on) = self.seldom(either);
        self.builder.switch_to_block(cold);
        self.tell(self.at);
        self.forget_record();
        self.record(Some(state));
        self.forget_record();
        let version = self.int(self.code.version as i64);
        let args = [self.tstate, self.frame, version];
        let status = self
            .call("periodic", &args, Some(types::I32))
            .expect("it has a result");
        let raised = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, status, 0);
        self.raise_if(raised, state, leave);
        let (out, back) = self.seldom(status);
        self.builder.switch_to_block(out);
        self.leave(state, leave, false);
        self.builder.switch_to_block(back);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }
}
