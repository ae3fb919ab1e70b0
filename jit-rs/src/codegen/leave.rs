//! Leaving native code.

use super::Generator;
use super::call::RETURNED;
use super::exit::{Act, Action, Exit, Inner, Plan, Push};
use super::record::Unboxed;
use crate::hir::{CallKind, FrameState, Function, Inlined, Leave, Op, Rep, State, Value};
use crate::snapshot::Inlinee;
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What the runtime gives if native code goes on: `CLINKER_STAY`.
pub(super) const STAY: i64 = 1;

/// A frame, and the index among its slots, which the stack follows.
type Place = (u8, usize);

/// Makes the plan of an exit.
#[derive(Default)]
pub(super) struct Planner {
    /// What the steps refer to; the values of the plan are indices here.
    values: Vec<Value>,
    actions: Vec<Action>,
    /// Values that have an object by now.
    boxed: FxHashSet<Value>,
    /// The indices of values that stand for one variable only, which may be skipped.
    skipped: FxHashSet<usize>,
}

impl Planner {
    fn act(&mut self, act: Act, place: Place, value: Value) {
        let mut values = self.values.iter().enumerate();
        let known = values.find(|(index, known)| **known == value && !self.skipped.contains(index));
        let index = known.map(|(index, _)| index);
        let index = index.unwrap_or_else(|| self.add(value));
        self.act_on(act, place, index);
    }

    fn add(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len() - 1
    }

    fn act_on(&mut self, act: Act, place: Place, index: usize) {
        self.actions.push(Action {
            act,
            frame: place.0,
            place: place.1 as u16,
            value: index as u32,
        });
    }

    /// Puts unboxed variables into their slots, and those that may be unbound only if they are not.
    pub(super) fn slots(&mut self, function: &Function, unboxed: &Unboxed) {
        for &(slot, value) in &unboxed.values {
            let bound = unboxed.unsure.iter().find(|(unsure, _)| *unsure == slot);
            let (place, rep) = ((0, slot as usize), function.rep(value));
            if let Some(&(_, bound)) = bound {
                // Making the object, which nothing else gets, and putting it there.
                self.act(Act::SkipUnless, (0, 2), bound);
                let index = self.add(value);
                self.skipped.insert(index);
                self.act_on(boxing(rep), place, index);
                self.act_on(Act::Slot, place, index);
            } else {
                self.put(rep, (Act::Slot, Act::SlotShared), place, value);
            }
        }
    }

    /// Puts an unboxed value somewhere: one object, wherever it is needed.
    fn put(&mut self, rep: Rep, acts: (Act, Act), place: Place, value: Value) {
        let (first, shared) = acts;
        if self.boxed.insert(value) {
            self.act(boxing(rep), place, value);
            self.act(first, place, value);
        } else {
            self.act(shared, place, value);
        }
    }
}

/// What makes an object of a value.
fn boxing(rep: Rep) -> Act {
    match rep {
        Rep::Float => Act::BoxFloat,
        Rep::Bool => Act::BoxBool,
        _ => Act::BoxInt,
    }
}

