//! Value numbering: what has been computed, loaded or guarded before is not computed, loaded or guarded again.
//!
//! One walk down the dominator tree, with a table that a block hands to those below it, is what Briggs, Cooper and Simpson call
//! dominator-based value numbering ("Value numbering", 1997). What depends on the memory of objects is forgotten when code runs. A field
//! that has been stored holds what was stored. Where edges meet, what has been done on the ways there counts as well: in a loop whose
//! first round is built on its own, and which runs no code, so is not done again what is the same in each round.

use crate::graph;
use crate::hir::{
    FloatOp, FrameState, Function, Helper, Inst, IntOp, Op, Ownership, Rep, Type, Value,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// What is known beyond edges that meet, at most.
const MAX_KNOWN: usize = 1000;

/// Runs the pass. Inline values of objects begin at an offset.
pub fn run(function: &mut Function, inline_values: u32) {
    let parents = function.parents();
    let dominators = function.dominators();
    let ways = Ways::new(function, inline_values);
    let mut below = vec![0; function.blocks.len()];
    for above in parents.iter().zip(&dominators) {
        if let Some(above) = above.0.or(*above.1) {
            below[above] += 1;
        }
    }
    let mut at_end: Vec<Table> = Vec::with_capacity(function.blocks.len());
    let mut numbers = Numbers {
        inline_values,
        ..Numbers::default()
    };
    for index in 0..function.blocks.len() {
        // The last one below a block gets its table.
        let mut hand_down = |above: usize| {
            below[above] -= 1;
            match at_end.get_mut(above) {
                Some(table) if below[above] == 0 => std::mem::take(table),
                Some(table) => table.clone(),
                None => Table::default(),
            }
        };
        let mut table = match (parents[index], dominators[index]) {
            (Some(parent), _) => hand_down(parent),
            (None, Some(before)) => {
                let mut table = hand_down(before);
                if table.is_large() {
                    table = Table::default();
                }
                for effect in ways.effects(before, index) {
                    table.forget(function, effect);
                }
                table.forget_owned(&ways.owners);
                table
            }
            (None, None) => Table::default(),
        };
        let mut insts = std::mem::take(&mut function.blocks[index].insts);
        insts.retain_mut(|inst| {
            numbers.rename_all(&mut inst.args);
            numbers.is_new(function, &mut table, inst)
        });
        let block = &mut function.blocks[index];
        block.insts = insts;
        let values = block.end.values_mut();
        values.into_iter().for_each(|value| numbers.rename(value));
        at_end.push(table);
    }
    for state in &mut function.states {
        numbers.rename_state(state);
    }
}

/// What makes something that is known untrue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Effect {
    /// Code may run.
    RunsCode,
    /// An object may die that others lead to.
    Releases,
    /// A number or string may.
    ReleasesScalar,
    /// Memory is allocated, after which the garbage collector may want to run.
    Allocates,
    /// An object is put into a field at an offset.
    Field(u32),
    /// Items of something change.
    Items,
    /// A local variable changes.
    Slot(u32),
}

fn effects(inst: &Inst, inline_values: u32) -> impl Iterator<Item = Effect> {
    let releases = if inst.op.runs_code() || inst.op == Op::Releases {
        Some(Effect::Releases)
    } else {
        inst.op.releases().then_some(Effect::ReleasesScalar)
    };
    let runs_code = match inst.op {
        Op::Call(helper, _) => helper.changes_objects(),
        op => op.runs_code() || op == Op::Releases,
    };
    let own = match inst.op {
        Op::StoreLocal(slot, _)
        | Op::DeleteLocal(slot, _)
        | Op::TakeLocal(slot)
        | Op::SyncLocal(slot) => Some(Effect::Slot(slot)),
        Op::Call(Helper::AppendStr | Helper::MakeCell, slot) => Some(Effect::Slot(slot as u32)),
        Op::Call(..) => Some(Effect::Allocates),
        Op::PutField(offset) => Some(Effect::Field(offset)),
        Op::PutInlineValue(index) => Some(Effect::Field(inline_values + 8 * index)),
        Op::PutTupleItem(_)
        | Op::PutListItem
        | Op::PutListFloat
        | Op::CopyItems(_)
        | Op::SetArrayItem(_)
        | Op::RangeNext
        | Op::ListNext
        | Op::TupleNext => Some(Effect::Items),
        _ => None,
    };
    let all = [runs_code.then_some(Effect::RunsCode), releases, own];
    all.into_iter().flatten()
}

