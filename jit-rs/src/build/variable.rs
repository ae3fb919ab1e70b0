//! Local variables and constants.

use super::{Builder, Local};
use crate::hir::{Helper, Op, Type, Value};
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::Constant;

impl Builder<'_> {
    pub(super) fn constant(&mut self, index: u32) -> Value {
        self.known(self.code.constants[index as usize], Op::Object)
    }

    /// An object whose value is known, and that `op` gives.
    pub(super) fn known(&mut self, constant: Constant, op: fn(u64) -> Op) -> Value {
        let object = self.value(op(constant.address), &[], constant.ty);
        if let Some(int) = constant.int {
            let value = self.value(Op::Int(int), &[], Type::NEVER);
            self.env.boxed.insert(value, object);
            self.env.raw.insert(object, value);
            self.env.ints.insert(value, int);
            self.env.ints.insert(object, int);
        } else if let Some(float) = constant.float {
            let value = self.value(Op::Float(float.to_bits()), &[], Type::NEVER);
            self.env.boxed.insert(value, object);
            self.env.raw.insert(object, value);
        } else if constant.ty == Type::BOOL {
            let value = self.known_bool(constant.address == runtime::true_object());
            self.env.boxed.insert(value, object);
            self.env.raw.insert(object, value);
        }
        object
    }

    /// A truth value that is known.
    pub(super) fn known_bool(&mut self, truth: bool) -> Value {
        let value = self.value(Op::Bool(truth), &[], Type::NEVER);
        self.env.bools.insert(value, truth);
        value
    }

    /// A variable that may be unbound: then the interpreter raises.
    pub(super) fn load_checked(&mut self, slot: u32) -> Value {
        let local = self.env.locals[slot as usize];
        if let Some(bound) = local.raw.and_then(|raw| self.env.unsure.get(&raw)) {
            self.guard(Op::Guard, &[*bound]);
        }
        if local.raw.is_some() || !self.slot_type(slot).may_be(Type::NULL) {
            return self.load(slot);
        }
        let ty = local.slot.without(Type::NULL);
        let value = self.guarded(Op::LoadLocal(slot), &[], ty);
        self.env.locals[slot as usize] = Local {
            slot: ty,
            object: Some(value),
            raw: None,
        };
        value
    }

    pub(super) fn load_and_clear(&mut self, slot: u32) {
        self.sync_local(slot);
        let ty = self.env.locals[slot as usize].slot;
        let value = self.value(Op::TakeLocal(slot), &[], ty);
        self.env.locals[slot as usize] = Local {
            slot: Type::NULL,
            object: None,
            raw: None,
        };
        self.push(value);
    }

    /// `variable += string`, which may extend the string in place. It includes the STORE_FAST that follows.
    pub(super) fn append_str(&mut self) -> bool {
        if self.guess() != op::BINARY_OP_INPLACE_ADD_UNICODE {
            return false;
        }
        let Some(&store) = self.code.at(self.instruction.next) else {
            return false;
        };
        let (left, right) = (self.peek(2), self.peek(1));
        let slot = store.oparg;
        // The other way to get here does not store.
        let is_same = store.opcode == op::STORE_FAST
            && self.env.locals[slot as usize].object == Some(left)
            && left != right
            && !self.flow.merges.contains(&store.start);
        if !is_same || !self.require(left, Type::STR) || !self.require(right, Type::STR) {
            return false;
        }
        self.pop();
        self.pop();
        self.env.locals[slot as usize] = Local {
            slot: Type::STR | Type::NULL,
            object: None,
            raw: None,
        };
        self.call(Helper::AppendStr, u64::from(slot), &[right], Type::NEVER);
        self.env.locals[slot as usize].slot = Type::STR;
        self.instruction.next = store.next;
        true
    }
}