impl Generator<'_> {
    /// Leaves in a block that is seldom entered if a condition holds.
    pub(super) fn leave_if(
        &mut self,
        condition: ir::Value,
        state: State,
        leave: &Leave,
        refutes: bool,
    ) {
        let key = (state, leave.clone(), refutes);
        if let Some(&cold) = self.exit_blocks.get(&key) {
            let on = self.following();
            self.builder.ins().brif(condition, cold, &[], on, &[]);
            self.builder.switch_to_block(on);
            return;
        }
        let (cold, on) = self.seldom(condition);
        self.exit_blocks.insert(key, cold);
        self.builder.switch_to_block(cold);
        self.leave(state, leave, refutes);
        self.builder.switch_to_block(on);
    }

    /// Lets the interpreter go on with a state. Counts the exit if it refutes a guess.
    pub(super) fn leave(&mut self, state: State, leave: &Leave, refutes: bool) {
        let (plan, values) = self.plan(state, leave, self.resumed(state), refutes);
        self.leave_as(plan, values);
    }

    /// Leaves as a plan says, to which the values have to be handed over: by a block that all exits share, since they are many.
    pub(super) fn leave_as(&mut self, plan: Plan, values: Vec<Value>) {
        let exit = self.hand_over(plan, values);
        let leaving = self.leaving.unwrap_or_else(|| self.shared_block());
        self.leaving = Some(leaving);
        self.builder.ins().jump(leaving, &[exit.into()]);
    }

    /// Gives the interpreter an instruction to go on with, which a helper has returned, by a block that all such places share.
    pub(super) fn go_back(&mut self, next: ir::Value) {
        let returning = self.returning.unwrap_or_else(|| self.shared_block());
        self.returning = Some(returning);
        self.builder.ins().jump(returning, &[next.into()]);
    }

    /// Makes the blocks that are shared.
    pub(super) fn end_leaving(&mut self) {
        if let Some(leaving) = self.leaving {
            self.builder.switch_to_block(leaving);
            let exit = self.builder.block_params(leaving)[0];
            let next = self.call_exit("leave", exit, &[]);
            self.go_back(next);
        }
        if let Some(returning) = self.returning {
            self.builder.switch_to_block(returning);
            let next = self.builder.block_params(returning)[0];
            // clinker_return() has one.
            let returned = self.int(runtime::returned() as i64);
            let value = self.load(types::I64, returned, 0);
            let none = self.int(0);
            let has_value = self.builder.ins().icmp_imm_s(IntCC::Equal, next, RETURNED);
            let value = self.builder.ins().select(has_value, value, none);
            self.builder.ins().return_(&[next, value]);
        }
    }

    /// A block that gets an address and is seldom entered.
    fn shared_block(&mut self) -> ir::Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        self.builder.append_block_param(block, types::I64);
        block
    }

    /// Leaves with an exception if a condition holds.
    pub(super) fn raise_if(&mut self, condition: ir::Value, state: State, leave: &Leave) {
        let (cold, on) = self.seldom(condition);
        self.builder.switch_to_block(cold);
        self.raise(state, leave);
        self.builder.switch_to_block(on);
    }

    /// Calls the function of the C side that leaves, or may leave, with a state; gives what native code returns.
    pub(super) fn exit(
        &mut self,
        function: &str,
        state: State,
        leave: &Leave,
        next: u64,
        more: &[ir::Value],
    ) -> ir::Value {
        let (plan, values) = self.plan(state, leave, next, false);
        let exit = self.hand_over(plan, values);
        self.call_exit(function, exit, more)
    }

    /// Makes an exit and hands the values over to it; gives its address.
    fn hand_over(&mut self, plan: Plan, values: Vec<Value>) -> ir::Value {
        for (index, value) in values.into_iter().enumerate() {
            let raw = self.word(value);
            self.builder
                .ins()
                .stack_store(types::I64, raw, self.handed_over, 8 * index as i32);
            self.handed_count = self.handed_count.max(index + 1);
        }
        let exit = Exit::new(plan);
        let address = self.int(exit.address() as i64);
        self.exits.push(exit);
        address
    }

    /// A value as it is handed over to the runtime.
    pub(super) fn word(&mut self, value: Value) -> ir::Value {
        let raw = self.get(value);
        if self.function.rep(value) == Rep::Bool {
            return self.builder.ins().uextend(types::I64, raw);
        }
        raw
    }

    fn call_exit(&mut self, function: &str, exit: ir::Value, more: &[ir::Value]) -> ir::Value {
        let values = self
            .builder
            .ins()
            .stack_addr(types::I64, self.handed_over, 0);
        let mut args = vec![self.frame, exit, values];
        args.extend_from_slice(more);
        self.call(function, &args, Some(types::I64))
            .expect("it has a result")
    }

    /// What leaving with a state does, and the values that have to be handed over for it.
    pub(super) fn plan(
        &self,
        state: State,
        leave: &Leave,
        next: u64,
        refutes: bool,
    ) -> (Plan, Vec<Value>) {
        let function = self.function;
        let state = function.state(state);
        let mut planner = Planner::default();
        planner.slots(function, &Unboxed::of(state));
        let slots = planner.actions.len();
        let mut borrowed: FxHashMap<Value, usize> = FxHashMap::default();
        for &value in &leave.take {
            *borrowed.entry(value).or_default() += 1;
        }
        for object in &state.objects {
            // It has one reference when it has been made.
            let places = state.stack.iter().filter(|value| **value == object.value);
            borrowed.insert(object.value, places.count() - 1);
        }
        let mut put = |planner: &mut Planner, acts: (Act, Act), place, value| {
            let rep = function.rep(value);
            if rep == Rep::Object {
                let left = borrowed.entry(value).or_default();
                let act = if *left > 0 { acts.1 } else { acts.0 };
                *left = left.saturating_sub(1);
                planner.act(act, place, value);
            } else {
                planner.put(rep, acts, place, value);
            }
        };
        for object in &state.objects {
            put(
                &mut planner,
                (Act::Item, Act::ItemShared),
                (0, 0),
                object.class,
            );
            for &(offset, value) in &object.fields {
                let place = (0, offset as usize);
                put(&mut planner, (Act::Item, Act::ItemShared), place, value);
            }
            planner.act(Act::Instance, (0, 0), object.value);
        }
        let is_made = |index: usize| {
            let mut tuples = state.tuples.iter();
            tuples.any(|tuple| tuple.places.contains(&(index as u32)))
        };
        for (index, &value) in state.stack.iter().enumerate() {
            if !is_made(index) {
                let (place, acts) = self.place(state, index);
                put(&mut planner, acts, place, value);
            }
        }
        for tuple in &state.tuples {
            for &item in &tuple.items {
                put(&mut planner, (Act::Item, Act::ItemShared), (0, 0), item);
            }
            let mut act = match tuple.items[..] {
                [] => Act::Keywords,
                _ => Act::Tuple,
            };
            for &index in &tuple.places {
                let (place, _) = self.place(state, index as usize);
                planner.act(act, place, state.stack[index as usize]);
                act = Act::TupleAgain;
            }
        }
        for &value in &leave.drop {
            planner.act(Act::Drop, (0, 0), value);
        }
        let height = |end: Option<&Inlined>, begin: u32| {
            end.map_or(state.stack.len() as u32, |end| end.base) - begin
        };
        let (actions, constants, handed) = self.parts(planner);
        let plan = Plan {
            next,
            actions,
            slots,
            constants,
            pushes: self.pushes(state),
            instr: self.code.address + 2 * u64::from(self.at),
            stacktop: self.code.locals + height(state.inlined.first(), 0),
            offset: state.offset,
            refutes,
            handler: None,
            code: self.id,
            inner: self.inner(state),
            is_edge: state.is_edge,
        };
        (plan, handed)
    }

    fn inner(&self, state: &FrameState) -> Option<Inner> {
        let last = state.inlined.last()?;
        let mut inlinee = None;
        let mut at = state.offset;
        for inlined in &state.inlined {
            let code = inlinee.map_or(self.code, |inlinee: &Arc<Inlinee>| &inlinee.code);
            inlinee = Some(code.inlinees.get(&at)?);
            at = inlined.offset;
        }
        let refuted = inlinee?.history.refuted.get(&at);
        Some(Inner {
            code: self.function.callees[last.callee as usize].code,
            offset: at,
            refuted: refuted.copied().unwrap_or(0),
        })
    }

    /// Where a value of the stack of a state goes, by its index, and what puts it there.
    fn place(&self, state: &FrameState, index: usize) -> (Place, (Act, Act)) {
        let frame = state
            .inlined
            .iter()
            .rposition(|inlined| inlined.base as usize <= index);
        let stack = (Act::Stack, Act::StackShared);
        let Some(frame) = frame else {
            return ((0, self.code.locals as usize + index), stack);
        };
        let inlined = &state.inlined[frame];
        let object = usize::from(inlined.kind == CallKind::Class);
        let index = index - inlined.base as usize;
        let acts = if index < object {
            (Act::NewObject, Act::NewObjectShared)
        } else if index == object {
            (Act::Function, Act::FunctionShared)
        } else {
            stack
        };
        let place = index.saturating_sub(object + 1);
        ((frame as u8 + 1, place), acts)
    }

    /// The frames that are pushed to leave with a state.
    fn pushes(&self, state: &FrameState) -> Vec<Push> {
        let mut ends = state.inlined.iter().skip(1).map(|inlined| inlined.base);
        let pushes = state.inlined.iter().map(|inlined| {
            let callee = self.function.callees[inlined.callee as usize];
            let end = ends.next().unwrap_or(state.stack.len() as u32);
            Push {
                code: callee.code,
                instr: callee.start + 2 * u64::from(inlined.offset),
                stacktop: end - inlined.base - 1 - u32::from(inlined.kind == CallKind::Class),
                call: inlined.call as u16,
                kind: match inlined.kind {
                    CallKind::Call => layout::CALL as u16,
                    CallKind::Class => layout::CALL_CLASS as u16,
                    CallKind::Operator(number) => layout::CALL_OPERATOR as u16 + u16::from(number),
                },
            }
        });
        pushes.collect()
    }

    /// The address of the instruction where the interpreter goes on with a state.
    fn resumed(&self, state: State) -> u64 {
        let state = self.function.state(state);
        match state.inlined.last() {
            Some(inlined) => {
                let callee = self.function.callees[inlined.callee as usize];
                callee.start + 2 * u64::from(inlined.offset)
            }
            None => self.code.address + 2 * u64::from(state.offset),
        }
    }

    /// The actions of a plan, the values in them that are known, and those that have to be handed over.
    pub(super) fn parts(&self, mut planner: Planner) -> (Vec<Action>, Vec<u64>, Vec<Value>) {
        let (mut constants, mut handed) = (Vec::new(), Vec::new());
        let mut indices = Vec::new();
        for &value in &planner.values {
            match self.constants.get(&value) {
                Some(&address) => {
                    indices.push((true, constants.len()));
                    constants.push(address);
                }
                None => {
                    indices.push((false, handed.len()));
                    handed.push(value);
                }
            }
        }
        for action in &mut planner.actions {
            let (is_constant, index) = indices[action.value as usize];
            let before = if is_constant { 0 } else { constants.len() };
            action.value = (before + index) as u32;
        }
        (planner.actions, constants, handed)
    }

    /// Releases the last reference to an object, which may run any code: it sees the frame as it will be after the
    /// instruction. The block is left by a jump to `on`.
    pub(super) fn dealloc(
        &mut self,
        object: ir::Value,
        state: State,
        leave: &Leave,
        on: ir::Block,
    ) {
        self.tell(self.at);
        let next = self.resumed(state);
        let next = self.exit("release", state, leave, next, &[object]);
        let leaves = self.builder.ins().icmp_imm_s(IntCC::NotEqual, next, STAY);
        let (out, back) = self.seldom(leaves);
        self.builder.switch_to_block(out);
        self.go_back(next);
        self.builder.switch_to_block(back);
        self.builder.ins().jump(on, &[]);
    }

    /// Releases the last reference to an object while an instruction is not finished. The block is left by a jump to `on`.
    pub(super) fn dealloc_within(
        &mut self,
        object: ir::Value,
        state: Option<State>,
        on: ir::Block,
    ) {
        self.forget_record();
        self.record(state);
        self.call("dealloc", &[object], None);
        self.builder.ins().jump(on, &[]);
        // It is seldom done, and what comes next is reached without it too.
        self.forget_record();
    }

    /// Tells the frame which instruction is executed.
    pub(super) fn tell(&mut self, offset: u32) {
        let instr = self.code.address + 2 * u64::from(offset);
        let end = self.code.address + 2 * self.code.units.len() as u64;
        let instr = if cfg!(target_endian = "little") && end >> 32 == self.code.address >> 32 {
            // The frame tells another instruction of the same code already: the upper half stays.
            self.int32(instr as i32 as i64)
        } else {
            self.int(instr as i64)
        };
        self.store(instr, self.frame, layout::FRAME_INSTR_PTR);
    }

    /// The same, unless it has been told in this block.
    pub(super) fn tell_once(&mut self) {
        if self.told != Some(self.at) {
            self.tell(self.at);
            self.told = Some(self.at);
        }
    }
}

/// The objects that outlive the native code, by the values that stand for them.
pub(super) fn constants(function: &crate::hir::Function) -> FxHashMap<Value, u64> {
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    insts
        .filter_map(|inst| match inst.op {
            Op::Object(address) | Op::Cached(address) => Some((inst.result?, address)),
            Op::Null => Some((inst.result?, 0)),
            _ => None,
        })
        .collect()
}
