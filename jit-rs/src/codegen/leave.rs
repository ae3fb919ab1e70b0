//! Leaving native code.

use super::Generator;
use crate::hir::{Leave, Rep, State, Type, Value};
use crate::layout;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use std::collections::HashMap;

impl Generator<'_> {
    /// Leaves in a block that is seldom entered if a condition holds.
    pub(super) fn leave_if(
        &mut self,
        condition: ir::Value,
        state: State,
        leave: &Leave,
        refutes: bool,
    ) {
        let (cold, on) = self.seldom(condition);
        self.builder.switch_to_block(cold);
        let offset = self.function.state(state).offset;
        self.leave(state, leave, true, refutes.then_some(offset));
        self.builder.switch_to_block(on);
    }

    /// Lets the interpreter go on with a state. Writes unboxed variables to their slots if `dirty`. Counts the exit if it
    /// refutes a guess.
    pub(super) fn leave(&mut self, state: State, leave: &Leave, dirty: bool, refutes: Option<u32>) {
        self.write_back(state, leave, dirty);
        let target = self.function.state(state).offset;
        let next = self.int((self.code.address + 2 * u64::from(target)) as i64);
        self.store(next, self.frame, layout::FRAME_INSTR_PTR);
        self.drop_all(&leave.drop);
        if let Some(offset) = refutes {
            self.count(offset);
        }
        self.builder.ins().return_(&[next]);
    }

    /// Lets the interpreter handle the exception that the current instruction has raised.
    pub(super) fn raise(&mut self, state: State, leave: &Leave) {
        self.write_back(state, leave, true);
        self.drop_all(&leave.drop);
        let null = self.int(0);
        self.builder.ins().return_(&[null]);
    }

    /// Leaves with an exception if a condition holds.
    pub(super) fn raise_if(&mut self, condition: ir::Value, state: State, leave: &Leave) {
        let (cold, on) = self.seldom(condition);
        self.builder.switch_to_block(cold);
        self.raise(state, leave);
        self.builder.switch_to_block(on);
    }

    fn write_back(&mut self, state: State, leave: &Leave, dirty: bool) {
        let function = self.function;
        let state = function.state(state);
        for &value in &leave.take {
            let object = self.get(value);
            self.incref(object, function.ty(value));
        }
        // One object for each value, wherever it is needed.
        let mut boxes = HashMap::new();
        for (depth, &value) in state.stack.iter().enumerate() {
            let object = self.leaving_object(value, &mut boxes);
            self.store(object, self.frame, self.stack(depth));
        }
        if dirty {
            for &(slot, value) in &state.dirty {
                let object = self.leaving_object(value, &mut boxes);
                self.replace_scalar(slot, object);
            }
        }
        // Whoever has written to the variables has left objects to release.
        let written = self.is_written();
        let height = self.code.locals as usize + state.stack.len();
        let height = self.int32(height as i64);
        self.store(height, self.frame, layout::FRAME_STACKTOP);
        let (cold, on) = self.seldom(written);
        self.builder.switch_to_block(cold);
        let frame = self.frame;
        self.call("release_kept", &[frame], None);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Puts an object into a slot that holds a scalar or nothing.
    fn replace_scalar(&mut self, slot: u32, object: ir::Value) {
        let old = self.load(types::I64, self.frame, Self::slot(slot));
        self.store(object, self.frame, Self::slot(slot));
        self.call("decref", &[old], None);
    }

    /// A reference to the object of a value.
    fn leaving_object(&mut self, value: Value, boxes: &mut HashMap<Value, ir::Value>) -> ir::Value {
        let raw = self.get(value);
        let name = match self.function.rep(value) {
            Rep::Object => return raw,
            Rep::Bool => return self.box_bool(raw),
            Rep::Int => "box_int",
            Rep::Float => "box_float",
        };
        if let Some(&object) = boxes.get(&value) {
            self.incref(object, Type::OBJECT);
            return object;
        }
        let object = self
            .call(name, &[raw], Some(types::I64))
            .expect("it has a result");
        boxes.insert(value, object);
        object
    }

    fn drop_all(&mut self, values: &[Value]) {
        for &value in values {
            let object = self.get(value);
            self.call("decref", &[object], None);
        }
    }

    fn count(&mut self, offset: u32) {
        let index = self.exits.len();
        self.exits.push(offset);
        let address = self.int((self.memory.counters + 4 * index as u64) as i64);
        let count = self.load(types::I32, address, 0);
        let count = self.builder.ins().iadd_imm_s(count, 1);
        self.store(count, address, 0);
        let limit = crate::compiler::MAX_EXITS;
        let reached = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::Equal, count, i64::from(limit));
        let (cold, on) = self.seldom(reached);
        self.builder.switch_to_block(cold);
        let id = self.int(self.id as i64);
        let offset = self.int(i64::from(offset));
        self.call("refuted", &[id, offset], None);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// Releases the last reference to an object, which may run any code: it sees the frame as it will be after the
    /// instruction. The block is left by a jump to `on`.
    pub(super) fn dealloc(
        &mut self,
        object: ir::Value,
        state: Option<State>,
        leave: &Leave,
        on: ir::Block,
    ) {
        let Some(state) = state else {
            self.call("dealloc", &[object], None);
            self.builder.ins().jump(on, &[]);
            return;
        };
        let function = self.function;
        let mut boxes = HashMap::new();
        for &(slot, value) in &function.state(state).dirty {
            let boxed = self.leaving_object(value, &mut boxes);
            self.replace_scalar(slot, boxed);
        }
        self.tell(self.at);
        self.call("dealloc", &[object], None);
        let written = self.is_written();
        let out = self.builder.create_block();
        self.builder.set_cold_block(out);
        self.builder.ins().brif(written, out, &[], on, &[]);
        self.builder.switch_to_block(out);
        self.leave(state, leave, false, None);
    }

    /// Tells the frame which instruction is executed.
    pub(super) fn tell(&mut self, offset: u32) {
        let instr = self.int((self.code.address + 2 * u64::from(offset)) as i64);
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
