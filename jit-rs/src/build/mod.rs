//! Builds the high-level representation from bytecode, its inline caches and what is known of its operands.
//!
//! The code is interpreted abstractly, block by block in reverse post-order. Ints and floats stay unboxed as long as
//! nobody needs the object; a local variable that is unboxed is written to its slot when somebody may look. Where edges
//! meet, the first one decides how each variable comes in. If a later one does not fit, the shape of the block is
//! widened and the function built again; if a loop finds a variable to be a number in the end that came in as an object,
//! the guard moves before the loop.

mod access;
mod builtin;
mod call;
mod env;
mod flow;
mod form;
mod generator;
mod handler;
mod held;
mod inline;
mod inlinee;
mod instruction;
mod iteration;
mod live;
mod merge;
mod native;
mod number;
mod operator;
mod peel;
mod place;
mod quiet;
mod slice;
mod subscript;
mod unseen;
mod variable;

use crate::hir::{
    Block, Convention, End, FrameState, Function, Helper, Inst, Leave, Op, Rep, State, Type, Value,
};
pub use crate::history::{Entry, Handlers, History};
use crate::snapshot::{Code, Instruction};
use env::{Env, Local, Shape, boxed_type};
use handler::Caught;
pub use handler::{is_compiled, start_of};
use inline::Inlining;
pub use inlinee::inlinee;
use peel::Peeled;
use rustc_hash::{FxHashMap, FxHashSet};

/// More than any code object needs; a bug must not build for ever.
const MAX_ATTEMPTS: usize = 60;

/// Builds the function of an entry.
///
/// # Errors
/// Says why the code cannot be compiled.
pub fn build(code: &Code, entry: Entry, history: &History) -> Result<Function, String> {
    let entries = flow::entries(code, entry.offset);
    let flow = flow::flow(code, &entries, entry.is_loop, &history.handlers);
    let live = live::live(code, &flow);
    let mut shapes = FxHashMap::default();
    let mut caught = FxHashMap::default();
    let mut pinned = FxHashSet::default();
    let mut refused = FxHashSet::default();
    let mut peeled = Peeled::default();
    let mut attempts = 0;
    while attempts < MAX_ATTEMPTS {
        let mut builder = Builder {
            code,
            history,
            flow: &flow,
            live: &live,
            function: Function::default(),
            block: Block(0),
            env: Env::default(),
            state: State(0),
            instruction: Instruction {
                start: entry.offset,
                offset: entry.offset,
                next: entry.offset,
                opcode: 0,
                specialized: 0,
                oparg: 0,
            },
            shapes,
            pinned,
            caught,
            peeled,
            to_peel: Vec::new(),
            leader: None,
            is_cold: false,
            closed: FxHashSet::default(),
            open: FxHashMap::default(),
            merges: FxHashMap::default(),
            resumes: Vec::new(),
            inlining: Inlining::default(),
            methods: FxHashMap::default(),
            builtins: FxHashMap::default(),
            modules: FxHashMap::default(),
            functions: FxHashMap::default(),
            refused,
            again: false,
        };
        let result = builder.run(entry);
        let unfit = builder.inlining.refused();
        if unfit.is_none() {
            result?;
            attempts += 1;
        }
        let is_settled = unfit.is_none() && !builder.again;
        if is_settled {
            builder.to_peel = builder.quiet_loops();
        }
        refused = builder.refused;
        refused.extend(unfit);
        shapes = builder.shapes;
        pinned = builder.pinned;
        caught = builder.caught;
        peeled = builder.peeled;
        let mut is_peeled = false;
        for header in builder.to_peel {
            if let Some(body) = peeled.peel(code, &flow, header) {
                is_peeled = true;
                // What has been found about it is not true of the rounds.
                shapes.retain(|place, _| !body.contains(place));
                pinned.retain(|(place, _)| !body.contains(place));
            }
        }
        if is_settled && !is_peeled {
            return Ok(builder.function);
        }
    }
    Err("the types of its variables do not settle".into())
}

