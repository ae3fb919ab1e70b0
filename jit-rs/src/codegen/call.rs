//! Calls of functions whose native code is entered directly, and returns from there.

use super::Generator;
use crate::hir::{Leave, State, Type};
use crate::memory;
use crate::snapshot::Callee;
use crate::{layout, runtime};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, ExtFuncData, ExternalName, InstBuilder, Signature, UserExternalName, types,
};
use cranelift_codegen::{FinalizedMachReloc, FinalizedRelocTarget};

/// What native code returns instead of an instruction when its function has returned to native code: see `src/c/call.c`.
const RETURNED: i64 = 1;

/// Whether calls of the runtime say how far away it is, in 32 bits, and not where. They take less than half of the space, and wide programs wait
/// for their code more than for anything else.
pub(super) const IS_NEAR: bool = cfg!(target_arch = "x86_64");

/// More slots than that are cleared by the runtime.
const MAX_SLOTS: usize = 12;

impl Generator<'_> {
    /// Calls a function: pushes its frame and enters its native code, if it has some and nothing is in the way.
    pub(super) fn call_function(
        &mut self,
        callee: Callee,
        operands: &[ir::Value],
        is_init: bool,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let (slow, done) = self.begin_call(state);
        let (function, args) = (operands[0], &operands[1..]);
        self.enter(callee, function, args, is_init, slow, done);
        let helper = if is_init {
            "call_placed_init"
        } else {
            "call_placed"
        };
        self.call_slowly(helper, operands, args.len(), slow, done);
        self.end_call(done, state, leave)
    }

    /// Calls anything: what is one of some functions, as above.
    pub(super) fn call_one_of(
        &mut self,
        (first, count): (usize, usize),
        operands: &[ir::Value],
        has_self: bool,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let (slow, done) = self.begin_call(state);
        let function = operands[0];
        let args = &operands[if has_self { 1 } else { 2 }..];
        let is_other = self.is_not(function, Type::FUNCTION);
        self.unless(is_other, slow);
        let version = self.load(types::I32, function, layout::FUNCTION_VERSION);
        let callees = self.function.callees[first..first + count].to_vec();
        for callee in callees {
            let next = self.builder.create_block();
            let expected = i64::from(callee.version as i32);
            let is_other = self
                .builder
                .ins()
                .icmp_imm_s(IntCC::NotEqual, version, expected);
            self.unless(is_other, next);
            self.enter(callee, function, args, false, slow, done);
            self.builder.switch_to_block(next);
        }
        self.builder.ins().jump(slow, &[]);
        self.call_slowly("call", operands, operands.len() - 2, slow, done);
        self.end_call(done, state, leave)
    }

    /// The blocks where the runtime calls, and where the result is.
    fn begin_call(&mut self, state: State) -> (ir::Block, ir::Block) {
        self.unchecked = true;
        self.tell_once();
        self.record(Some(state));
        let slow = self.builder.create_block();
        self.builder.set_cold_block(slow);
        let done = self.builder.create_block();
        self.builder.append_block_param(done, types::I64);
        (slow, done)
    }

    /// Enters the native code of a function, unless something is in the way.
    fn enter(
        &mut self,
        callee: Callee,
        function: ir::Value,
        args: &[ir::Value],
        is_init: bool,
        slow: ir::Block,
        done: ir::Block,
    ) {
        // The interpreter pushes another frame for __init__.
        let frames = if is_init { 2 } else { 1 };
        let (top, entry) = self.may_enter(callee, frames, slow);
        let frame = top.0;
        self.store(top.1, self.tstate, layout::TSTATE_STACK_TOP);
        self.initialize(callee, frame, function, args);
        self.store(frame, self.tstate, layout::TSTATE_FRAME);
        self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, -frames);
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, -1);
        let stack = layout::FRAME_LOCALS + 8 * callee.locals as usize;
        let stack = self.builder.ins().iadd_imm_s(frame, stack as i64);
        let signature = self.entry_signature();
        let entered = [frame, stack, self.tstate];
        let call = self.builder.ins().call_indirect(signature, entry, &entered);
        let next = self.builder.inst_results(call)[0];
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, 1);
        if is_init {
            self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, 1);
        }
        let left = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, next, RETURNED);
        let (resume, on) = self.seldom(left);
        self.builder.switch_to_block(resume);
        let left = [self.tstate, frame, next];
        let value = self
            .call("resume", &left, Some(types::I64))
            .expect("it has a result");
        self.builder.ins().jump(done, &[value.into()]);
        self.builder.switch_to_block(on);
        let returned = self.int(runtime::returned() as i64);
        let value = self.load(types::I64, returned, 0);
        self.builder.ins().jump(done, &[value.into()]);
    }

    fn call_slowly(
        &mut self,
        helper: &'static str,
        operands: &[ir::Value],
        count: usize,
        slow: ir::Block,
        done: ir::Block,
    ) {
        self.builder.switch_to_block(slow);
        let base = self.store_operands(operands);
        let count = self.int(count as i64);
        let passed = [self.tstate, self.frame, base, count];
        let value = self
            .call(helper, &passed, Some(types::I64))
            .expect("it has a result");
        self.builder.ins().jump(done, &[value.into()]);
    }

    fn end_call(&mut self, done: ir::Block, state: State, leave: &Leave) -> ir::Value {
        self.builder.switch_to_block(done);
        let result = self.builder.block_params(done)[0];
        let raised = self.builder.ins().icmp_imm_s(IntCC::Equal, result, 0);
        self.raise_if(raised, state, leave);
        result
    }

    /// Goes to a block unless the native code of a function can be entered; gives the place and the end of its frame, and
    /// the address of the native code.
    fn may_enter(
        &mut self,
        callee: Callee,
        frames: i64,
        slow: ir::Block,
    ) -> ((ir::Value, ir::Value), ir::Value) {
        let start = self.int(callee.start as i64);
        self.unless_entered(start, slow);
        let cell = self.int(callee.entry as i64);
        let entry = self.load(types::I64, cell, 0);
        let none = self.builder.ins().icmp_imm_s(IntCC::Equal, entry, 0);
        self.unless(none, slow);
        let code = self.int(callee.code as i64);
        self.unless_runnable(code, frames, slow);
        let top = self.load(types::I64, self.tstate, layout::TSTATE_STACK_TOP);
        let end = self
            .builder
            .ins()
            .iadd_imm_s(top, 8 * i64::from(callee.frame_size));
        let limit = self.load(types::I64, self.tstate, layout::TSTATE_STACK_LIMIT);
        let is_full = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, end, limit);
        self.unless(is_full, slow);
        ((top, end), entry)
    }

    /// Goes to a block unless native code is entered at an instruction.
    pub(super) fn unless_entered(&mut self, instr: ir::Value, slow: ir::Block) {
        let opcode = self.load(types::I8, instr, 0);
        let is_other = self.builder.ins().icmp_imm_s(
            IntCC::NotEqual,
            opcode,
            i64::from(layout::ENTER_EXECUTOR as i8),
        );
        self.unless(is_other, slow);
    }

    /// Goes to a block if an event is pending, or frames of a code object cannot be run: the evaluation of frames was replaced,
    /// or the recursion is too deep for so many frames.
    pub(super) fn unless_runnable(&mut self, code: ir::Value, frames: i64, slow: ir::Block) {
        let breaker = self.load(types::I64, self.tstate, layout::TSTATE_EVAL_BREAKER);
        let version = self.load(types::I64, code, layout::CODE_VERSION);
        let pending = self.builder.ins().bxor(breaker, version);
        let interpreter = self.load(types::I64, self.tstate, layout::TSTATE_INTERPRETER);
        let evaluator = self.load(types::I64, interpreter, layout::INTERPRETER_EVAL_FRAME);
        let either = self.builder.ins().bor(pending, evaluator);
        let either = self.builder.ins().icmp_imm_s(IntCC::NotEqual, either, 0);
        self.unless(either, slow);
        let left = self.load(types::I32, self.tstate, layout::TSTATE_PY_RECURSION);
        let is_deep = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, left, frames);
        self.unless(is_deep, slow);
    }

    /// Makes a frame, as `_PyFrame_Initialize()`.
    fn initialize(
        &mut self,
        callee: Callee,
        frame: ir::Value,
        function: ir::Value,
        args: &[ir::Value],
    ) {
        let code = self.int(callee.code as i64);
        self.incref(code, Type::OTHER);
        self.store(code, frame, layout::FRAME_EXECUTABLE);
        self.store(self.frame, frame, layout::FRAME_PREVIOUS);
        self.store(function, frame, layout::FRAME_FUNCTION);
        let globals = self.load(types::I64, function, layout::FUNCTION_GLOBALS);
        self.store(globals, frame, layout::FRAME_GLOBALS);
        let builtins = self.load(types::I64, function, layout::FUNCTION_BUILTINS);
        self.store(builtins, frame, layout::FRAME_BUILTINS);
        let null = self.int(0);
        self.store(null, frame, layout::FRAME_NAMESPACE);
        self.store(null, frame, layout::FRAME_OBJECT);
        let start = self.int(callee.start as i64);
        self.store(start, frame, layout::FRAME_INSTR_PTR);
        let zero = self.builder.ins().iconst(types::I16, 0);
        self.store(zero, frame, layout::FRAME_RETURN_OFFSET);
        let owner = layout::FRAME_OWNED_BY_THREAD as i64;
        let owner = self.builder.ins().iconst(types::I8, owner);
        self.store(owner, frame, layout::FRAME_OWNER);
        for (slot, &value) in args.iter().enumerate() {
            self.store(value, frame, Self::slot(slot as u32));
        }
        let others = callee.locals - callee.closure;
        for slot in callee.arguments..others {
            self.store(null, frame, Self::slot(slot));
        }
        if callee.closure > 0 {
            let closure = self.load(types::I64, function, layout::FUNCTION_CLOSURE);
            for index in 0..callee.closure {
                let offset = layout::TUPLE_ITEMS + 8 * index as usize;
                let cell = self.load(types::I64, closure, offset);
                self.incref(cell, Type::CELL);
                self.store(cell, frame, Self::slot(others + index));
            }
        }
    }

    /// Ends the frame and returns a value; the runtime does if that takes more.
    pub(super) fn finish(&mut self, value: ir::Value, slots: &[(u32, Type)]) {
        let slow = self.builder.create_block();
        if slots.len() > MAX_SLOTS || self.code.is_generator {
            self.builder.ins().jump(slow, &[]);
        } else {
            self.builder.set_cold_block(slow);
            // Neither a frame object, nor the namespace of a module or class.
            let object = self.load(types::I64, self.frame, layout::FRAME_OBJECT);
            let namespace = self.load(types::I64, self.frame, layout::FRAME_NAMESPACE);
            let either = self.builder.ins().bor(object, namespace);
            let some = self.builder.ins().icmp_imm_s(IntCC::NotEqual, either, 0);
            let written = self.is_written();
            let in_the_way = self.builder.ins().bor(some, written);
            self.unless(in_the_way, slow);
            let clearing = self.clearing(slots);
            self.builder.ins().jump(clearing, &[value.into()]);
        }
        self.builder.switch_to_block(slow);
        // A frame object that outlives the frame says where it ended.
        self.tell(self.at);
        let args = [self.tstate, self.frame, value];
        let next = self
            .call("return", &args, Some(types::I64))
            .expect("it has a result");
        self.builder.ins().return_(&[next]);
    }

    /// The block that gets a value, releases what is in slots, and returns the value: what the ends of a function have in common.
    fn clearing(&mut self, slots: &[(u32, Type)]) -> ir::Block {
        let mut known = self.clearing.iter();
        if let Some((_, block)) = known.find(|(other, _)| other == slots) {
            return *block;
        }
        let block = self.builder.create_block();
        self.builder.append_block_param(block, types::I64);
        self.clearing.push((slots.to_vec(), block));
        block
    }

    /// Fills the blocks of [`Self::clearing()`].
    pub(super) fn end_clearing(&mut self) {
        if self.clearing.is_empty() {
            return;
        }
        let returning = self.builder.create_block();
        self.builder.append_block_param(returning, types::I64);
        for (slots, block) in std::mem::take(&mut self.clearing) {
            self.builder.switch_to_block(block);
            let value = self.builder.block_params(block)[0];
            // Finalizers see the stack without this frame.
            let previous = self.load(types::I64, self.frame, layout::FRAME_PREVIOUS);
            self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, 1);
            self.store(previous, self.tstate, layout::TSTATE_FRAME);
            for (slot, ty) in slots {
                let object = self.load(types::I64, self.frame, Self::slot(slot));
                self.drop_reference(object, ty, |generator, on| {
                    generator.call("dealloc_ended", &[object], None);
                    generator.builder.ins().jump(on, &[]);
                });
            }
            self.builder.ins().jump(returning, &[value.into()]);
        }
        self.builder.switch_to_block(returning);
        let value = self.builder.block_params(returning)[0];
        self.release_code();
        self.pop_frame();
        let previous = self.load(types::I64, self.frame, layout::FRAME_PREVIOUS);
        self.hand_back(value, previous, RETURNED, |generator| {
            let offset = generator.builder.ins().uload16(
                types::I64,
                super::trusted(),
                previous,
                layout::FRAME_RETURN_OFFSET as i32,
            );
            generator.builder.ins().ishl_imm_s(offset, 1)
        });
    }

    /// Releases the function and the code object of the frame, which others have nearly always.
    fn release_code(&mut self) {
        let function = self.load(types::I64, self.frame, layout::FRAME_FUNCTION);
        let code = self.load(types::I64, self.frame, layout::FRAME_EXECUTABLE);
        let (slow, on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(slow);
        if layout::REF_DEBUG == 0 {
            // Both are below zero if they are immortal, or have nobody else.
            let counts = [function, code].map(|object| {
                let count = self.load(types::I32, object, layout::OBJECT_REFCNT);
                (object, count, self.builder.ins().iadd_imm_s(count, -2))
            });
            let either = self.builder.ins().bor(counts[0].2, counts[1].2);
            let rare = self
                .builder
                .ins()
                .icmp_imm_s(IntCC::SignedLessThan, either, 0);
            self.unless(rare, slow);
            for (object, count, _) in counts {
                let count = self.builder.ins().iadd_imm_s(count, -1);
                self.store(count, object, layout::OBJECT_REFCNT);
            }
            self.builder.ins().jump(on, &[]);
        } else {
            self.builder.ins().jump(slow, &[]);
        }
        self.builder.switch_to_block(slow);
        self.call("release_code", &[function, code], None);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Gives the memory of the frame back.
    fn pop_frame(&mut self) {
        let chunk = self.load(types::I64, self.tstate, layout::TSTATE_STACK_CHUNK);
        let first = self
            .builder
            .ins()
            .iadd_imm_s(chunk, layout::CHUNK_DATA as i64);
        let is_first = self.builder.ins().icmp(IntCC::Equal, first, self.frame);
        let (pop, on) = self.seldom(is_first);
        let done = self.builder.create_block();
        self.builder.switch_to_block(pop);
        let args = [self.tstate, self.frame];
        self.call("pop_chunk", &args, None);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(on);
        self.store(self.frame, self.tstate, layout::TSTATE_STACK_TOP);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }

    /// Gives a value to the caller, and goes on there. That is native code if its stack pointer is not valid, which gets an
    /// answer; the interpreter goes on after a `step` from its instruction, in bytes.
    pub(super) fn hand_back(
        &mut self,
        value: ir::Value,
        previous: ir::Value,
        answer: i64,
        step: impl FnOnce(&mut Self) -> ir::Value,
    ) {
        let top = self.load(types::I32, previous, layout::FRAME_STACKTOP);
        let is_native = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, top, 0);
        let (native, other) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(is_native, native, &[], other, &[]);
        self.builder.switch_to_block(native);
        let returned = self.int(runtime::returned() as i64);
        self.store(value, returned, 0);
        let next = self.int(answer);
        self.builder.ins().return_(&[next]);
        // As _PyEvalHooks_ReturnValue().
        self.builder.switch_to_block(other);
        let index = self.builder.ins().sextend(types::I64, top);
        let place = self.item(previous, index);
        self.store(value, place, layout::FRAME_LOCALS);
        self.add_i32(previous, layout::FRAME_STACKTOP, 1);
        let instr = self.load(types::I64, previous, layout::FRAME_INSTR_PTR);
        let step = step(self);
        let next = self.builder.ins().iadd(instr, step);
        self.builder.ins().return_(&[next]);
    }

    /// Goes to another block if a condition holds.
    pub(super) fn unless(&mut self, condition: ir::Value, other: ir::Block) {
        let on = self.builder.create_block();
        self.builder.ins().brif(condition, other, &[], on, &[]);
        self.builder.switch_to_block(on);
    }

    pub(super) fn add_i32(&mut self, base: ir::Value, offset: usize, number: i64) {
        let value = self.load(types::I32, base, offset);
        let value = self.builder.ins().iadd_imm_s(value, number);
        self.store(value, base, offset);
    }

    /// A function of the runtime that is called by its distance. Its name is its address.
    pub(super) fn near_function(&mut self, address: u64, signature: ir::SigRef) -> ir::FuncRef {
        if let Some(&function) = self.functions.get(&(address, signature)) {
            return function;
        }
        let name = UserExternalName::new((address >> 32) as u32, address as u32);
        let name = self.builder.func.declare_imported_user_function(name);
        let function = self.builder.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: true,
            patchable: false,
        });
        self.functions.insert((address, signature), function);
        function
    }

    pub(super) fn entry_signature(&mut self) -> ir::SigRef {
        let signature: Signature = self.builder.func.signature.clone();
        self.builder.import_signature(signature)
    }
}

/// What a relocation asks for, if it is a call of a [`Generator::near_function()`].
pub(super) fn near(
    relocation: &FinalizedMachReloc,
    names: &ir::function::FunctionParameters,
) -> Option<memory::Call> {
    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = relocation.target else {
        return None;
    };
    let name = names.user_named_funcs().get(name)?;
    // From the end of the instruction, which ends with the distance.
    let is_call = relocation.kind == Reloc::X86CallPCRel4 && relocation.addend == -4;
    is_call.then_some(memory::Call {
        offset: relocation.offset as usize,
        target: u64::from(name.namespace) << 32 | u64::from(name.index),
    })
}
