//! From the high-level representation to machine code, by Cranelift.

mod array;
mod call;
mod entry;
mod exit;
mod form;
mod generator;
mod handler;
mod helper;
mod inline;
mod iteration;
mod leave;
mod math;
mod native;
mod number;
mod object;
mod operation;
mod record;
mod sequence;

use crate::build::Entry;
use crate::exceptions::Handler;
use crate::hir::{Block, End, Function, Leave, Op, Rep, State, Type, Value};
use crate::layout;
use crate::memory::Call;
use crate::snapshot::Code;
use crate::span::{self, Span};
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{
    self, AbiParam, InstBuilder, MemFlagsData, Signature, StackSlotData, StackSlotKind, types,
};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa, TargetFrontendConfig};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use rustc_hash::{FxHashMap, FxHashSet};

pub use exit::{Exit, Inner};
pub use handler::Catch;
pub use inline::MAX_FRAMES;

/// Machine code that has not been made executable yet.
#[derive(Debug)]
pub struct Machine {
    /// The code, which is not bound to its address but for its calls.
    pub bytes: Vec<u8>,
    /// Where it calls the runtime.
    pub calls: Vec<Call>,
    /// What leaving does at each place, which the code refers to.
    pub exits: Vec<Exit>,
    /// How many of the exits, from the first, are taken before the loop is entered that it begins with.
    pub entry_exits: usize,
    /// What its handlers get, likewise.
    pub catches: Vec<Catch>,
    /// Where the code of instructions is.
    pub spans: Box<[Span]>,
    /// Whether calls enter it with their arguments.
    pub is_direct: bool,
}

/// The processor this runs on, and how much is done for it.
#[derive(Clone)]
pub struct Target {
    /// For what runs over and over.
    looping: OwnedTargetIsa,
    /// For what does not: it takes a sixth less time to compile, and runs as fast within some percent.
    straight: OwnedTargetIsa,
}

impl Target {
    /// This processor.
    ///
    /// # Errors
    /// If Cranelift does not know it.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            looping: isa("speed")?,
            straight: isa("none")?,
        })
    }
}

fn isa(opt_level: &str) -> Result<OwnedTargetIsa, String> {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", opt_level),
        // Debuggers and profilers find the frames.
        ("preserve_frame_pointers", "true"),
        (
            "enable_verifier",
            if cfg!(debug_assertions) {
                "true"
            } else {
                "false"
            },
        ),
    ] {
        flags.set(name, value).map_err(|error| error.to_string())?;
    }
    cranelift_native::builder()?
        .finish(settings::Flags::new(flags))
        .map_err(|error| error.to_string())
}

/// Compiles a function, which is entered somewhere in the code object. `caches` is the address of the caches of helpers, `id` that of the code
/// object.
///
/// # Errors
/// Says why it cannot be compiled.
pub fn compile(
    target: &Target,
    function: Function,
    code: &Code,
    entry: Entry,
    caches: u64,
    id: u64,
) -> Result<Machine, String> {
    let isa = if function.has_loop() {
        &target.looping
    } else {
        &target.straight
    };
    let is_direct = entry.is_start && call::is_direct(code);
    let arguments = if is_direct { code.arguments } else { 0 };
    let mut context = Context::new();
    context.func.signature = call::signature(arguments as usize);
    let mut frontend = FunctionBuilderContext::new();
    let builder = FunctionBuilder::new(&mut context.func, &mut frontend);
    let generator = Generator::new(builder, &function, code, caches, id);
    let (exits, entry_exits, catches) = generator.run(entry, is_direct, isa.frontend_config())?;
    // Cranelift takes the most memory.
    drop(function);
    context
        .compile(&**isa, &mut ControlPlane::default())
        .map_err(|error| message(&error.inner))?;
    let compiled = context.compiled_code().expect("it has been compiled");
    let names = &context.func.params;
    let relocations = compiled.buffer.relocs().iter();
    let calls = relocations.map(|relocation| call::near(relocation, names));
    Ok(Machine {
        calls: calls
            .collect::<Option<_>>()
            .ok_or("the machine code refers to other code")?,
        bytes: compiled.code_buffer().to_vec(),
        exits,
        entry_exits,
        catches,
        spans: span::spans(compiled.buffer.get_srclocs_sorted()),
        is_direct,
    })
}

