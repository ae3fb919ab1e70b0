//! Entries of dictionaries whose place is guessed.

use super::{Generator, trusted};
use crate::hir::{Leave, State};
use crate::layout;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// An attribute in the dictionary of an object, as LOAD_ATTR_WITH_HINT.
    pub(super) fn load_hint(
        &mut self,
        owner: ir::Value,
        name: ir::Value,
        index: u32,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let before = -(layout::MANAGED_DICT_BEFORE as i32);
        let dict = self
            .builder
            .ins()
            .load(types::I64, trusted(), owner, before);
        self.leave_if_null(dict, Some(state), leave);
        self.load_entry(dict, name, index, state, leave)
    }

    /// The value of a name that is expected at an index of a dictionary. Other kinds of dictionaries than that of strings may hold
    /// deferred imports.
    pub(super) fn load_entry(
        &mut self,
        dict: ir::Value,
        name: ir::Value,
        index: u32,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let keys = self.load(types::I64, dict, layout::DICT_KEYS);
        let kind = self.load(types::I8, keys, layout::KEYS_KIND);
        let unicode = layout::DICT_KEYS_UNICODE as i64;
        let is_other = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, kind, unicode);
        self.leave_if(is_other, state, leave, true);
        let count = self.load(types::I64, keys, layout::KEYS_COUNT);
        let outside =
            self.builder
                .ins()
                .icmp_imm_s(IntCC::UnsignedLessThanOrEqual, count, i64::from(index));
        self.leave_if(outside, state, leave, true);
        let entry = self.keys_entry(keys, index);
        let key = self.load(types::I64, entry, layout::KEYS_ENTRY_KEY);
        let is_other = self.builder.ins().icmp(IntCC::NotEqual, key, name);
        self.leave_if(is_other, state, leave, true);
        let value = self.load(types::I64, entry, layout::KEYS_ENTRY_VALUE);
        self.leave_if_null(value, Some(state), leave);
        value
    }

    /// The address of the entry at an index of the keys of a dictionary of strings.
    pub(super) fn keys_entry(&mut self, keys: ir::Value, index: u32) -> ir::Value {
        let log2 = self.builder.ins().uload8(
            types::I64,
            super::trusted(),
            keys,
            layout::KEYS_LOG2_INDEX_BYTES as i32,
        );
        let one = self.int(1);
        let indices = self.builder.ins().ishl(one, log2);
        let entries = self.builder.ins().iadd(keys, indices);
        let offset = layout::KEYS_SIZE + layout::KEYS_ENTRY_SIZE * index as usize;
        self.builder.ins().iadd_imm_s(entries, offset as i64)
    }
}
