//! Values with a reference of their own, which are released at the end of the instruction that uses them last: that may run code,
//! and with it ends what is known of the memory of objects.

use super::Builder;
use crate::hir::{Op, Ownership, Rep, Type, Value};

impl Builder<'_> {
    /// An operation has been built that may give values a reference of their own: its result, or if it may release something, all that
    /// is needed afterwards (see `passes::refcount`).
    pub(super) fn hold(&mut self, op: Op, result: Option<Value>) {
        if op.runs_code() || op.releases() {
            self.env.held.extend(self.env.stack.iter().copied());
        }
        if op.ownership() == Ownership::Owned {
            self.env.held.extend(result);
        }
    }

    /// An instruction ends.
    pub(super) fn let_go(&mut self) {
        if self.is_inlined() {
            return;
        }
        let mut held = std::mem::take(&mut self.env.held);
        let mut released = Vec::new();
        held.retain(|&value| {
            let in_slot = |local: &super::Local| local.object == Some(value);
            let is_kept = self.env.stack.contains(&value) || self.env.locals.iter().any(in_slot);
            if !is_kept && self.runs_code_if_released(value) {
                released.push(value);
            }
            is_kept
        });
        self.env.held = held;
        if !released.is_empty() {
            released.sort_unstable();
            self.forget_memory();
            self.emit(Op::Releases, &released, None, None);
        }
    }

    pub(super) fn runs_code_if_released(&self, value: Value) -> bool {
        self.function.rep(value) == Rep::Object
            && !self.ty(value).is(Type::SCALAR | Type::NULL | Type::NONE)
    }

    /// Code may have run.
    pub(super) fn forget_memory(&mut self) {
        self.env.versions.clear();
        self.env.polled = false;
    }
}