/// What is done on the ways to where edges meet.
struct Ways {
    predecessors: Vec<Vec<usize>>,
    in_blocks: Vec<FxHashSet<Effect>>,
    owners: FxHashMap<Value, Ownership>,
}

impl Ways {
    fn new(function: &Function, inline_values: u32) -> Self {
        let in_block = |insts: &[Inst]| {
            let effects = insts.iter().flat_map(|inst| effects(inst, inline_values));
            effects.collect()
        };
        let blocks = function.blocks.iter();
        Self {
            predecessors: function.predecessors(),
            in_blocks: blocks.map(|block| in_block(&block.insts)).collect(),
            owners: function.owners(),
        }
    }

    /// What may have been done between the end of a block and the start of one that it dominates.
    fn effects(&self, from: usize, to: usize) -> FxHashSet<Effect> {
        let mut blocks = FxHashSet::from_iter([from]);
        let before = |block: usize| self.predecessors[block].iter().copied();
        graph::add_leading_to(&mut blocks, before(to), before);
        blocks.remove(&from);
        let effects = blocks.iter().flat_map(|block| &self.in_blocks[*block]);
        effects.copied().collect()
    }
}

/// An operation and its operands. Of loads, whether they leave if there is nothing.
type Key = (Op, [Option<Value>; 2], bool);

/// What is known at a point: the value that an operation gave, if it has one.
#[derive(Clone, Default)]
struct Table {
    pure: FxHashMap<Key, Option<Value>>,
    memory: FxHashMap<Key, Option<Value>>,
    /// What has been found out about the types of objects.
    types: FxHashMap<Value, Type>,
    /// Objects that have been borrowed from others since something was released.
    borrowed: FxHashSet<Value>,
}

/// How the result of an operation depends on what was done before.
enum Kind {
    /// It does not, but for a local variable.
    Pure,
    /// It does, on the memory of objects.
    Reads,
    /// It is done again in any case.
    Acts,
}

fn kind(function: &Function, inst: &Inst) -> Kind {
    match inst.op {
        // What is executed in place of a call asks for events once; a loop does so in each round.
        Op::BackEdge => match inst.state.map(|state| &function.state(state).inlined) {
            Some(inlined) if !inlined.is_empty() => Kind::Reads,
            _ => Kind::Acts,
        },
        Op::LoadLocal(_)
        | Op::Null
        | Op::Object(_)
        | Op::Int(_)
        | Op::Float(_)
        | Op::Bool(_)
        | Op::Guard
        // Those of a frame or function are the same all the time.
        | Op::GuardNamespace(..)
        // Where one could be called others can until the function has ended: native code is left if the limits change.
        | Op::GuardRoom
        | Op::GuardCStack
        | Op::UnboxInt
        | Op::UnboxFloat
        | Op::UnboxBool
        | Op::BoxBool
        | Op::IntToFloat
        | Op::NumberToFloat
        | Op::GuardEitherFloat
        | Op::IntBinary(_)
        | Op::IntNegate
        | Op::IntCompare(_)
        | Op::IntDivide
        | Op::FloatBinary(_)
        | Op::FloatNegate
        | Op::FloatCompare(_)
        | Op::Math(_)
        | Op::Not
        | Op::Is => Kind::Pure,
        // It costs nothing to have it again, and a reference to keep it while code runs.
        Op::Cached(_)
        | Op::GuardVersion(_)
        | Op::GuardClass(_)
        | Op::GuardHeapType
        | Op::GuardFunction(_)
        | Op::GuardBuiltin(_)
        | Op::BuiltinAddress(_)
        | Op::MethodAddress(_)
        | Op::MakerAddress
        | Op::GuardKeys(_)
        | Op::GuardValues
        | Op::GuardNoDict
        | Op::GuardLazyDict(_)
        | Op::GuardSharedKeys(_)
        | Op::GuardClassKeys(_)
        | Op::LoadField(_)
        | Op::LoadWord(_)
        | Op::Namespace(_)
        | Op::LoadGlobal(_)
        | Op::LoadCell
        | Op::Size
        | Op::ItemIndex
        | Op::ListItem
        | Op::TupleItem
        | Op::ArrayItem(_) => Kind::Reads,
        _ => Kind::Acts,
    }
}

