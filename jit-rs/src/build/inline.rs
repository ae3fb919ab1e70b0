//! Small functions that are executed in place of a call of them, without a frame.
//!
//! Nobody may look while such a function is being executed: it runs no other code, neither by a call nor by releasing
//! something. Where the interpreter takes over, the frames are pushed that it would have pushed (`FrameState::inlined`). So the
//! function is built like the code around it, with variables that are values; as soon as something is built that may run
//! code, all is built again with a real call. Where it branches, what follows is built for each way, up to its end.

use super::env::Env;
use super::inlinee::is_left;
use super::instruction::Then;
use super::{Builder, History, Local};
use crate::codegen;
use crate::hir::{Block, CallKind, Inlined, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::{Callee, Code, Inlinee, Instruction};
use rustc_hash::FxHashSet;

/// Instructions that are built for a call at most, in all the ways that they are reached.
const MAX_INSTRUCTIONS: u32 = 200;

/// What is around a function that is executed in place of a call.
pub(super) struct Outer<'a> {
    code: &'a Code,
    history: &'a History,
    instruction: Instruction,
    locals: Vec<Local>,
    stack: Vec<Value>,
    /// What it stands for: the index among the callees, the function, and the new object of which it is the `__init__`.
    callee: u32,
    function: Value,
    object: Option<Value>,
    /// The number of the operator whose method it is.
    operator: Option<u8>,
}

impl Outer<'_> {
    fn kind(&self) -> CallKind {
        match self.operator {
            _ if self.object.is_some() => CallKind::Class,
            Some(number) => CallKind::Operator(number),
            None => CallKind::Call,
        }
    }

    fn is_assignment(&self) -> bool {
        self.operator.map(usize::from) == Some(layout::SET_ITEM)
    }
}

/// What is being built in place of calls.
#[derive(Default)]
pub(super) struct Inlining<'a> {
    outer: Vec<Outer<'a>>,
    /// Where the innermost function goes on after a branch.
    branches: Vec<(u32, Block, Env)>,
    /// New objects, which must not die in it.
    objects: FxHashSet<Value>,
    /// An unbound variable.
    null: Option<Value>,
    built: u32,
    /// Where the outermost call begins.
    start: u32,
    /// Whether it has turned out that it may run code.
    spoiled: bool,
}

impl Inlining<'_> {
    pub(super) fn is_active(&self) -> bool {
        !self.outer.is_empty()
    }

    /// The outermost call, if it has turned out that what is executed in its place may run code.
    pub(super) fn refused(&self) -> Option<u32> {
        self.spoiled.then_some(self.start)
    }

    /// Whether an operation belongs to what is executed in place of a call: not the borders of instructions, at which nothing
    /// can have happened. One that may run code ends the attempt.
    pub(super) fn admits(&mut self, op: Op, args: &[Value]) -> bool {
        self.spoiled |= op.runs_code() || op.raises();
        let is_put = matches!(
            op,
            Op::PutInlineValue(_) | Op::PutField(_) | Op::PutTupleItem(_) | Op::PutListItem
        );
        if is_put && let Some(object) = args.first() {
            // Another object keeps it.
            self.objects.remove(object);
        }
        !matches!(op, Op::Boundary | Op::Periodic)
    }

    /// Stands for an unbound variable, which ends the attempt.
    pub(super) fn unbound(&mut self) -> Option<Value> {
        let null = self.null.filter(|_| !self.outer.is_empty())?;
        self.spoiled = true;
        Some(null)
    }

    /// A block leads to an instruction.
    pub(super) fn branch(&mut self, target: u32, block: Block, env: Env) {
        self.branches.push((target, block, env));
    }
}

