//! Places the counting of references: the last pass, and the only one that knows about it.
//!
//! Each object that a value stands for is owned by the native code, or borrowed: from the slot of a local variable
//! until the slot changes, or from another object until something is released. A reference is taken when one that is
//! borrowed has to outlive that, or is handed over; one that is owned is dropped after its last use. Where edges meet, nothing
//! but parameters is owned (see `hir::verify`), so one walk down each tree of branches is enough.

use crate::hir::{
    End, FrameState, Function, Helper, Inst, Leave, Op, Ownership, Rep, State, Type, Value,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// Runs the pass.
pub fn run(function: &mut Function) {
    let live = live_in(function);
    let count = function.blocks.len();
    let mut at_end: Vec<Env> = vec![Env::default(); count];
    let parents = function.parents();
    let dominators = function.dominators();
    let owners = function.owners();
    for index in 0..count {
        let mut env = match (parents[index], dominators[index]) {
            (Some(parent), _) => at_end[parent].clone(),
            (None, Some(before)) => Env {
                own: borrowed(&live[index], &owners),
                types: at_end[before].types_of(&live[index]),
            },
            (None, None) => Env::default(),
        };
        for &param in &function.blocks[index].params {
            if function.rep(param) == Rep::Object {
                env.own.insert(param, Own::Owned);
            }
        }
        at_end[index] = block(function, index, env, &live, &owners);
    }
}

/// The objects that are seen where edges meet, and are needed there.
fn borrowed(live: &FxHashSet<Value>, owners: &FxHashMap<Value, Ownership>) -> BTreeMap<Value, Own> {
    let live = live.iter().copied();
    live.filter_map(|value| Some((value, Own::of(*owners.get(&value)?))))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Owned,
    Slot(u32),
    Heap,
    /// Kept by something that outlives the native code.
    Constant,
}

impl Own {
    fn of(ownership: Ownership) -> Self {
        match ownership {
            Ownership::Owned => Self::Owned,
            Ownership::Slot(slot) => Self::Slot(slot),
            Ownership::Heap => Self::Heap,
            Ownership::None => Self::Constant,
        }
    }
}

/// What is known at a point.
#[derive(Debug, Clone, Default)]
struct Env {
    own: BTreeMap<Value, Own>,
    types: FxHashMap<Value, Type>,
}

impl Env {
    /// What is known of the types of some values.
    fn types_of(&self, values: &FxHashSet<Value>) -> FxHashMap<Value, Type> {
        let values = values.iter();
        let types = values.filter_map(|value| Some((*value, *self.types.get(value)?)));
        types.collect()
    }
}

/// The values that each block needs of what comes before it: back from each use to the definition.
fn live_in(function: &Function) -> Vec<FxHashSet<Value>> {
    let predecessors = function.predecessors();
    let mut live = vec![FxHashSet::default(); function.blocks.len()];
    let mut defined: FxHashMap<Value, usize> = FxHashMap::default();
    for (index, block) in function.blocks.iter().enumerate() {
        let results = block.insts.iter().filter_map(|inst| inst.result);
        let values = block.params.iter().copied().chain(results);
        defined.extend(values.map(|value| (value, index)));
    }
    for (index, block) in function.blocks.iter().enumerate() {
        let mut need = |value: Value| {
            let mut work = vec![index];
            while let Some(block) = work.pop() {
                if defined.get(&value) != Some(&block) && live[block].insert(value) {
                    work.extend(&predecessors[block]);
                }
            }
        };
        for inst in &block.insts {
            visit(function, inst, &mut need);
        }
        visit_end(function, &block.end, &mut need);
    }
    live
}

fn visit(function: &Function, inst: &Inst, act: &mut impl FnMut(Value)) {
    // What is released has no further use.
    if inst.op != Op::Releases {
        inst.args.iter().copied().for_each(&mut *act);
    }
    if let Some(state) = inst.state {
        function.state(state).values().for_each(act);
    }
}

fn visit_end(function: &Function, end: &End, act: &mut impl FnMut(Value)) {
    end.values().into_iter().for_each(&mut *act);
    if let Some(state) = end.state() {
        function.state(state).values().for_each(act);
    }
}

struct Walk<'a> {
    function: &'a Function,
    owners: &'a FxHashMap<Value, Ownership>,
    env: Env,
    /// The position of the last use of each value; past the end if a successor uses it.
    last: FxHashMap<Value, usize>,
    /// Owned values without further use that may run code when they are released.
    pending: Vec<Value>,
    out: Vec<Inst>,
}