struct Builder<'a> {
    code: &'a Code,
    history: &'a History,
    flow: &'a flow::Flow,
    live: &'a live::Live,
    function: Function,
    /// The block that is being built.
    block: Block,
    env: Env,
    /// The state before the current instruction.
    state: State,
    instruction: Instruction,
    /// How blocks where edges meet are entered, by their place: see `peel.rs`.
    shapes: FxHashMap<u32, Shape>,
    /// Variables and places of the stack that keep the shape they have, by the place of the block.
    pinned: FxHashSet<(u32, usize)>,
    /// What handlers get, by where they begin.
    caught: FxHashMap<u32, Caught>,
    /// The loops whose first round is built on its own.
    peeled: Peeled,
    /// Loops that had better be, by where they begin.
    to_peel: Vec<u32>,
    /// The place where what is being built began, unless native code is entered there.
    leader: Option<u32>,
    /// Whether handlers and what follows them is being built.
    is_cold: bool,
    /// Loops whose end has been built.
    closed: FxHashSet<u32>,
    /// Blocks that one edge leads to, which go on where it comes from.
    open: FxHashMap<u32, (Block, Env)>,
    /// The blocks where edges meet that have been reached.
    merges: FxHashMap<u32, Block>,
    /// The blocks of the instructions that native code is entered by besides the one it is built for.
    resumes: Vec<(u32, Block)>,
    /// What is being executed in place of calls, and the calls where that cannot be done.
    inlining: Inlining<'a>,
    refused: FxHashSet<u32>,
    /// Values that are methods of built-in types: how they are called, and the address of what is.
    methods: FxHashMap<Value, (Convention, u64)>,
    /// The same of built-in functions that variables are relied on to hold.
    builtins: FxHashMap<Value, (Convention, u64)>,
    /// Values that are modules that variables are relied on to hold, with their addresses.
    modules: FxHashMap<Value, u64>,
    /// Values that are functions whose globals and builtins are known, with the addresses of these.
    functions: FxHashMap<Value, (u64, u64)>,
    /// Whether a shape has changed.
    again: bool,
}

impl<'a> Builder<'a> {
    fn run(&mut self, entry: Entry) -> Result<(), String> {
        self.block = self.function.block();
        if self.code.is_entered_elsewhere() {
            // The first block leads here.
            self.block = self.function.block();
        }
        let first = self.block;
        self.land(entry.offset, entry.depth, entry.is_start);
        if let Some(start) = flow::start(self.code) {
            self.land_at(start, 0);
        }
        let order = self.peeled.order(self.flow);
        let mut built = FxHashSet::default();
        loop {
            let before = built.len();
            for &leader in &order {
                if !built.contains(&leader) && self.reach(leader) {
                    built.insert(leader);
                    self.straight(leader)?;
                }
            }
            // A handler can lead to what comes before it in the order.
            if built.len() == before {
                break;
            }
        }
        if self.code.is_entered_elsewhere() {
            self.link_resumes(first);
        }
        Ok(())
    }

    /// Begins a block, if something leads to it.
    fn reach(&mut self, leader: u32) -> bool {
        self.leader = None;
        if let Some(&handler) = self.flow.handlers.get(&leader) {
            self.catch(handler);
        }
        if self.meet(peel::offset(leader)) {
            let Some(&block) = self.merges.get(&leader) else {
                return false;
            };
            self.enter(leader, block);
        } else {
            let Some((block, env)) = self.open.remove(&leader) else {
                return false;
            };
            self.block = block;
            self.env = env;
        }
        self.leader = Some(leader);
        true
    }

    /// Whether edges meet at an instruction.
    fn meet(&self, offset: u32) -> bool {
        self.flow.merges.contains(&offset) || self.peeled.meet(offset)
    }

    /// Builds instructions until the block ends.
    fn straight(&mut self, leader: u32) -> Result<(), String> {
        let mut offset = peel::offset(leader);
        loop {
            let instruction = *self
                .code
                .at(offset)
                .ok_or_else(|| format!("jumps into the middle of an instruction at {offset}"))?;
            self.instruction = instruction;
            self.state = self.state_at(instruction.start);
            let Some(next) = self.instruction()? else {
                return Ok(());
            };
            offset = next;
            if self.meet(offset) || !self.flow.instructions.contains(&offset) {
                self.go(offset);
                return Ok(());
            }
        }
    }