/// Whether the operands may change places.
fn commutes(op: Op) -> bool {
    matches!(
        op,
        Op::IntBinary(IntOp::Add | IntOp::Multiply | IntOp::And | IntOp::Or | IntOp::Xor)
            | Op::FloatBinary(FloatOp::Add | FloatOp::Multiply)
            | Op::Is
            | Op::GuardEitherFloat
    )
}

fn key(inst: &Inst) -> Key {
    let mut args = [inst.args.first().copied(), inst.args.get(1).copied()];
    if commutes(inst.op) {
        args.sort_unstable();
    }
    (inst.op, args, inst.state.is_some())
}

/// The values that stand for others, and where inline values begin.
#[derive(Default)]
struct Numbers {
    inline_values: u32,
    same: FxHashMap<Value, Value>,
}

impl Numbers {
    fn rename(&self, value: &mut Value) {
        if let Some(&same) = self.same.get(value) {
            *value = same;
        }
    }

    fn rename_all(&self, values: &mut [Value]) {
        values.iter_mut().for_each(|value| self.rename(value));
    }

    fn rename_state(&self, state: &mut FrameState) {
        state.values_mut().for_each(|value| self.rename(value));
        for (_, value) in state.dirty.iter_mut().chain(&mut state.unsure) {
            self.rename(value);
        }
    }

    /// Whether an instruction has to be done. If not, its result is one that is known.
    fn is_new(&mut self, function: &Function, table: &mut Table, inst: &Inst) -> bool {
        if let Op::GuardType(ty) = inst.op {
            let object = inst.args[0];
            let known = table.ty(function, object);
            table.types.insert(object, known.and(ty));
            return !known.is(ty);
        }
        let known = match kind(function, inst) {
            Kind::Pure => &table.pure,
            Kind::Reads => &table.memory,
            Kind::Acts => {
                table.act(function, inst, self.inline_values);
                return true;
            }
        };
        let key = key(inst);
        let Some(&same) = known.get(&key) else {
            table.learn(function, key, inst);
            return true;
        };
        let (Some(result), Some(same)) = (inst.result, same) else {
            return false;
        };
        // One that is known less well does not do.
        if function.rep(same) == Rep::Object && !table.ty(function, same).is(function.ty(result)) {
            return true;
        }
        self.same.insert(result, same);
        false
    }
}

impl Table {
    /// Whether it is not worth while to hand it down to where edges meet: large functions have many such places.
    fn is_large(&self) -> bool {
        self.pure.len() + self.memory.len() + self.types.len() > MAX_KNOWN
    }

    fn ty(&self, function: &Function, object: Value) -> Type {
        let ty = function.ty(object);
        self.types.get(&object).map_or(ty, |known| known.and(ty))
    }

