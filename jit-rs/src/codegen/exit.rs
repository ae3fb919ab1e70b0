//! How native code is left at some place, as data that `src/c/border.c` works on: much smaller than code that does it.

use crate::layout;
use std::sync::atomic::{AtomicU32, Ordering};

/// What to do with a value: `enum clinker_act`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Act {
    /// Makes an int an object.
    BoxInt,
    /// Makes a float an object.
    BoxFloat,
    /// Makes a truth value an object.
    BoxBool,
    /// Puts the object into a slot.
    Slot,
    /// Puts a new reference into a slot.
    SlotShared,
    /// Puts the object on the stack.
    Stack,
    /// Puts a new reference on the stack.
    StackShared,
    /// Drops the reference.
    Drop,
    /// Makes it the function of a frame.
    Function,
    /// The same with a new reference.
    FunctionShared,
    /// Makes it the object whose `__init__` a frame executes.
    NewObject,
    /// The same with a new reference.
    NewObjectShared,
    /// Leaves out as many actions as the place says, unless the truth value is true.
    SkipUnless,
    /// Makes it the next item of a tuple, or the next part of an object: its class, or what is at an offset, which is the place.
    Item,
    /// The same with a new reference.
    ItemShared,
    /// Puts a tuple of the items on the stack.
    Tuple,
    /// Puts it there once more.
    TupleAgain,
    /// Puts a new dictionary on the stack.
    Keywords,
    /// Makes an object of the parts, which takes the place of the value.
    Instance,
}

/// A frame that is pushed: `struct clinker_inlined`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Push {
    /// The address of the code object.
    pub code: u64,
    /// The address of its instruction.
    pub instr: u64,
    /// Its stack pointer.
    pub stacktop: u32,
    /// The size of the call that pushes it, in code units.
    pub call: u16,
    /// What that is: `enum clinker_call_kind`.
    pub kind: u16,
}

/// A step of leaving: `struct clinker_action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Action {
    /// What to do.
    pub act: Act,
    /// In which frame: 0 is that of the native code, others are pushed.
    pub frame: u8,
    /// Where to put the object: the index among the slots of the frame, which the stack follows.
    pub place: u16,
    /// The index of the value: constants come first.
    pub value: u32,
}

/// The head of an exit: `struct clinker_exit`.
#[derive(Debug)]
#[repr(C)]
struct Head {
    next: u64,
    actions: *const Action,
    constants: *const u64,
    pushes: *const Push,
    instr: u64,
    push_count: u32,
    constant_count: u32,
    action_count: u32,
    slot_count: u32,
    stacktop: i32,
    times: AtomicU32,
    guess: i32,
    code: u64,
}

const _: () = assert!(size_of::<Head>() == layout::EXIT_SIZE);
const _: () = assert!(size_of::<Action>() == layout::ACTION_SIZE);
const _: () = assert!(size_of::<Push>() == layout::PUSH_SIZE);

/// What leaving at a place does.
#[derive(Debug, Default)]
pub struct Plan {
    /// The address of the instruction where the interpreter goes on, or 0 if it handles an exception.
    pub next: u64,
    /// Steps; those about slots come first, drops last.
    pub actions: Vec<Action>,
    /// How many steps are about slots.
    pub slots: usize,
    /// Values that are known.
    pub constants: Vec<u64>,
    /// The frames that are pushed, and the address of the call where the frame waits for them.
    pub pushes: Vec<Push>,
    /// See there.
    pub instr: u64,
    /// The stack pointer of the frame afterwards.
    pub stacktop: u32,
    /// The instruction where native code is left.
    pub offset: u32,
    /// Whether leaving there shows that a guess at the instruction was wrong.
    pub refutes: bool,
    /// The handler where the interpreter goes on if it handles an exception.
    pub handler: Option<u32>,
    /// The address of the code object.
    pub code: u64,
    /// What is executed in place of a call there.
    pub inner: Option<Inner>,
    /// Whether the guess is one at variables, for an edge that leads there.
    pub is_edge: bool,
}