    // Emitting

    fn emit(&mut self, op: Op, args: &[Value], result: Option<Value>, state: Option<State>) {
        if self.is_inlined() && !self.inlining.admits(op, args) {
            return;
        }
        if op.runs_code() {
            self.forget_memory();
        }
        self.hold(op, result);
        if op.raises() {
            self.raises();
        }
        self.function.blocks[self.block.0 as usize]
            .insts
            .push(Inst {
                op,
                args: args.to_vec(),
                result,
                state,
                leave: Leave::default(),
            });
    }

    /// Emits an instruction with a result that does not leave.
    fn value(&mut self, op: Op, args: &[Value], ty: Type) -> Value {
        self.value_or_leave(op, args, ty, None)
    }

    fn value_or_leave(&mut self, op: Op, args: &[Value], ty: Type, state: Option<State>) -> Value {
        let rep = op.result().expect("the operation has a result");
        let value = self.function.value(rep, ty);
        self.emit(op, args, Some(value), state);
        value
    }

    /// Emits an instruction that leaves to the current instruction if a guess is wrong.
    fn guard(&mut self, op: Op, args: &[Value]) {
        self.emit(op, args, None, Some(self.state));
    }

    fn guarded(&mut self, op: Op, args: &[Value], ty: Type) -> Value {
        self.value_or_leave(op, args, ty, Some(self.state))
    }

    fn end(&mut self, end: End) {
        self.function.blocks[self.block.0 as usize].end = end;
    }

    fn object(&mut self, address: u64, ty: Type) -> Value {
        self.value(Op::Object(address), &[], ty)
    }

    // Knowledge

    fn ty(&self, value: Value) -> Type {
        match self.function.rep(value) {
            Rep::Object => {
                let ty = self.function.ty(value);
                self.env.types.get(&value).map_or(ty, |known| known.and(ty))
            }
            rep => boxed_type(rep),
        }
    }

    fn learn(&mut self, value: Value, ty: Type) {
        if self.function.rep(value) == Rep::Object {
            let ty = self.ty(value).and(ty);
            self.env.types.insert(value, ty);
        }
    }

    /// The opcode to guess by.
    fn guess(&self) -> u8 {
        if self.may_guess() {
            self.instruction.specialized
        } else {
            self.instruction.opcode
        }
    }

    fn may_guess(&self) -> bool {
        self.history.may_guess(self.instruction.start)
    }

    /// Whether one guess at the current instruction was wrong, and another may be made.
    fn may_guess_again(&self) -> bool {
        self.has_guessed_wrong(1)
    }

    /// Whether so many guesses at the current instruction were wrong.
    fn has_guessed_wrong(&self, times: u32) -> bool {
        let refuted = self.history.refuted.get(&self.instruction.start);
        !self.history.generic && refuted == Some(&times)
    }

    /// The types of operands that the interpreter has seen at this instruction, of which its form says nothing, in the order
    /// they are pushed.
    fn seen(&self) -> [Type; 3] {
        let seen = self.code.feedback.seen.get(&self.instruction.offset);
        match seen {
            Some(&seen) if self.may_guess() => seen,
            _ => [Type::NEVER; 3],
        }
    }

    /// Makes sure that an object is of a type; false if it never is.
    fn require(&mut self, value: Value, ty: Type) -> bool {
        let known = self.ty(value);
        if known.is(ty) {
            return true;
        }
        if !known.may_be(ty) {
            return false;
        }
        self.guard(Op::GuardType(ty), &[value]);
        self.learn(value, ty);
        true
    }

    // Representations

    fn boxed(&mut self, value: Value) -> Value {
        let op = match self.function.rep(value) {
            Rep::Object => return value,
            Rep::Int => Op::BoxInt,
            Rep::Float => Op::BoxFloat,
            Rep::Bool => Op::BoxBool,
        };
        if let Some(&object) = self.env.boxed.get(&value) {
            return object;
        }
        let object = self.value(op, &[value], boxed_type(self.function.rep(value)));
        self.env.boxed.insert(value, object);
        self.env.raw.insert(object, value);
        object
    }

