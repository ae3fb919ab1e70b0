//! Value numbering: what has been computed, loaded or guarded before is not computed, loaded or guarded again.
//!
//! Values live in the tree of blocks below a merge (see `hir::verify`), which is a part of the dominator tree: one walk down each
//! tree, with a table that a block hands to those that it branches to, is what Briggs, Cooper and Simpson call dominator-based value
//! numbering ("Value numbering", 1997). What depends on the memory of objects is forgotten when code runs. A field that has been
//! stored holds what was stored.

use crate::hir::{End, FloatOp, FrameState, Function, Inst, IntOp, Op, Rep, Type, Value};
use rustc_hash::FxHashMap;

/// Runs the pass. Inline values of objects begin at an offset.
pub fn run(function: &mut Function, inline_values: u32) {
    // Only what branches hands its table on.
    let mut at_end: Vec<Option<Table>> = Vec::with_capacity(function.blocks.len());
    let mut numbers = Numbers {
        inline_values,
        ..Numbers::default()
    };
    for (index, parent) in function.parents().into_iter().enumerate() {
        let before = parent.and_then(|parent| at_end[parent].clone());
        let mut table = before.unwrap_or_default();
        let mut insts = std::mem::take(&mut function.blocks[index].insts);
        insts.retain_mut(|inst| {
            numbers.rename_all(&mut inst.args);
            numbers.is_new(function, &mut table, inst)
        });
        let block = &mut function.blocks[index];
        block.insts = insts;
        let values = block.end.values_mut();
        values.into_iter().for_each(|value| numbers.rename(value));
        at_end.push(matches!(block.end, End::Branch(..)).then_some(table));
    }
    for state in &mut function.states {
        numbers.rename_state(state);
    }
}

/// An operation and its operands. Of loads, whether they leave if there is nothing.
type Key = (Op, [Option<Value>; 2], bool);

/// What is known at a point: the value that an operation gave, if it has one.
#[derive(Clone, Default)]
struct Table {
    pure: FxHashMap<Key, Option<Value>>,
    memory: FxHashMap<Key, Option<Value>>,
}

/// How the result of an operation depends on what was done before.
enum Kind {
    /// It does not.
    Pure,
    /// It does, on the memory of objects.
    Reads,
    /// It is done again in any case.
    Acts,
}

fn kind(op: Op) -> Kind {
    match op {
        Op::Null
        | Op::Object(_)
        | Op::Cached(_)
        | Op::Int(_)
        | Op::Float(_)
        | Op::Bool(_)
        | Op::GuardType(_)
        | Op::Guard
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
        Op::GuardVersion(_)
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
        | Op::GuardRoom
        | Op::GuardInline(_)
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
        if let Op::GuardType(ty) = inst.op
            && function.ty(inst.args[0]).is(ty)
        {
            return false;
        }
        let known = match kind(inst.op) {
            Kind::Pure => &mut table.pure,
            Kind::Reads => &mut table.memory,
            Kind::Acts => {
                table.act(inst, self.inline_values);
                return true;
            }
        };
        let key = key(inst);
        let Some(&same) = known.get(&key) else {
            known.insert(key, inst.result);
            return true;
        };
        let (Some(result), Some(same)) = (inst.result, same) else {
            return false;
        };
        // One that is known less well does not do.
        if !function.ty(same).is(function.ty(result)) && function.rep(same) == Rep::Object {
            return true;
        }
        self.same.insert(result, same);
        false
    }
}

impl Table {
    /// What an instruction does to memory, and what is known of its result.
    fn act(&mut self, inst: &Inst, inline_values: u32) {
        let changes = match inst.op {
            Op::Call(helper, _) => helper.changes_objects(),
            op => op.runs_code() || op == Op::Releases,
        };
        if changes {
            self.memory.clear();
            return;
        }
        match inst.op {
            Op::BoxInt => self.is_boxed(Op::UnboxInt, Type::INT, inst),
            Op::BoxFloat => self.is_boxed(Op::UnboxFloat, Type::FLOAT, inst),
            Op::PutField(offset) => self.store(offset, inst),
            Op::PutInlineValue(index) => self.store(inline_values + 8 * index, inst),
            Op::PutTupleItem(_)
            | Op::PutListItem
            | Op::CopyItems(_)
            | Op::SetArrayItem(_)
            | Op::RangeNext
            | Op::ListNext
            | Op::TupleNext => self.memory.retain(|(op, ..), _| {
                !matches!(
                    op,
                    Op::ListItem | Op::TupleItem | Op::ArrayItem(_) | Op::LoadWord(_)
                )
            }),
            _ => {}
        }
    }

    fn is_boxed(&mut self, unbox: Op, ty: Type, inst: &Inst) {
        let object = [inst.result, None];
        self.pure.insert((Op::GuardType(ty), object, true), None);
        for leaves in [false, true] {
            let raw = inst.args.first().copied();
            self.pure.insert((unbox, object, leaves), raw);
        }
    }

    /// An object is put into a field of another one. Some other object may be the same one.
    fn store(&mut self, offset: u32, inst: &Inst) {
        self.memory
            .retain(|(op, ..), _| *op != Op::LoadField(offset));
        let (stored, owner) = (inst.args.first().copied(), inst.args.get(1).copied());
        for leaves in [false, true] {
            self.memory
                .insert((Op::LoadField(offset), [owner, None], leaves), stored);
        }
    }
}