/// Where native code is left in what is executed in place of a call, innermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inner {
    /// The address of the code object.
    pub code: u64,
    /// The instruction.
    pub offset: u32,
    /// How many guesses at it had been wrong by then.
    pub refuted: u32,
}

/// An exit that machine code refers to by its address.
#[derive(Debug)]
pub struct Exit {
    offset: u32,
    inner: Option<Inner>,
    is_edge: bool,
    /// How many of the times have been told.
    told: u32,
    /// How many guesses at the instruction had been wrong by then.
    known: u32,
    head: Box<Head>,
    _actions: Box<[Action]>,
    _constants: Box<[u64]>,
    pushes: Box<[Push]>,
}

// SAFETY: the pointers lead to what the exit owns and nobody changes; the counter is atomic.
unsafe impl Send for Exit {}

impl Exit {
    /// An exit that follows a plan.
    pub fn new(plan: Plan) -> Self {
        let (actions, constants) = (
            plan.actions.into_boxed_slice(),
            plan.constants.into_boxed_slice(),
        );
        let pushes = plan.pushes.into_boxed_slice();
        let head = Head {
            next: plan.next,
            actions: actions.as_ptr(),
            constants: constants.as_ptr(),
            pushes: pushes.as_ptr(),
            instr: plan.instr,
            push_count: pushes.len() as u32,
            constant_count: constants.len() as u32,
            action_count: actions.len() as u32,
            slot_count: plan.slots as u32,
            stacktop: plan.stacktop as i32,
            times: AtomicU32::new(0),
            guess: if plan.refutes {
                plan.offset as i32
            } else {
                plan.handler.map_or(-1, |handler| handler as i32)
            },
            code: plan.code,
        };
        Self {
            offset: plan.offset,
            inner: plan.inner,
            is_edge: plan.is_edge,
            told: 0,
            known: 0,
            head: Box::new(head),
            _actions: actions,
            _constants: constants,
            pushes,
        }
    }

    /// Its address, which stays the same when the exit is moved.
    pub fn address(&self) -> u64 {
        std::ptr::from_ref(&*self.head) as u64
    }

    /// The instruction where native code is left.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Whether the interpreter handles an exception there.
    pub fn raises(&self) -> bool {
        self.head.next == 0
    }

    /// The code objects of the functions whose frames are pushed, outermost first.
    pub fn pushed(&self) -> impl Iterator<Item = u64> {
        self.pushes.iter().map(|push| push.code)
    }

    /// The instruction whose guess it refutes, and how often it has.
    pub fn refuted(&self) -> Option<(u32, u32)> {
        (self.head.guess >= 0 && self.head.next != 0).then(|| (self.offset, self.times()))
    }

    /// Whether the guess is one at variables, for an edge that leads there.
    pub fn is_edge(&self) -> bool {
        self.is_edge
    }

    /// How many guesses at the instruction had been wrong when it was compiled.
    pub fn known(&self) -> u32 {
        self.known
    }

    /// Tells it.
    pub fn remember(&mut self, known: u32) {
        self.known = known;
    }

    /// What is executed in place of a call there.
    pub fn inner(&self) -> Option<Inner> {
        self.inner
    }

    /// The handler where the interpreter goes on, and how often it has.
    pub fn reached(&self) -> Option<(u32, u32)> {
        let handler = u32::try_from(self.head.guess).ok()?;
        (self.head.next == 0).then(|| (handler, self.times()))
    }

    /// How often native code has been left there.
    pub fn times(&self) -> u32 {
        self.head.times.load(Ordering::Relaxed)
    }

    /// The instruction where native code is left, and how often it has been since this was asked.
    pub fn news(&mut self) -> (u32, u32) {
        let times = self.times();
        let told = std::mem::replace(&mut self.told, times);
        // It may have been set back.
        (self.offset, times.saturating_sub(told))
    }
}
