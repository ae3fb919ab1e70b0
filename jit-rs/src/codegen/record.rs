//! What a frame is asked by while native code runs other code: a `struct clinker_record` on the stack of C, which tells
//! where the values of the unboxed variables are. So nothing is boxed before calls.

use super::exit::{Exit, Plan};
use super::leave::Planner;
use super::{Generator, sized};
use crate::hir::{FrameState, Function, State, Value};
use crate::layout;
use cranelift_codegen::ir::{self, InstBuilder, types};
use rustc_hash::FxHashMap;

/// The unboxed variables of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Unboxed {
    /// Slots and their values.
    pub values: Vec<(u32, Value)>,
    /// Those that may be unbound, and what tells whether they are bound.
    pub unsure: Vec<(u32, Value)>,
}

impl Unboxed {
    pub(super) fn of(state: &FrameState) -> Self {
        Self {
            values: state.dirty.clone(),
            unsure: state.unsure.clone(),
        }
    }
}

/// The record of a function that has some.
pub(super) struct Record {
    head: ir::StackSlot,
    values: ir::StackSlot,
    count: usize,
    /// The addresses of what has to be done.
    plans: FxHashMap<Unboxed, u64>,
    /// What the record says at this point, if that is known.
    now: Option<Unboxed>,
}

/// Whether code runs anywhere while variables are unboxed.
fn is_needed(function: &Function) -> bool {
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    insts
        .filter(|inst| inst.op.runs_code())
        .filter_map(|inst| inst.state)
        .any(|state| !function.state(state).dirty.is_empty())
}

impl Generator<'_> {
    /// Puts the address of the record, or NULL, where `src/c/frame.c` looks for it: the first place of the value stack, which
    /// native code does not use.
    pub(super) fn begin_record(&mut self) {
        if is_needed(self.function) {
            let none = self.int(0);
            let head = sized(&mut self.builder, layout::RECORD_SIZE);
            let values = sized(&mut self.builder, 8);
            self.builder
                .ins()
                .stack_store(types::I64, none, head, layout::RECORD_EXIT as i32);
            let begin = self.builder.ins().stack_addr(types::I64, values, 0);
            self.builder
                .ins()
                .stack_store(types::I64, begin, head, layout::RECORD_VALUES as i32);
            self.record = Some(Record {
                head,
                values,
                count: 1,
                plans: FxHashMap::default(),
                now: None,
            });
        }
        self.link_record();
    }

    /// Lets the frame lead to the record.
    pub(super) fn link_record(&mut self) {
        let address = match &self.record {
            Some(record) => self.builder.ins().stack_addr(types::I64, record.head, 0),
            None => self.int(0),
        };
        let place = self.stack(0);
        self.store(address, self.frame, place);
    }

    /// Fixes the size of the record.
    pub(super) fn end_record(&mut self) {
        if let Some(record) = &self.record {
            self.builder.func.sized_stack_slots[record.values].size = 8 * record.count as u32;
        }
    }

    /// It is not known what the record says.
    pub(super) fn forget_record(&mut self) {
        if let Some(record) = &mut self.record {
            record.now = None;
        }
    }

    /// Code is going to run: says which variables are unboxed in a state.
    pub(super) fn record(&mut self, state: Option<State>) {
        let unboxed = state.map_or_else(Unboxed::default, |state| {
            Unboxed::of(self.function.state(state))
        });
        let Some(record) = &self.record else {
            return;
        };
        if record.now.as_ref() == Some(&unboxed) {
            return;
        }
        let address = if unboxed.values.is_empty() {
            0
        } else {
            self.record_values(&unboxed)
        };
        self.set_record(address);
        if layout::HOOKS == 0 && address != 0 {
            // Nobody asks for them.
            self.call("show", &[self.frame], None);
        }
        self.record.as_mut().expect("there is one").now = Some(unboxed);
    }

    /// Stores the values; gives the address of what has to be done with them.
    fn record_values(&mut self, unboxed: &Unboxed) -> u64 {
        let mut planner = Planner::default();
        planner.slots(self.function, unboxed);
        let (actions, constants, values) = self.parts(planner);
        let record = self.record.as_mut().expect("there is one");
        record.count = record.count.max(values.len());
        let (slot, known) = (record.values, record.plans.get(unboxed).copied());
        for (index, value) in values.into_iter().enumerate() {
            let raw = self.word(value);
            self.builder
                .ins()
                .stack_store(types::I64, raw, slot, 8 * index as i32);
        }
        known.unwrap_or_else(|| {
            let exit = Exit::new(Plan {
                slots: actions.len(),
                actions,
                constants,
                code: self.id,
                ..Plan::default()
            });
            let address = exit.address();
            self.exits.push(exit);
            let record = self.record.as_mut().expect("there is one");
            record.plans.insert(unboxed.clone(), address);
            address
        })
    }

    fn set_record(&mut self, address: u64) {
        let address = self.int(address as i64);
        let head = self.record.as_ref().expect("there is one").head;
        self.builder
            .ins()
            .stack_store(types::I64, address, head, layout::RECORD_EXIT as i32);
    }
}
