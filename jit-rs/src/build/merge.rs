//! Where edges meet: in which form variables and the stack come in.

use super::Builder;
use super::env::{Env, Kind, Local, Shape, boxed_type};
use super::peel;
use crate::hir::{Block, End, Op, Rep, State, Type, Value};

impl Builder<'_> {
    /// Whether the instructions of a block have been built: then an edge to it closes a loop.
    pub(super) fn is_built(&self, target: u32) -> bool {
        self.flow.loops.contains(&peel::offset(target))
            && self.merges.get(&target).is_some_and(|block| {
                let data = &self.function.blocks[block.0 as usize];
                !data.insts.is_empty() || data.end != End::Unreachable
            })
    }

    pub(super) fn shape(&self) -> Shape {
        let kind = |(slot, local): (usize, &Local)| match local.raw {
            Some(raw) if self.env.unsure.contains_key(&raw) => Kind::Unsure(self.function.rep(raw)),
            Some(raw) => Kind::Raw(self.function.rep(raw)),
            None => match local.object.and_then(|object| self.env.raw.get(&object)) {
                Some(&raw) if self.function.rep(raw) != Rep::Bool => {
                    Kind::Known(self.function.rep(raw))
                }
                _ => Kind::Slot(self.slot_type(slot as u32)),
            },
        };
        Shape {
            locals: self.env.locals.iter().enumerate().map(kind).collect(),
            stack: self
                .env
                .stack
                .iter()
                .map(|&value| (self.function.rep(value), self.ty(value)))
                .collect(),
        }
    }

    /// At the end of a loop: what has turned out to be a number, or of a type, should come in like that.
    pub(super) fn narrow(&mut self, target: u32) {
        if !self.may_expect(target) {
            return;
        }
        let now = self.shape();
        if self.is_better_peeled(target, &now) {
            self.to_peel.push(target);
        }
        let locals = self.env.locals.len();
        let mut shape = self.shapes[&target].clone();
        for (slot, kind) in now.locals.into_iter().enumerate() {
            let place = (target, slot);
            if let Kind::Slot(before) = shape.locals[slot]
                && self.may_stay(target, slot, before)
            {
                // It is not read as it comes in, and has its slot until it gets another value.
                if let Kind::Raw(rep) | Kind::Unsure(rep) = kind
                    && self.pinned.insert(place)
                {
                    shape.locals[slot] = Kind::Unsure(rep);
                    self.again = true;
                }
                continue;
            }
            if let (Kind::Slot(before), Kind::Raw(rep) | Kind::Known(rep)) =
                (shape.locals[slot], kind)
                && before.may_be(boxed_type(rep))
                && self.pinned.insert(place)
            {
                shape.locals[slot] = kind;
                self.again = true;
            }
            // It gets its first value in the loop.
            if let (Kind::Slot(Type::NULL), Kind::Raw(rep) | Kind::Unsure(rep)) =
                (shape.locals[slot], kind)
                && self.pinned.insert(place)
            {
                shape.locals[slot] = Kind::Unsure(rep);
                self.again = true;
            }
        }
        for (depth, (rep, ty)) in now.stack.into_iter().enumerate() {
            let before = shape.stack[depth];
            if before.0 == Rep::Object
                && rep == Rep::Object
                && ty != before.1
                && ty.is(before.1)
                && ty.is_one()
                && self.pinned.insert((target, locals + depth))
            {
                shape.stack[depth].1 = ty;
                self.again = true;
            }
        }
        self.shapes.insert(target, shape);
    }

    /// Whether a variable is a number at the end of a loop that cannot have been one before it, or one of another type.
    fn is_better_peeled(&self, target: u32, now: &Shape) -> bool {
        let mut kinds = self.shapes[&target]
            .locals
            .iter()
            .zip(&now.locals)
            .enumerate();
        kinds.any(|(slot, kinds)| match kinds {
            (Kind::Raw(before) | Kind::Known(before), Kind::Raw(after) | Kind::Known(after)) => {
                before != after
            }
            (&Kind::Slot(before), Kind::Raw(after)) => {
                before != Type::NULL
                    && !before.may_be(boxed_type(*after))
                    && !self.may_stay(target, slot, before)
            }
            _ => false,
        })
    }

    /// Brings the variables and the stack into the shape that a block expects, or widens that.
    pub(super) fn conform(&mut self, target: u32, state: State) -> Option<Vec<Value>> {
        let mut shape = self.shapes[&target].clone();
        let mut args = Vec::new();
        let mut fits = self.env.stack.len() == shape.stack.len();
        for slot in 0..shape.locals.len() {
            let raw = self.env.locals[slot].raw;
            let is_dirty = raw.is_some();
            let is_unsure = raw.is_some_and(|raw| self.env.unsure.contains_key(&raw));
            match shape.locals[slot] {
                Kind::Known(rep) | Kind::Raw(rep) if is_unsure => {
                    shape.locals[slot] = Kind::Unsure(rep);
                    fits = false;
                }
                Kind::Unsure(rep) => match self.unsure_local(target, slot as u32, rep, state) {
                    Some(pair) => args.extend(pair),
                    None => {
                        let ty = self.slot_type(slot as u32) | boxed_type(rep) | Type::NULL;
                        shape.locals[slot] = Kind::Slot(ty);
                        self.pinned.insert((target, slot));
                        fits = false;
                    }
                },
                Kind::Raw(rep)
                    if !is_dirty && self.may_stay(target, slot, self.slot_type(slot as u32)) =>
                {
                    shape.locals[slot] = Kind::Unsure(rep);
                    fits = false;
                }
                Kind::Known(rep) if is_dirty => {
                    shape.locals[slot] = Kind::Raw(rep);
                    fits = false;
                }
                Kind::Known(rep) | Kind::Raw(rep) => {
                    match self.raw_local(target, slot as u32, rep, state) {
                        Some(value) => args.push(value),
                        None => {
                            let ty = self.slot_type(slot as u32) | boxed_type(rep);
                            shape.locals[slot] = Kind::Slot(ty);
                            self.pinned.insert((target, slot));
                            fits = false;
                        }
                    }
                }
                Kind::Slot(ty)
                    if let Some(raw) = raw
                        && self.may_stay(target, slot, ty)
                        && self.pinned.insert((target, slot)) =>
                {
                    shape.locals[slot] = Kind::Unsure(self.function.rep(raw));
                    fits = false;
                }
                Kind::Slot(ty) => {
                    self.sync_local(slot as u32);
                    let mut now = self.slot_type(slot as u32);
                    if !now.is(ty) && self.expects(target, now, ty) {
                        let object = self.object_in(slot as u32);
                        self.emit(Op::GuardType(ty), &[object], None, Some(state));
                        self.learn(object, ty);
                        now = ty;
                    }
                    if !now.is(ty) {
                        shape.locals[slot] = Kind::Slot(ty | now);
                        fits = false;
                    }
                }
            }
        }
        let locals = shape.locals.len();
        for (depth, expected) in shape.stack.iter_mut().enumerate() {
            let value = *self.env.stack.get(depth)?;
            let now = self.ty(value);
            let value = if expected.0 == Rep::Object {
                self.boxed(value)
            } else {
                value
            };
            if self.function.rep(value) != expected.0 {
                *expected = (Rep::Object, now | boxed_type(expected.0));
                fits = false;
            } else if !now.is(expected.1) && expected.0 == Rep::Object {
                let is_pinned = self.pinned.contains(&(target, locals + depth))
                    && now.may_be(expected.1)
                    && expected.1.is_one();
                if is_pinned || self.expects(target, now, expected.1) {
                    self.emit(Op::GuardType(expected.1), &[value], None, Some(state));
                    self.learn(value, expected.1);
                } else {
                    self.pinned.insert((target, locals + depth));
                    expected.1 = expected.1 | now;
                    fits = false;
                }
            }
            args.push(value);
        }
        self.shapes.insert(target, shape);
        fits.then_some(args)
    }

    /// Whether a variable can stay in its slot while it counts as unbound: nothing reads it before it gets another value, which releases
    /// nothing that runs code.
    fn may_stay(&self, target: u32, slot: usize, held: Type) -> bool {
        let live = self.live.get(&peel::offset(target));
        held.is(Type::SCALAR | Type::NULL)
            && live.is_some_and(|live| !live.contains(&(slot as u32)))
    }

    /// The unboxed value of a variable for a block that expects one.
    fn raw_local(&mut self, target: u32, slot: u32, rep: Rep, state: State) -> Option<Value> {
        let local = self.env.locals[slot as usize];
        if let Some(raw) = local.raw {
            return (self.function.rep(raw) == rep).then_some(raw);
        }
        let ty = boxed_type(rep);
        let known = self.slot_type(slot);
        let place = (target, slot as usize);
        if !known.may_be(ty)
            || !self.may_expect(target)
            || !(known == ty || self.pinned.contains(&place) || self.expects(target, known, ty))
        {
            return None;
        }
        let object = self.object_in(slot);
        if !self.ty(object).is(ty) {
            self.emit(Op::GuardType(ty), &[object], None, Some(state));
            self.learn(object, ty);
        }
        Some(self.unboxed(object, state))
    }

    /// The unboxed value of a variable that may be unbound or only in its slot, and whether it is bound and not in its slot.
    fn unsure_local(
        &mut self,
        target: u32,
        slot: u32,
        rep: Rep,
        state: State,
    ) -> Option<[Value; 2]> {
        let held = self.slot_type(slot);
        let is_unbound = self.env.locals[slot as usize].raw.is_none()
            && (held == Type::NULL || self.may_stay(target, slot as usize, held));
        let value = if is_unbound {
            let nothing = if rep == Rep::Float {
                Op::Float(0)
            } else {
                Op::Int(0)
            };
            self.value(nothing, &[], Type::NEVER)
        } else {
            self.raw_local(target, slot, rep, state)?
        };
        let bound = self.env.unsure.get(&value).copied();
        let bound = bound.unwrap_or_else(|| self.value(Op::Bool(!is_unbound), &[], Type::NEVER));
        Some([value, bound])
    }

    /// Whether a guard makes sure that what a handler leads to stays as it is without the handler.
    fn expects(&self, target: u32, known: Type, ty: Type) -> bool {
        self.is_cold && known.may_be(ty) && ty.is_one() && self.may_expect(target)
    }

    /// Whether guards may make sure that variables are what a block expects.
    fn may_expect(&self, target: u32) -> bool {
        !self.history.generic && !self.history.unexpected.contains(&peel::offset(target))
    }

    /// The object in the slot of a variable, which is not unboxed.
    fn object_in(&mut self, slot: u32) -> Value {
        let local = self.env.locals[slot as usize];
        local.object.unwrap_or_else(|| {
            let known = self.slot_type(slot);
            let object = self.value(Op::LoadLocal(slot), &[], known);
            self.env.locals[slot as usize].object = Some(object);
            object
        })
    }

    /// Begins a block where edges meet.
    pub(super) fn enter(&mut self, target: u32, block: Block) {
        self.block = block;
        let shape = self.shapes[&target].clone();
        let mut env = Env::default();
        for (slot, kind) in shape.locals.into_iter().enumerate() {
            env.locals.push(match kind {
                Kind::Known(rep) => {
                    let raw = self.parameter(rep, Type::NEVER);
                    let ty = boxed_type(rep);
                    let object = self.value(Op::LoadLocal(slot as u32), &[], ty);
                    env.raw.insert(object, raw);
                    env.boxed.insert(raw, object);
                    Local {
                        slot: ty,
                        object: Some(object),
                        raw: None,
                    }
                }
                Kind::Slot(slot) => Local {
                    slot,
                    object: None,
                    raw: None,
                },
                Kind::Raw(rep) | Kind::Unsure(rep) => {
                    let value = self.parameter(rep, Type::NEVER);
                    if matches!(kind, Kind::Unsure(_)) {
                        let bound = self.parameter(Rep::Bool, Type::NEVER);
                        env.unsure.insert(value, bound);
                    }
                    Local {
                        slot: Type::SCALAR | Type::NULL,
                        object: None,
                        raw: Some(value),
                    }
                }
            });
        }
        for (rep, ty) in shape.stack {
            let value = self.parameter(rep, ty);
            env.stack.push(value);
        }
        env.held.extend(env.stack.iter().copied());
        self.env = env;
    }

    fn parameter(&mut self, rep: Rep, ty: Type) -> Value {
        let value = self.function.value(rep, ty);
        self.function.blocks[self.block.0 as usize]
            .params
            .push(value);
        value
    }
}