    /// The value of an object that is known to be of a type with one.
    fn unboxed(&mut self, value: Value, state: State) -> Value {
        if self.function.rep(value) != Rep::Object {
            return value;
        }
        if let Some(&raw) = self.env.raw.get(&value) {
            return raw;
        }
        let ty = self.ty(value);
        let raw = if ty == Type::INT {
            self.value_or_leave(Op::UnboxInt, &[value], Type::NEVER, Some(state))
        } else if ty == Type::FLOAT {
            self.value(Op::UnboxFloat, &[value], Type::NEVER)
        } else {
            self.value(Op::UnboxBool, &[value], Type::NEVER)
        };
        self.env.raw.insert(value, raw);
        self.env.boxed.insert(raw, value);
        raw
    }

    // The stack

    fn push(&mut self, value: Value) {
        self.env.stack.push(value);
    }

    fn pop(&mut self) -> Value {
        self.env
            .stack
            .pop()
            .expect("the compiler of CPython keeps the stack balanced")
    }

    fn pop_boxed(&mut self) -> Value {
        let value = self.pop();
        self.boxed(value)
    }

    // Local variables

    fn load(&mut self, slot: u32) -> Value {
        let local = self.env.locals[slot as usize];
        if let Some(value) = local.raw.or(local.object) {
            // The compiler has made sure of it.
            self.env.unsure.remove(&value);
            return value;
        }
        if let Some(unbound) = self.inlining.unbound() {
            return unbound;
        }
        // The compiler has made sure that it is bound.
        let value = self.value(Op::LoadLocal(slot), &[], local.slot.without(Type::NULL));
        self.env.locals[slot as usize].object = Some(value);
        value
    }

    /// Stores into a variable. What it releases may look at the frame; if that writes to it, native code is left when the
    /// instruction is finished.
    fn store(&mut self, slot: u32, value: Value, finishes: bool) {
        if self.is_inlined() {
            self.store_inlined(slot, value);
            return;
        }
        let old = self.slot_type(slot);
        let scalar = old.is(Type::SCALAR | Type::NULL);
        let op;
        let mut args = vec![];
        if matches!(self.function.rep(value), Rep::Int | Rep::Float) {
            self.env.locals[slot as usize] = Local {
                // Releasing the last reference to something may write the value there.
                slot: Type::SCALAR | Type::NULL,
                object: None,
                raw: Some(value),
            };
            if scalar {
                return;
            }
            op = Op::DeleteLocal(slot, old);
        } else {
            let object = self.boxed(value);
            self.env.locals[slot as usize] = Local {
                slot: self.ty(object),
                object: Some(object),
                raw: None,
            };
            args.push(object);
            op = Op::StoreLocal(slot, old);
        }
        let state = (!scalar).then(|| {
            self.state_at(if finishes {
                self.instruction.next
            } else {
                self.instruction.offset
            })
        });
        self.emit(op, &args, None, state);
    }

    /// What the slot of a variable holds, as far as it is known by now.
    fn slot_type(&self, slot: u32) -> Type {
        let local = self.env.locals[slot as usize];
        match local.object {
            Some(object) if !local.slot.may_be(Type::NULL) => local.slot.and(self.ty(object)),
            _ => local.slot,
        }
    }

    /// Writes an unboxed variable to its slot.
    fn sync_local(&mut self, slot: u32) {
        let local = self.env.locals[slot as usize];
        if let Some(raw) = local.raw
            && let Some(&bound) = self.env.unsure.get(&raw)
        {
            self.emit(Op::SyncLocal(slot), &[raw, bound], None, None);
            self.env.locals[slot as usize] = Local {
                slot: local.slot | boxed_type(self.function.rep(raw)),
                object: None,
                raw: None,
            };
        } else if let Some(raw) = local.raw {
            let object = self.boxed(raw);
            self.emit(Op::StoreLocal(slot, local.slot), &[object], None, None);
            self.env.locals[slot as usize] = Local {
                slot: self.ty(object),
                object: Some(object),
                raw: None,
            };
        }
    }

    // Calls