fn message(error: &CodegenError) -> String {
    format!("Cranelift: {error}")
}

/// Memory that is aligned and accessible, but may change.
fn trusted() -> MemFlagsData {
    MemFlagsData::trusted()
}

struct Generator<'a> {
    builder: FunctionBuilder<'a>,
    function: &'a Function,
    code: &'a Code,
    /// The address of the next cache.
    cache: u64,
    id: u64,
    exits: Vec<Exit>,
    /// Blocks that leave, by what they do.
    exit_blocks: FxHashMap<(State, Leave, bool), ir::Block>,
    /// What the handlers get that are compiled, and where they begin.
    handlers: FxHashMap<Handler, (Catch, ir::Block)>,
    /// What handlers have got from the value stack of the frame, by its depth.
    taken: FxHashMap<u32, ir::Value>,
    /// Where values are handed over to an exit.
    handed_over: ir::StackSlot,
    /// Where native code is left with an exit.
    leaving: Option<ir::Block>,
    /// Where it is left to go on with an instruction.
    returning: Option<ir::Block>,
    /// Where what is in slots is released and the function returns, by the slots.
    clearing: Vec<(Vec<(u32, Type)>, ir::Block)>,
    /// What all yields have in common.
    yielding: Option<ir::Block>,
    /// Where a generator goes on that has handed over what it yields, and by which `RESUME`s it can.
    again: Option<(ir::Block, Vec<u32>)>,
    /// The most values that any exit gets.
    handed_count: usize,
    /// Where operands are handed over to a helper, and their greatest number.
    operands: ir::StackSlot,
    operand_count: usize,
    /// Where a number is that becomes another value.
    renewing: Option<ir::StackSlot>,
    /// What was on the value stack of the frame when the code was entered.
    entered: Vec<ir::Value>,
    record: Option<record::Record>,
    /// Values that stand for objects that outlive the native code.
    constants: FxHashMap<Value, u64>,
    values: FxHashMap<Value, ir::Value>,
    blocks: Vec<ir::Block>,
    signatures: FxHashMap<(usize, Option<ir::Type>), ir::SigRef>,
    /// Those of native code, by the number of arguments.
    entry_signatures: FxHashMap<usize, ir::SigRef>,
    /// Functions of the runtime, by their addresses and how they are called.
    functions: FxHashMap<(u64, ir::SigRef), ir::FuncRef>,
    frame: ir::Value,
    tstate: ir::Value,
    /// The instruction of Python that is being executed.
    at: u32,
    /// The instruction that the frame tells.
    told: Option<u32>,
    /// Whether code has run that can have changed the frame since that was last checked.
    unchecked: bool,
    /// The same at the start of blocks that a branch leads to, if it is true.
    unchecked_at: FxHashSet<Block>,
}

impl<'a> Generator<'a> {
    fn new(
        mut builder: FunctionBuilder<'a>,
        function: &'a Function,
        code: &'a Code,
        cache: u64,
        id: u64,
    ) -> Self {
        let blocks: Vec<ir::Block> = function
            .blocks
            .iter()
            .map(|_| builder.create_block())
            .collect();
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        // Their sizes are known at the end.
        let handed_over = sized(&mut builder, 8);
        let operands = sized(&mut builder, 8);
        let (frame, tstate) = {
            let params = builder.block_params(entry);
            (params[0], params[2])
        };
        Self {
            builder,
            function,
            code,
            cache,
            id,
            exits: Vec::new(),
            exit_blocks: FxHashMap::default(),
            handlers: handler::handlers(function, code, &blocks),
            taken: FxHashMap::default(),
            handed_over,
            handed_count: 1,
            operands,
            operand_count: 1,
            renewing: None,
            entered: Vec::new(),
            record: None,
            leaving: None,
            returning: None,
            clearing: Vec::new(),
            yielding: None,
            again: None,
            constants: leave::constants(function),
            values: FxHashMap::default(),
            blocks,
            signatures: FxHashMap::default(),
            entry_signatures: FxHashMap::default(),
            functions: FxHashMap::default(),
            frame,
            tstate,
            at: 0,
            told: None,
            unchecked: false,
            unchecked_at: FxHashSet::default(),
        }
    }