fn block(
    function: &mut Function,
    index: usize,
    env: Env,
    live: &[FxHashSet<Value>],
    owners: &FxHashMap<Value, Ownership>,
) -> Env {
    let insts = std::mem::take(&mut function.blocks[index].insts);
    let end = std::mem::replace(&mut function.blocks[index].end, End::Unreachable);
    let mut last = FxHashMap::default();
    for (position, inst) in insts.iter().enumerate() {
        visit(function, inst, &mut |value| {
            last.insert(value, position);
        });
    }
    visit_end(function, &end, &mut |value| {
        last.insert(value, insts.len());
    });
    for target in end.targets() {
        for &value in &live[target.0 as usize] {
            last.insert(value, usize::MAX);
        }
    }
    let mut walk = Walk {
        function,
        owners,
        env,
        last,
        pending: Vec::new(),
        out: Vec::with_capacity(2 * insts.len()),
    };
    let dead: Vec<Value> = walk
        .env
        .own
        .iter()
        .filter(|(value, own)| **own == Own::Owned && !walk.last.contains_key(value))
        .map(|(value, _)| *value)
        .collect();
    dead.into_iter().for_each(|value| walk.release(value));
    let count = insts.len();
    for (position, inst) in insts.into_iter().enumerate() {
        walk.inst(position, inst);
    }
    if let Some(state) = end.state() {
        walk.take_stale(count, state);
    }
    let end = walk.end(end);
    let (env, out) = (walk.env, walk.out);
    function.blocks[index].insts = out;
    function.blocks[index].end = end;
    env
}

