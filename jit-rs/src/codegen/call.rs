//! Calls of functions whose native code is entered directly, and returns from there.

use super::Generator;
use crate::hir::{Leave, State, Type};
use crate::memory;
use crate::snapshot::{Callee, Code};
use crate::{layout, runtime};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, ExtFuncData, ExternalName, InstBuilder, Signature, UserExternalName, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_codegen::{FinalizedMachReloc, FinalizedRelocTarget};

/// What native code returns instead of an instruction when its function has returned to native code: see `src/c/call.c`.
pub(super) const RETURNED: i64 = 1;

/// Whether calls of the runtime say how far away it is, in 32 bits, and not where. They take less than half of the space, and wide programs wait
/// for their code more than for anything else.
pub(super) const IS_NEAR: bool = cfg!(target_arch = "x86_64");

/// More slots than that are cleared by the runtime.
const MAX_SLOTS: usize = 12;

/// Whether calls enter a function with their arguments.
pub(super) fn is_direct(code: &Code) -> bool {
    code.enclosed.is_some() && code.arguments as usize <= layout::MAX_DIRECT
}

/// How native code is called with so many arguments: `clinker_native`. Without a frame of its own, it gets that of the caller and the
/// function in place of a frame and its stack.
pub(super) fn signature(arguments: usize) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); 3 + arguments];
    signature.returns = vec![AbiParam::new(types::I64); 2];
    signature
}