    fn run(
        mut self,
        entry: Entry,
        is_direct: bool,
        config: TargetFrontendConfig,
    ) -> Result<(Vec<Exit>, usize, Vec<Catch>), String> {
        if is_direct {
            self.take_call();
        }
        if self.code.is_generator {
            self.begin_again(entry);
        }
        self.take_frame();
        let mut entry_exits = 0;
        let mut is_cold = false;
        for (index, data) in self.function.blocks.iter().enumerate() {
            let block = self.blocks[index];
            self.builder.switch_to_block(block);
            // What only handlers lead to comes last.
            is_cold |= data.handler.is_some();
            if is_cold {
                self.builder.set_cold_block(block);
            }
            for &param in &data.params {
                let ty = representation(self.function.rep(param));
                let value = self.builder.append_block_param(block, ty);
                self.values.insert(param, value);
            }
            self.told = None;
            self.forget_record();
            self.unchecked = self.unchecked_at.contains(&Block(index as u32));
            if data.handler.is_some() {
                self.begin_handler(data);
            }
            for inst in &data.insts {
                self.inst(inst)?;
            }
            if entry.is_loop && index == 0 {
                self.forget_exits();
                entry_exits = self.exits.len();
            }
            self.end(&data.end);
        }
        self.end_clearing();
        self.end_leaving();
        for (slot, count) in [
            (self.handed_over, self.handed_count),
            (self.operands, self.operand_count),
        ] {
            self.builder.func.sized_stack_slots[slot].size = 8 * count as u32;
        }
        self.end_record();
        self.builder.seal_all_blocks();
        self.builder.finalize(config);
        let catches = self.handlers.into_values().map(|(catch, _)| catch);
        Ok((self.exits, entry_exits, catches.collect()))
    }

    /// Takes the frame over from the interpreter.
    fn take_frame(&mut self) {
        let insts = self.function.blocks.iter().flat_map(|block| &block.insts);
        let heights = insts.map(|inst| match inst.op {
            Op::LoadStack(depth) => depth + 1,
            _ => 0,
        });
        for depth in 0..heights.max().unwrap_or(0) {
            let offset = self.stack(depth as usize);
            let value = self.load(types::I64, self.frame, offset);
            self.entered.push(value);
        }
        self.begin_record();
        let native = self.int32(layout::NATIVE);
        self.store(native, self.frame, layout::FRAME_STACKTOP);
        self.builder.ins().jump(self.blocks[0], &[]);
    }

    /// A loop has been entered: what had kept that from being done, as variables that get their first value in it, has passed.
    fn forget_exits(&mut self) {
        let addresses: Vec<u64> = self.exits.iter().map(Exit::address).collect();
        for address in addresses {
            let (zero, exit) = (self.int32(0), self.int(address as i64));
            self.store(zero, exit, layout::EXIT_TIMES);
        }
    }

    fn end(&mut self, end: &End) {
        match end {
            End::Jump(target, args) => {
                let args: Vec<ir::BlockArg> =
                    args.iter().map(|&value| self.get(value).into()).collect();
                let target = self.target(*target);
                self.builder.ins().jump(target, &args);
            }
            End::Branch(condition, yes, no) => {
                let condition = self.get(*condition);
                if self.unchecked {
                    self.unchecked_at.extend([*yes, *no]);
                }
                let (yes, no) = (self.target(*yes), self.target(*no));
                self.builder.ins().brif(condition, yes, &[], no, &[]);
            }
            End::Exit(state, leave) => self.leave(*state, leave, false),
            End::Reraise(state, leave) => self.reraise(*state, leave),
            End::Return(value, slots) => {
                let value = self.get(*value);
                self.finish(value, slots);
            }
            End::Yield(end) => self.suspend(end),
            End::Enter(resumes, other) => self.enter_at(resumes, *other),
            End::Unreachable => {
                self.builder
                    .ins()
                    .trap(ir::TrapCode::user(1).expect("not 0"));
            }
        }
    }