    /// What an instruction gives is known from now on.
    fn learn(&mut self, function: &Function, key: Key, inst: &Inst) {
        match kind(function, inst) {
            Kind::Pure => self.pure.insert(key, inst.result),
            Kind::Reads | Kind::Acts => self.memory.insert(key, inst.result),
        };
        if inst.op.ownership() == Ownership::Heap {
            self.borrowed.extend(inst.result);
        }
        if inst.op == Op::GuardValues {
            // No number or string has any.
            let object = inst.args[0];
            let ty = self.ty(function, object).without(Type::SCALAR);
            self.types.insert(object, ty);
        }
    }

    /// What an instruction does to memory, and what is known of its result.
    fn act(&mut self, function: &Function, inst: &Inst, inline_values: u32) {
        effects(inst, inline_values).for_each(|effect| self.forget(function, effect));
        match inst.op {
            Op::BoxInt => self.is_boxed(Op::UnboxInt, Type::INT, inst),
            Op::BoxFloat => self.is_boxed(Op::UnboxFloat, Type::FLOAT, inst),
            Op::PutField(offset) => self.store(offset, inst),
            Op::PutInlineValue(index) => self.store(inline_values + 8 * index, inst),
            Op::BackEdge => {
                self.memory.insert(key(inst), None);
            }
            // It has asked for events as well.
            Op::Periodic => {
                self.memory.insert((Op::BackEdge, [None; 2], true), None);
            }
            _ => {}
        }
    }

    fn forget(&mut self, function: &Function, effect: Effect) {
        match effect {
            Effect::RunsCode => self.memory.clear(),
            Effect::Releases => self.borrowed.clear(),
            Effect::ReleasesScalar => {
                let mut borrowed = std::mem::take(&mut self.borrowed);
                borrowed.retain(|object| !self.ty(function, *object).may_be(Type::SCALAR));
                self.borrowed = borrowed;
            }
            Effect::Allocates => self.memory.retain(|(op, ..), _| *op != Op::BackEdge),
            // Some other object may be the same one.
            Effect::Field(offset) => {
                let field = Op::LoadField(offset);
                self.memory.retain(|(op, ..), _| *op != field);
            }
            Effect::Items => self.memory.retain(|(op, ..), _| {
                !matches!(
                    op,
                    Op::ListItem | Op::TupleItem | Op::ArrayItem(_) | Op::LoadWord(_)
                )
            }),
            Effect::Slot(slot) => {
                let variable = Op::LoadLocal(slot);
                self.pure.retain(|(op, ..), _| *op != variable);
            }
        }
    }

    /// Edges meet, where objects are only seen that nothing has got a reference of its own of. What is in the buffer of an array others may
    /// change without the GIL, so a loop reads it in each round.
    fn forget_owned(&mut self, owners: &FxHashMap<Value, Ownership>) {
        let borrowed = &self.borrowed;
        let is_seen = |value: &Option<Value>| {
            let Some(value) = value else { return true };
            match owners.get(value) {
                Some(Ownership::Owned) => false,
                Some(Ownership::Heap) => borrowed.contains(value),
                _ => true,
            }
        };
        self.pure.retain(|_, value| is_seen(value));
        let in_buffer = |op: &Op| matches!(op, Op::ArrayItem(_));
        self.memory
            .retain(|(op, ..), value| !in_buffer(op) && is_seen(value));
    }

    fn is_boxed(&mut self, unbox: Op, ty: Type, inst: &Inst) {
        let object = [inst.result, None];
        self.types.extend(inst.result.zip(Some(ty)));
        for leaves in [false, true] {
            let raw = inst.args.first().copied();
            self.pure.insert((unbox, object, leaves), raw);
        }
    }

    /// An object is put into a field of another one.
    fn store(&mut self, offset: u32, inst: &Inst) {
        let (stored, owner) = (inst.args.first().copied(), inst.args.get(1).copied());
        for leaves in [false, true] {
            self.memory
                .insert((Op::LoadField(offset), [owner, None], leaves), stored);
        }
    }
}