impl Generator<'_> {
    /// Begins a function that calls enter, if they are native code without a frame for it: makes the frame, unless something is in
    /// the way. Otherwise the frame is there.
    pub(super) fn take_call(&mut self) {
        let block = self.builder.current_block().expect("the first one");
        let params = self.builder.block_params(block).to_vec();
        let arguments = &params[3..];
        let stack = self.stack(0) as i64;
        let stack = self.builder.ins().iadd_imm_s(params[0], stack);
        let has_frame = self.builder.ins().icmp(IntCC::Equal, stack, params[1]);
        let (call, on) = (self.builder.create_block(), self.builder.create_block());
        let frame = self.builder.append_block_param(on, types::I64);
        let given = params[0].into();
        self.builder.ins().brif(has_frame, on, &[given], call, &[]);
        self.builder.switch_to_block(call);
        let slow = self.builder.create_block();
        self.builder.set_cold_block(slow);
        let new = self.push_frame(params[0], params[1], arguments, slow);
        self.builder.ins().jump(on, &[new.into()]);

        self.builder.switch_to_block(slow);
        let signature = self.entry_signature(arguments.len());
        let address = runtime::uncompiled(arguments.len());
        let call = self.call_address(address, signature, &params);
        let (next, value) = self.two_results(call);
        self.builder.ins().return_(&[next, value]);
        self.builder.switch_to_block(on);
        self.frame = frame;
    }

    /// Pushes the frame of a function that another one calls, with arguments; goes to a block if something is in the way.
    fn push_frame(
        &mut self,
        previous: ir::Value,
        function: ir::Value,
        arguments: &[ir::Value],
        slow: ir::Block,
    ) -> ir::Value {
        let enclosed = self.code.enclosed.expect("calls enter it");
        let start = self.code.address + if enclosed > 0 { 2 } else { 0 };
        let start = self.int(start as i64);
        let pending = self.is_pending();
        self.unless(pending, slow);
        self.unless_deep(slow);
        let (frame, end, is_full) = self.room(8 * i64::from(self.code.frame_size));
        self.unless(is_full, slow);
        self.store(end, self.tstate, layout::TSTATE_STACK_TOP);
        self.initialize((previous, frame), (function, start), arguments, enclosed);
        self.store(frame, self.tstate, layout::TSTATE_FRAME);
        self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, -1);
        frame
    }

    /// Calls a function: enters its native code, or what is called in its place.
    pub(super) fn call_function(
        &mut self,
        callee: Callee,
        operands: &[ir::Value],
        is_init: bool,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        self.begin_call(state);
        // The interpreter pushes another frame for __init__.
        if is_init {
            self.add_i32(self.tstate, layout::TSTATE_PY_RECURSION, -1);
        }
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, types::I64);
        let raised = self.builder.create_block();
        self.builder.set_cold_block(raised);
        if callee.entry == 0 {
            let value = self.call_slowly("call_placed", operands, operands.len() - 1);
            self.unless_null(value, done, raised);
        } else {
            let word = self.int(callee.entry as i64);
            self.enter(word, operands[0], &operands[1..], done, raised);
        }
        let leave_init = |generator: &mut Self| {
            if is_init {
                generator.add_i32(generator.tstate, layout::TSTATE_PY_RECURSION, 1);
            }
        };
        self.builder.switch_to_block(raised);
        leave_init(self);
        self.raise(state, leave);
        self.builder.switch_to_block(done);
        leave_init(self);
        result
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
        self.begin_call(state);
        let slow = self.builder.create_block();
        self.builder.set_cold_block(slow);
        let (known, done) = (self.builder.create_block(), self.builder.create_block());
        let word = self.builder.append_block_param(known, types::I64);
        let result = self.builder.append_block_param(done, types::I64);
        let function = operands[0];
        let args = &operands[if has_self { 1 } else { 2 }..];
        let is_other = self.is_not(function, Type::FUNCTION);
        self.unless(is_other, slow);
        let version = self.load(types::I32, function, layout::FUNCTION_VERSION);
        let callees = self.function.callees[first..first + count].to_vec();
        for callee in callees.iter().filter(|callee| callee.entry != 0) {
            let next = self.builder.create_block();
            let expected = i64::from(callee.version as i32);
            let is_it = self
                .builder
                .ins()
                .icmp_imm_s(IntCC::Equal, version, expected);
            let entry = self.int(callee.entry as i64);
            self.builder
                .ins()
                .brif(is_it, known, &[entry.into()], next, &[]);
            self.builder.switch_to_block(next);
        }
        self.builder.ins().jump(slow, &[]);
        self.builder.switch_to_block(slow);
        let raised = self.builder.create_block();
        self.builder.set_cold_block(raised);
        let value = self.call_slowly("call", operands, operands.len() - 2);
        self.unless_null(value, done, raised);
        self.builder.switch_to_block(known);
        self.enter(word, function, args, done, raised);
        self.builder.switch_to_block(raised);
        self.raise(state, leave);
        self.builder.switch_to_block(done);
        result
    }

    /// Other code is going to run.
    pub(super) fn begin_call(&mut self, state: State) {
        self.unchecked = true;
        self.tell_once();
        self.record(Some(state));
    }

    /// Calls what a word says. Goes to a block with the result, or to another one if it has raised.
    fn enter(
        &mut self,
        word: ir::Value,
        function: ir::Value,
        args: &[ir::Value],
        done: ir::Block,
        raised: ir::Block,
    ) {
        let entry = self.load(types::I64, word, 0);
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, -1);
        let signature = self.entry_signature(args.len());
        let passed = [&[self.frame, function, self.tstate], args].concat();
        let call = self.builder.ins().call_indirect(signature, entry, &passed);
        let (next, value) = self.two_results(call);
        self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, 1);
        let cold = self.builder.create_block();
        self.builder.set_cold_block(cold);
        self.unless_null(value, done, cold);
        self.builder.switch_to_block(cold);
        let left = [self.tstate, self.frame, next];
        let settled = self
            .call("settle", &left, Some(types::I64))
            .expect("it has a result");
        self.unless_null(settled, done, raised);
    }

    /// Goes to a block with an object, or to another one without if it is NULL.
    fn unless_null(&mut self, object: ir::Value, some: ir::Block, none: ir::Block) {
        // Where the object goes then is not in the way of others that come there.
        let on = self.following();
        self.builder.ins().brif(object, on, &[], none, &[]);
        self.builder.switch_to_block(on);
        self.builder.ins().jump(some, &[object.into()]);
    }

    fn call_slowly(
        &mut self,
        helper: &'static str,
        operands: &[ir::Value],
        count: usize,
    ) -> ir::Value {
        let base = self.store_operands(operands);
        let count = self.int(count as i64);
        let passed = [self.tstate, self.frame, base, count];
        self.call(helper, &passed, Some(types::I64))
            .expect("it has a result")
    }

    /// Goes to a block unless native code is entered at an instruction.
    pub(super) fn unless_entered(&mut self, instr: ir::Value, slow: ir::Block) {
        let opcode = self.load(types::I8, instr, 0);
        let entry = i64::from(layout::ENTER_EXECUTOR as i8);
        let is_other = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, opcode, entry);
        self.unless(is_other, slow);
    }

    /// Where something of so many bytes would be pushed on the stack of frames, where it would end, and whether there is no room for it.
    pub(super) fn room(&mut self, size: i64) -> (ir::Value, ir::Value, ir::Value) {
        let top = self.load(types::I64, self.tstate, layout::TSTATE_STACK_TOP);
        let end = self.builder.ins().iadd_imm_s(top, size);
        let limit = self.load(types::I64, self.tstate, layout::TSTATE_STACK_LIMIT);
        let is_full = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, end, limit);
        (top, end, is_full)
    }

    /// Goes to a block if an event is pending, or another frame of a code object cannot be run: see [`Self::unless_deep()`].
    pub(super) fn unless_runnable(&mut self, code: ir::Value, slow: ir::Block) {
        let breaker = self.load(types::I64, self.tstate, layout::TSTATE_EVAL_BREAKER);
        let version = self.load(types::I64, code, layout::CODE_VERSION);
        let pending = self.builder.ins().icmp(IntCC::NotEqual, breaker, version);
        self.unless(pending, slow);
        self.unless_deep(slow);
    }

    /// Goes to a block if the evaluation of frames was replaced, or the recursion is too deep for another one.
    fn unless_deep(&mut self, slow: ir::Block) {
        let interpreter = self.load(types::I64, self.tstate, layout::TSTATE_INTERPRETER);
        let evaluator = self.load(types::I64, interpreter, layout::INTERPRETER_EVAL_FRAME);
        self.unless(evaluator, slow);
        let left = self.load(types::I32, self.tstate, layout::TSTATE_PY_RECURSION);
        let is_deep = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::SignedLessThan, left, 1);
        self.unless(is_deep, slow);
    }

    /// Makes a frame, which comes after a `previous` one, of a function that begins at `start`, as `_PyFrame_Initialize()`.
    fn initialize(
        &mut self,
        (previous, frame): (ir::Value, ir::Value),
        (function, start): (ir::Value, ir::Value),
        args: &[ir::Value],
        enclosed: u32,
    ) {
        let code = self.int(self.id as i64);
        self.incref(code, Type::OTHER);
        self.store(code, frame, layout::FRAME_EXECUTABLE);
        self.store(previous, frame, layout::FRAME_PREVIOUS);
        self.store(function, frame, layout::FRAME_FUNCTION);
        let globals = self.load(types::I64, function, layout::FUNCTION_GLOBALS);
        self.store(globals, frame, layout::FRAME_GLOBALS);
        let builtins = self.load(types::I64, function, layout::FUNCTION_BUILTINS);
        self.store(builtins, frame, layout::FRAME_BUILTINS);
        let null = self.int(0);
        self.store(null, frame, layout::FRAME_NAMESPACE);
        self.store(null, frame, layout::FRAME_OBJECT);
        self.store(start, frame, layout::FRAME_INSTR_PTR);
        let zero = self.builder.ins().iconst(types::I16, 0);
        self.store(zero, frame, layout::FRAME_RETURN_OFFSET);
        let owner = layout::FRAME_OWNED_BY_THREAD as i64;
        let owner = self.builder.ins().iconst(types::I8, owner);
        self.store(owner, frame, layout::FRAME_OWNER);
        for (slot, &value) in args.iter().enumerate() {
            self.store(value, frame, Self::slot(slot as u32));
        }
        let others = self.code.locals - enclosed;
        for slot in self.code.arguments..others {
            self.store(null, frame, Self::slot(slot));
        }
        if enclosed > 0 {
            let closure = self.load(types::I64, function, layout::FUNCTION_CLOSURE);
            for index in 0..enclosed {
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
            let written = self.is_written();
            let in_the_way = self.builder.ins().bor(either, written);
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
        self.go_back(next);
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
        // Nothing may be read of the frame afterwards: its chunk of the stack may be gone.
        let previous = self.load(types::I64, self.frame, layout::FRAME_PREVIOUS);
        self.pop_frame();
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
        let answer = self.int(answer);
        self.builder.ins().return_(&[answer, value]);
        // As _PyEvalHooks_ReturnValue().
        self.builder.switch_to_block(other);
        let index = self.builder.ins().sextend(types::I64, top);
        let place = self.item(previous, index);
        self.store(value, place, layout::FRAME_LOCALS);
        self.add_i32(previous, layout::FRAME_STACKTOP, 1);
        let instr = self.load(types::I64, previous, layout::FRAME_INSTR_PTR);
        let step = step(self);
        let next = self.builder.ins().iadd(instr, step);
        let none = self.int(0);
        self.builder.ins().return_(&[next, none]);
    }

    /// Goes to another block if a condition holds.
    pub(super) fn unless(&mut self, condition: ir::Value, other: ir::Block) {
        let on = self.following();
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

    /// How native code is called with so many arguments.
    pub(super) fn entry_signature(&mut self, arguments: usize) -> ir::SigRef {
        if let Some(&signature) = self.entry_signatures.get(&arguments) {
            return signature;
        }
        let imported = self.builder.import_signature(signature(arguments));
        self.entry_signatures.insert(arguments, imported);
        imported
    }

    pub(super) fn two_results(&self, call: ir::Inst) -> (ir::Value, ir::Value) {
        let results = self.builder.inst_results(call);
        (results[0], results[1])
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