    fn target(&self, block: Block) -> ir::Block {
        self.blocks[block.0 as usize]
    }

    fn get(&self, value: Value) -> ir::Value {
        self.values[&value]
    }

    fn int(&mut self, value: i64) -> ir::Value {
        self.builder.ins().iconst(types::I64, value)
    }

    fn int32(&mut self, value: i64) -> ir::Value {
        self.builder.ins().iconst(types::I32, value)
    }

    fn load(&mut self, ty: ir::Type, base: ir::Value, offset: usize) -> ir::Value {
        self.builder.ins().load(ty, trusted(), base, offset as i32)
    }

    fn store(&mut self, value: ir::Value, base: ir::Value, offset: usize) {
        self.builder
            .ins()
            .store(trusted(), value, base, offset as i32);
    }

    fn slot(slot: u32) -> usize {
        layout::FRAME_LOCALS + 8 * slot as usize
    }

    fn stack(&self, depth: usize) -> usize {
        layout::FRAME_LOCALS + 8 * (self.code.locals as usize + depth)
    }

    /// Calls a function of the C side by its name.
    fn call(
        &mut self,
        name: &str,
        args: &[ir::Value],
        returns: Option<ir::Type>,
    ) -> Option<ir::Value> {
        let signature = self.signature(args, returns);
        let call = self.call_address(crate::runtime::helper(name), signature, args);
        self.builder.inst_results(call).first().copied()
    }

    /// The signature of a function of C by what it gets.
    fn signature(&mut self, args: &[ir::Value], returns: Option<ir::Type>) -> ir::SigRef {
        let floats = args
            .iter()
            .any(|&value| self.builder.func.dfg.value_type(value) == types::F64);
        let known = self.signatures.get(&(args.len(), returns));
        if let (false, Some(&signature)) = (floats, known) {
            return signature;
        }
        let mut signature = Signature::new(CallConv::SystemV);
        for &value in args {
            let ty = self.builder.func.dfg.value_type(value);
            signature.params.push(AbiParam::new(ty));
        }
        signature.returns.extend(returns.map(AbiParam::new));
        let signature = self.builder.import_signature(signature);
        if !floats {
            self.signatures.insert((args.len(), returns), signature);
        }
        signature
    }

    /// Calls a function of the C side by its address.
    fn call_address(
        &mut self,
        address: u64,
        signature: ir::SigRef,
        args: &[ir::Value],
    ) -> ir::Inst {
        if call::IS_NEAR {
            let function = self.near_function(address, signature);
            return self.builder.ins().call(function, args);
        }
        let address = self.int(address as i64);
        self.builder.ins().call_indirect(signature, address, args)
    }

    /// Goes on in a block that is seldom entered if a condition holds; gives it and the one to go on in otherwise.
    fn seldom(&mut self, condition: ir::Value) -> (ir::Block, ir::Block) {
        let (cold, on) = (self.builder.create_block(), self.following());
        self.builder.set_cold_block(cold);
        self.builder.ins().brif(condition, cold, &[], on, &[]);
        (cold, on)
    }

    /// A block for what follows in the current one: it is seldom entered if that is.
    fn following(&mut self) -> ir::Block {
        let current = self.builder.current_block().expect("there is one");
        let block = self.builder.create_block();
        if self.builder.func.layout.is_cold(current) {
            self.builder.set_cold_block(block);
        }
        block
    }
}

/// A place on the stack of C.
fn sized(builder: &mut FunctionBuilder, size: usize) -> ir::StackSlot {
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size as u32, 3);
    builder.create_sized_stack_slot(data)
}

/// The type of Cranelift for a representation.
fn representation(rep: Rep) -> ir::Type {
    match rep {
        Rep::Object | Rep::Int => types::I64,
        Rep::Float => types::F64,
        Rep::Bool => types::I8,
    }
}