impl Walk<'_> {
    fn ty(&self, value: Value) -> Type {
        let ty = self.function.ty(value);
        self.env.types.get(&value).map_or(ty, |known| known.and(ty))
    }

    /// Whether references to it are not counted.
    fn is_immortal(&self, value: Value) -> bool {
        self.function.rep(value) != Rep::Object
            || self.ty(value).is(Type::NULL | Type::NONE | Type::BOOL)
    }

    fn is_used_after(&self, value: Value, position: usize) -> bool {
        self.last.get(&value).is_some_and(|&last| last > position)
    }

    fn emit(&mut self, op: Op, value: Value, state: Option<State>, leave: Leave) {
        self.out.push(Inst {
            op,
            args: vec![value],
            result: None,
            state,
            leave,
        });
    }

    /// Takes a reference to a value.
    fn take(&mut self, value: Value) {
        if !self.is_immortal(value) {
            self.emit(Op::IncRef, value, None, Leave::default());
        }
    }

    /// Before something is released: what is borrowed from objects, and is needed, gets owned.
    fn promote(&mut self, needed: impl Fn(&Self, Value) -> bool) {
        let heap: Vec<Value> = self
            .env
            .own
            .iter()
            .filter(|(value, own)| **own == Own::Heap && needed(self, **value))
            .map(|(value, _)| *value)
            .collect();
        for value in heap {
            self.take(value);
            self.env.own.insert(value, Own::Owned);
        }
    }

    /// Drops an owned value that is not used any more, now or at the next boundary.
    fn release(&mut self, value: Value) {
        let ty = self.ty(value);
        if self.is_immortal(value) {
            self.env.own.remove(&value);
        } else if ty.is(Type::SCALAR | Type::NULL) {
            self.env.own.remove(&value);
            self.emit(Op::DecRef(ty), value, None, Leave::default());
        } else {
            self.pending.push(value);
        }
    }

    /// Drops what is pending, with the state that the interpreter would go on in.
    fn release_pending(&mut self, position: usize, state: Option<State>) {
        if self.pending.is_empty() {
            return;
        }
        self.promote(|walk, value| {
            walk.is_used_after(value, position)
                || state.is_some_and(|state| walk.function.state(state).needs(value))
        });
        for value in std::mem::take(&mut self.pending) {
            self.env.own.remove(&value);
            let leave = state.map_or_else(Leave::default, |state| {
                self.leave(self.function.state(state))
            });
            self.emit(Op::DecRef(self.ty(value)), value, state, leave);
        }
    }

    /// What leaving with a state does.
    fn leave(&self, state: &FrameState) -> Leave {
        let mut leave = Leave::default();
        let mut moved = FxHashSet::default();
        for value in state.values() {
            if self.is_immortal(value) {
                continue;
            }
            let owned = self.env.own.get(&value) == Some(&Own::Owned);
            if !(owned && moved.insert(value)) {
                leave.take.push(value);
            }
        }
        leave.drop = self
            .env
            .own
            .iter()
            .filter(|(value, own)| {
                **own == Own::Owned && !moved.contains(value) && !self.is_immortal(**value)
            })
            .map(|(value, _)| *value)
            .collect();
        leave
    }

    /// Hands over references to values, each of which is moved if nobody else needs it.
    fn hand_over(&mut self, values: &[Value], keep: impl Fn(&Self, Value) -> bool) {
        let mut moved = FxHashSet::default();
        for &value in values {
            if self.is_immortal(value) {
                continue;
            }
            let owned = self.env.own.get(&value) == Some(&Own::Owned);
            if owned && !keep(self, value) && moved.insert(value) {
                continue;
            }
            self.take(value);
        }
        for value in moved {
            self.env.own.remove(&value);
        }
    }

    fn inst(&mut self, position: usize, mut inst: Inst) {
        if let Some(state) = inst.state {
            self.take_stale(position, state);
        }
        if matches!(inst.op, Op::Boundary | Op::Periodic) {
            self.release_pending(position, inst.state);
        }
        if inst.op.runs_code() || inst.op.releases() {
            let args = inst.args.clone();
            self.promote(|walk, value| {
                (inst.op.runs_code() || walk.ty(value).may_be(Type::SCALAR))
                    && (walk.is_used_after(value, position)
                        || args.contains(&value)
                        || inst
                            .state
                            .is_some_and(|state| walk.function.state(state).needs(value)))
            });
        }
        let leaves_after = inst.op.leaves_after();
        if let (false, Some(state)) = (leaves_after, inst.state) {
            inst.leave = self.leave(self.function.state(state));
        }
        match inst.op {
            Op::StoreLocal(slot, ty) => inst.op = self.store(position, slot, ty, inst.args[0]),
            Op::DeleteLocal(slot, ty) => {
                inst.op = Op::DeleteLocal(slot, self.leave_slot(position, slot, ty, None));
            }
            Op::TakeLocal(slot) => self.take_from_slot(position + 1, slot),
            Op::GuardType(ty) => {
                self.env.types.insert(inst.args[0], ty);
            }
            Op::GuardValues => {
                let object = inst.args[0];
                let ty = self.ty(object).without(Type::SCALAR);
                self.env.types.insert(object, ty);
            }
            Op::SyncLocal(slot) => self.take_from_slot(position + 1, slot),
            // They replace the object in the slot.
            Op::Call(Helper::AppendStr | Helper::MakeCell, slot) => {
                self.take_from_slot(position + 1, slot as u32)
            }
            _ => {
                let (stolen, borrowed): (Vec<_>, Vec<_>) = inst
                    .args
                    .iter()
                    .enumerate()
                    .partition(|(index, _)| inst.op.steals(*index));
                let stolen: Vec<Value> = stolen.into_iter().map(|(_, value)| *value).collect();
                let borrowed: Vec<Value> = borrowed.into_iter().map(|(_, value)| *value).collect();
                self.hand_over(&stolen, |walk, value| {
                    walk.is_used_after(value, position)
                        || borrowed.contains(&value)
                        || inst
                            .state
                            .is_some_and(|state| walk.function.state(state).needs(value))
                });
            }
        }
        if let (true, Some(state)) = (leaves_after, inst.state) {
            inst.leave = self.leave(self.function.state(state));
        }
        let mut dying = Vec::new();
        visit(self.function, &inst, &mut |value| dying.push(value));
        if let Some(result) = inst.result
            && self.function.rep(result) == Rep::Object
        {
            self.env.own.insert(result, Own::of(inst.op.ownership()));
            dying.push(result);
        }
        self.out.push(inst);
        // In the order of the operands, as the interpreter drops them.
        let mut seen = FxHashSet::default();
        dying.retain(|value| seen.insert(*value));
        for value in dying {
            if !self.is_used_after(value, position) {
                match self.env.own.get(&value) {
                    Some(Own::Owned) => self.release(value),
                    Some(_) => {
                        self.env.own.remove(&value);
                    }
                    None => {}
                }
            }
        }
    }

    /// Values that are needed from a position on, when a slot loses the object that they stand for.
    fn in_slot(&self, from: usize, slot: u32, stored: Option<Value>) -> Vec<Value> {
        self.env
            .own
            .iter()
            .filter(|(value, own)| {
                **own == Own::Slot(slot)
                    && Some(**value) != stored
                    && self.last.get(value).is_some_and(|&last| last >= from)
                    && !self.is_immortal(**value)
            })
            .map(|(value, _)| *value)
            .collect()
    }

    /// Before a slot changes: what is borrowed from it, and is needed from a position on, gets owned.
    fn take_from_slot(&mut self, from: usize, slot: u32) {
        for value in self.in_slot(from, slot, None) {
            self.take(value);
            self.env.own.insert(value, Own::Owned);
        }
        self.forget_slot(slot);
    }

    /// Before something that may leave or show the frame: unboxed variables are put into their slots then.
    fn take_stale(&mut self, from: usize, state: State) {
        let function = self.function;
        for &(slot, _) in &function.state(state).dirty {
            self.take_from_slot(from, slot);
        }
    }

    fn forget_slot(&mut self, slot: u32) {
        self.env.own.retain(|_, own| *own != Own::Slot(slot));
    }

    /// A slot gets another content: returns what is left to release.
    fn leave_slot(&mut self, position: usize, slot: u32, ty: Type, stored: Option<Value>) -> Type {
        let values = self.in_slot(position + 1, slot, stored);
        let mut ty = ty;
        for (index, value) in values.into_iter().enumerate() {
            // The first takes over the reference of the slot.
            if index == 0 {
                ty = Type::NEVER;
            } else {
                self.take(value);
            }
            self.env.own.insert(value, Own::Owned);
        }
        self.forget_slot(slot);
        ty
    }

    fn store(&mut self, position: usize, slot: u32, ty: Type, value: Value) -> Op {
        if self.env.own.get(&value) != Some(&Own::Owned) {
            self.take(value);
        }
        let ty = self.leave_slot(position, slot, ty, Some(value));
        if !self.is_immortal(value) {
            self.env.own.insert(value, Own::Slot(slot));
        }
        Op::StoreLocal(slot, ty)
    }

    /// Before edges meet: what is borrowed on other ways there, and has got a reference of its own on this one, gives it back. What it was
    /// borrowed from has it still, or value numbering would have loaded it again.
    fn give_back(&mut self) {
        let own = self.env.own.iter().filter(|(_, own)| **own == Own::Owned);
        let kept: Vec<Value> = own.map(|(value, _)| *value).collect();
        for value in kept {
            if self.is_immortal(value) {
                continue;
            }
            let is_needed = self.last.get(&value) == Some(&usize::MAX);
            let is_borrowed = self.owners.get(&value) != Some(&Ownership::Owned);
            assert!(
                is_needed && is_borrowed,
                "a reference is lost where edges meet"
            );
            self.emit(Op::DecRef(self.ty(value)), value, None, Leave::default());
        }
    }

    fn end(&mut self, end: End) -> End {
        match end {
            End::Jump(target, args) => {
                self.release_pending(usize::MAX, None);
                self.hand_over(&args, |_, _| false);
                self.give_back();
                End::Jump(target, args)
            }
            End::Return(value, slots) => {
                self.release_pending(usize::MAX, None);
                self.hand_over(&[value], |_, _| false);
                End::Return(value, slots)
            }
            End::Exit(state, _) => {
                let leave = self.leave(self.function.state(state));
                End::Exit(state, leave)
            }
            End::Reraise(state, _) => {
                let leave = self.leave(self.function.state(state));
                End::Reraise(state, leave)
            }
            End::Yield(end) => {
                self.release_pending(usize::MAX, None);
                let values = [&end.stack[..], &[end.value]].concat();
                self.hand_over(&values, |_, _| false);
                End::Yield(end)
            }
            // What is pending is still owned, and not used there: it is released first thing.
            End::Branch(..) | End::Enter(..) | End::Unreachable => end,
        }
    }
}