impl<'a> Builder<'a> {
    /// The function that is to be executed in place of the current call, as far as it is known.
    pub(super) fn inlinee(&self) -> Option<&'a Inlinee> {
        let inlinee = self.code.inlinees.get(&self.instruction.start)?;
        let depth = self.inlining.outer.len();
        let start = if depth == 0 {
            self.instruction.start
        } else {
            self.inlining.start
        };
        (self.may_guess() && !self.refused.contains(&start)).then_some(inlinee)
    }

    /// Executes a function in place of the current call, whose operands are on the stack still, if that can be done. `operands` is
    /// their number, `args` are the arguments; `make` makes the new object of which the function is the `__init__`, when nothing is in the way any
    /// more. Says how the instruction ends.
    pub(super) fn inline(
        &mut self,
        callee: Callee,
        function: Value,
        operands: usize,
        args: &[Value],
        make: impl FnOnce(&mut Self) -> Option<Value>,
    ) -> Result<Option<Then>, String> {
        let Some((inlinee, index)) = self.guard_inlinee(callee) else {
            return Ok(None);
        };
        let object = make(self);
        let args: Vec<Value> = object.into_iter().chain(args.iter().copied()).collect();
        self.env.stack.truncate(self.env.stack.len() - operands);
        self.inline_body(inlinee, index, function, &args, object, None)
            .map(Some)
    }

    /// The same for the method of an operator or comparison with a number: its operands are on the stack until it has ended.
    pub(super) fn inline_operator(
        &mut self,
        callee: Callee,
        function: Value,
        args: &[Value],
        number: u8,
    ) -> Result<Option<Then>, String> {
        let Some((inlinee, index)) = self.guard_inlinee(callee) else {
            return Ok(None);
        };
        self.inline_body(inlinee, index, function, args, None, Some(number))
            .map(Some)
    }

    /// Makes sure that nothing is in the way of a function that is to be executed in place of the current call; gives its index
    /// among the callees.
    fn guard_inlinee(&mut self, callee: Callee) -> Option<(&'a Inlinee, u32)> {
        let inlinee = self.inlinee()?;
        let outer = self.inlining.outer.iter();
        let around = outer.map(|outer| self.function.callees[outer.callee as usize].frame_size);
        if (around.sum::<u32>() + callee.frame_size) as usize > codegen::MAX_FRAMES {
            return None;
        }
        let index = self.callee(callee);
        self.guard(Op::GuardRoom, &[]);
        Some((inlinee, index))
    }

    fn inline_body(
        &mut self,
        inlinee: &'a Inlinee,
        callee: u32,
        function: Value,
        args: &[Value],
        object: Option<Value>,
        operator: Option<u8>,
    ) -> Result<Then, String> {
        if !self.is_inlined() {
            self.inlining.objects.clear();
            self.inlining.built = 0;
            self.inlining.start = self.instruction.start;
            let null = self.value(Op::Null, &[], Type::NULL);
            self.inlining.null = Some(null);
        }
        self.inlining.objects.extend(object);
        let locals =
            (0..inlinee.code.locals as usize).map(|slot| variable(args.get(slot).copied()));
        let locals = std::mem::replace(&mut self.env.locals, locals.collect());
        let outer = Outer {
            code: std::mem::replace(&mut self.code, &inlinee.code),
            history: std::mem::replace(&mut self.history, &inlinee.history),
            instruction: self.instruction,
            locals,
            stack: std::mem::take(&mut self.env.stack),
            callee,
            function,
            object,
            operator,
        };
        self.inlining.outer.push(outer);
        let mut around = std::mem::take(&mut self.inlining.branches);
        let ended = self.ways(inlinee, args, &mut around);
        self.inlining.branches = around;
        ended
    }

    /// Builds the function in all ways that it can go. If it is executed in another one, that goes on as often.
    fn ways(
        &mut self,
        inlinee: &Inlinee,
        args: &[Value],
        around: &mut Vec<(u32, Block, Env)>,
    ) -> Result<Then, String> {
        let first = inlinee.code.instructions.first();
        let start = first.map_or(0, |instruction| instruction.start);
        let mut work = vec![(start, self.block, self.env.clone())];
        let mut ends = Vec::new();
        while let Some((start, block, env)) = work.pop() {
            self.block = block;
            self.env = env;
            if let Some(value) = self.way(start)? {
                let outer = self.end_inlined(args, value);
                ends.push((self.block, self.env.clone()));
                // The next way begins in the function again.
                self.begin_again(outer);
            }
            work.append(&mut self.inlining.branches);
        }
        let outer = self.inlining.outer.pop().expect("it has begun");
        self.leave_inlined(&outer);
        // Of several ways it may go one only, as the operands tell.
        if ends.len() == 1 {
            (self.block, self.env) = ends.remove(0);
            return Ok(Then::Next);
        }
        let next = self.instruction.next;
        for (block, env) in ends {
            if self.is_inlined() {
                around.push((next, block, env));
            } else {
                self.block = block;
                self.env = env;
                self.boundary(Op::Boundary, next);
                self.go(next);
            }
        }
        Ok(Then::Ended)
    }

    /// Builds instructions up to a branch, or the end, of which it gives the value.
    fn way(&mut self, start: u32) -> Result<Option<Value>, String> {
        let mut offset = start;
        loop {
            let instruction = self.code.at(offset);
            let instruction = *instruction.ok_or("jumps into the middle of an instruction")?;
            self.instruction = instruction;
            self.state = self.state_at(instruction.start);
            self.inlining.built += 1;
            offset = instruction.next;
            match instruction.opcode {
                op::RETURN_VALUE => {
                    self.require_implemented();
                    return Ok(Some(self.pop()));
                }
                op::RETURN_CONST => return Ok(Some(self.constant(instruction.oparg))),
                op::JUMP_FORWARD => offset += instruction.oparg,
                // Signals and finalizers run there, in the frame that the function has then.
                op::RESUME => self.guard(Op::BackEdge, &[]),
                _ if is_left(self.code, self.history, &instruction) => {
                    // If that is often, there has to be a call.
                    self.leave_unseen();
                    return Ok(None);
                }
                _ => {
                    let then = self.operation()?;
                    // What it was built together with may be behind it.
                    offset = self.instruction.next;
                    self.check_objects();
                    if self.inlining.spoiled || self.inlining.built > MAX_INSTRUCTIONS {
                        self.inlining.spoiled = true;
                        return Err("a function turns out to run code".into());
                    }
                    if matches!(then, Then::Ended) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The function returns a value: goes on after the call.
    fn end_inlined(&mut self, args: &[Value], value: Value) -> Outer<'a> {
        self.inlining.spoiled |= self.may_die_in_another_order(args);
        let mut args: Vec<Value> = args
            .iter()
            .copied()
            .filter(|&arg| self.function.rep(arg) == Rep::Object)
            .collect();
        let outer = self.inlining.outer.last();
        if outer.is_some_and(|outer| outer.object.is_some()) {
            // With keywords, what calls a class drops what it has passed, in the order of the call.
            args.sort_unstable();
        } else if outer.is_some_and(Outer::is_assignment) {
            // The value comes last of the arguments, and is dropped first.
            args.rotate_right(1);
        }
        self.emit(Op::EndInline, &args, None, None);
        let outer = self.inlining.outer.pop().expect("it has begun");
        self.leave_inlined(&outer);
        self.env.locals.clone_from(&outer.locals);
        self.env.stack.clone_from(&outer.stack);
        let result = outer.object.unwrap_or(value);
        let drops_result = outer.object.is_some() || outer.is_assignment();
        if drops_result && !self.ty(value).is(Type::NONE) {
            self.inlining.spoiled = true;
        }
        match outer.operator {
            Some(number) => self.end_operator(result, number),
            None => self.push(result),
        }
        outer
    }

    /// Whether a frame would release an argument, which nobody else has, before a variable that holds a part of it: native code
    /// borrows the part, which dies with the argument. Tuples are for `passes/tuples.rs`.
    fn may_die_in_another_order(&self, args: &[Value]) -> bool {
        let outer = self.inlining.outer.iter();
        let around = outer.flat_map(|outer| outer.locals.iter());
        let around: FxHashSet<Value> = around.filter_map(|local| local.object).collect();
        let dies = |arg: &Value| {
            self.env.held.contains(arg)
                && self.runs_code_if_released(*arg)
                && self.ty(*arg) != Type::TUPLE
                && !around.contains(arg)
        };
        let is_part = |local: &Local| {
            local.object.is_some_and(|object| {
                !args.contains(&object)
                    && !self.env.held.contains(&object)
                    && !around.contains(&object)
                    && self.runs_code_if_released(object)
            })
        };
        args.iter().any(dies) && self.env.locals.iter().any(is_part)
    }

    /// If the method of an operator returns `NotImplemented`, the interpreter goes on.
    fn require_implemented(&mut self) {
        let value = self.peek(1);
        let outer = self.inlining.outer.last();
        if outer.is_none_or(|outer| outer.operator.is_none() || outer.is_assignment())
            || !self.ty(value).may_be(Type::OTHER)
            || self.is_new(value)
        {
            return;
        }
        let not_implemented = self.object(runtime::not_implemented(), Type::OTHER);
        let is_it = self.value(Op::Is, &[value, not_implemented], Type::NEVER);
        let is_not = self.value(Op::Not, &[is_it], Type::NEVER);
        self.guard(Op::Guard, &[is_not]);
    }

    fn leave_inlined(&mut self, outer: &Outer<'a>) {
        self.code = outer.code;
        self.history = outer.history;
        self.instruction = outer.instruction;
    }

    fn begin_again(&mut self, outer: Outer<'a>) {
        let inlinee = self.code.inlinees.get(&self.instruction.start);
        if let Some(inlinee) = inlinee {
            self.code = &inlinee.code;
            self.history = &inlinee.history;
        }
        self.inlining.outer.push(outer);
    }

    /// A new object that nobody has any more would be released, which is for the end of the call.
    fn check_objects(&mut self) {
        let outer = self.inlining.outer.iter();
        let mut held: FxHashSet<Value> = outer
            .flat_map(|outer| {
                let locals = outer.locals.iter().filter_map(|local| local.object);
                locals
                    .chain(outer.stack.iter().copied())
                    .chain(outer.object)
            })
            .collect();
        held.extend(self.env.locals.iter().filter_map(|local| local.object));
        held.extend(self.env.stack.iter().copied());
        if self
            .inlining
            .objects
            .iter()
            .any(|object| !held.contains(object))
        {
            self.inlining.spoiled = true;
        }
    }

    /// Puts a value into a variable of a function that is executed in place of a call.
    pub(super) fn store_inlined(&mut self, slot: u32, value: Value) {
        let old = self.env.locals[slot as usize];
        let released = old.object.map_or(Type::NULL, |object| self.ty(object));
        if !released.is(Type::SCALAR | Type::NULL) {
            self.inlining.spoiled = true;
        }
        self.env.locals[slot as usize] = variable(Some(value));
    }

    /// Whether what is being built is executed in place of a call.
    pub(super) fn is_inlined(&self) -> bool {
        self.inlining.is_active()
    }

    /// A new object, which must not die in a function that is executed in place of a call.
    pub(super) fn is_made(&mut self, object: Value) {
        if self.is_inlined() {
            self.inlining.objects.insert(object);
        }
    }

    /// Whether it is an object that was made in what is executed in place of a call, and that no other object keeps.
    pub(super) fn is_new(&self, object: Value) -> bool {
        self.is_inlined() && self.inlining.objects.contains(&object)
    }

    /// Makes sure that a store releases nothing that runs code, if it is executed in place of a call.
    pub(super) fn require_replaceable(&mut self, owner: Value, offset: u32) -> bool {
        let is_inlined = self.is_inlined();
        if is_inlined {
            self.guard(Op::GuardReplaceable(offset), &[owner]);
        }
        is_inlined
    }

    /// The function that is executed in place of a call, innermost.
    pub(super) fn inlined_function(&self) -> Option<Value> {
        self.inlining.outer.last().map(|outer| outer.function)
    }

    /// What the frames would hold that do not exist: the values, and which they are.
    pub(super) fn inlined_state(&self, offset: u32) -> (Vec<Value>, Vec<Inlined>) {
        let mut stack = Vec::new();
        let mut inlined = Vec::new();
        let outer = &self.inlining.outer;
        for (index, around) in outer.iter().enumerate() {
            if index == 0 {
                stack.extend(&around.stack);
            }
            let inner = outer.get(index + 1);
            let (locals, values) = match inner {
                Some(inner) => (&inner.locals, &inner.stack),
                None => (&self.env.locals, &self.env.stack),
            };
            inlined.push(Inlined {
                callee: around.callee,
                base: stack.len() as u32,
                offset: inner.map_or(offset, |inner| inner.instruction.offset),
                call: around.instruction.next - around.instruction.offset,
                kind: around.kind(),
            });
            stack.extend(around.object);
            stack.push(around.function);
            let null = self.inlining.null.expect("made at the start");
            stack.extend(
                locals
                    .iter()
                    .map(|local| local.raw.or(local.object).unwrap_or(null)),
            );
            stack.extend(values);
        }
        (stack, inlined)
    }

    /// The offset of the instruction that the frame executes.
    pub(super) fn at(&self) -> u32 {
        let outer = self.inlining.outer.first();
        outer.map_or(self.instruction.offset, |outer| outer.instruction.offset)
    }

    /// The outermost call, and the variables of the frame that exists.
    pub(super) fn around(&self) -> Option<(u32, &[Local])> {
        let outer = self.inlining.outer.first()?;
        Some((outer.instruction.start, &outer.locals))
    }
}

/// A variable that has no slot.
fn variable(value: Option<Value>) -> Local {
    Local {
        slot: Type::NULL,
        object: value,
        raw: None,
    }
}