    /// Calls a helper with operands that have been popped, in the order they were pushed.
    fn call(&mut self, helper: Helper, number: u64, args: &[Value], ty: Type) -> Option<Value> {
        let args: Vec<Value> = args.iter().map(|&value| self.boxed(value)).collect();
        let op = Op::Call(helper, number);
        let state = (op.leaves() || op.runs_code()).then(|| self.state_at(self.instruction.offset));
        let result = op.result().map(|rep| self.function.value(rep, ty));
        self.emit(op, &args, result, state);
        result
    }

    fn call_value(&mut self, helper: Helper, number: u64, args: &[Value], ty: Type) -> Value {
        self.call(helper, number, args, ty)
            .expect("the helper has a result")
    }

    // States and edges

    fn state_at(&mut self, offset: u32) -> State {
        let (offset, locals, stack, inlined) = match self.around() {
            Some((call, locals)) => {
                let (stack, inlined) = self.inlined_state(offset);
                (call, locals, stack, inlined)
            }
            None => (offset, &self.env.locals[..], self.env.stack.clone(), vec![]),
        };
        let dirty = locals
            .iter()
            .enumerate()
            .filter_map(|(slot, local)| Some((slot as u32, local.raw?)));
        let dirty: Vec<(u32, Value)> = dirty.collect();
        let unsure = dirty.iter();
        let unsure = unsure.filter_map(|(slot, raw)| Some((*slot, *self.env.unsure.get(raw)?)));
        let unsure = unsure.collect();
        self.function.states.push(FrameState {
            tuples: Vec::new(),
            objects: Vec::new(),
            is_edge: false,
            offset,
            stack,
            dirty,
            unsure,
            inlined,
        });
        State(self.function.states.len() as u32 - 1)
    }

    /// The end of an instruction, after which the interpreter would go on at an offset.
    fn boundary(&mut self, op: Op, offset: u32) {
        self.let_go();
        let state = self.state_at(offset);
        self.emit(op, &[], None, Some(state));
    }

    fn branch(&mut self, condition: Value, yes: u32, no: u32) {
        if self.is_inlined()
            && let Some(&truth) = self.env.bools.get(&condition)
        {
            self.go(if truth { yes } else { no });
            return;
        }
        let blocks = self.split(condition);
        let env = self.env.clone();
        self.begin(blocks.0);
        self.boundary(Op::Boundary, yes);
        self.go(yes);
        self.env = env;
        self.begin(blocks.1);
        self.boundary(Op::Boundary, no);
        self.go(no);
    }

    /// Goes on with the current instruction in a block that a branch leads to.
    fn begin(&mut self, block: Block) {
        self.block = block;
        self.emit(Op::At(self.at()), &[], None, None);
    }

    fn split(&mut self, condition: Value) -> (Block, Block) {
        let blocks = (self.function.block(), self.function.block());
        self.end(End::Branch(condition, blocks.0, blocks.1));
        blocks
    }

    /// Ends the block with an edge.
    fn go(&mut self, target: u32) {
        if self.is_inlined() {
            self.inlining.branch(target, self.block, self.env.clone());
            return;
        }
        if !self.flow.instructions.contains(&target) {
            let state = self.state_at(target);
            self.end(End::Exit(state, Leave::default()));
            return;
        }
        let place = self.peeled.place(self.leader, target);
        if !self.meet(target) {
            self.open.insert(place, (self.block, self.env.clone()));
            return;
        }
        if !self.shapes.contains_key(&place) {
            let shape = self.shape();
            self.shapes.insert(place, shape);
        }
        let known = self.merges.get(&place).copied();
        let is_back_edge = known.is_some() && self.is_built(place);
        let block = known.unwrap_or_else(|| {
            let block = self.function.block();
            self.merges.insert(place, block);
            block
        });
        // What only a handler finds out is no reason to expect it.
        if is_back_edge && (self.closed.insert(place) || !self.is_cold) {
            self.narrow(place);
        }
        let state = self.state_at(target);
        self.function.states[state.0 as usize].is_edge = true;
        match self.conform(place, state) {
            Some(args) => self.end(End::Jump(block, args)),
            None => {
                self.again = true;
                let state = self.state_at(target);
                self.end(End::Exit(state, Leave::default()));
            }
        }
    }
}
