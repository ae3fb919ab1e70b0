//! Attributes of objects of several types.

use super::Generator;
use crate::feedback::Form;
use crate::hir::{Leave, State};
use crate::layout;
use crate::opcode as op;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// Leaves unless the type of an object has the version of one of the forms with an index.
    pub(super) fn require_forms(
        &mut self,
        owner: ir::Value,
        index: u32,
        state: State,
        leave: &Leave,
    ) {
        let function = self.function;
        let version = self.version(owner);
        let on = self.builder.create_block();
        let (last, others) = function.forms[index as usize]
            .split_last()
            .expect("there are several");
        for form in others {
            let fits = self.has_version(version, form, IntCC::Equal);
            self.unless(fits, on);
        }
        let wrong = self.has_version(version, last, IntCC::NotEqual);
        self.leave_if(wrong, state, leave, true);
        self.builder.ins().jump(on, &[]);
        self.builder.switch_to_block(on);
    }

    /// The attribute that the form finds which fits the type of an object, of those with an index.
    pub(super) fn load_forms(
        &mut self,
        owner: ir::Value,
        index: u32,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let function = self.function;
        let version = self.version(owner);
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, types::I64);
        let (last, others) = function.forms[index as usize]
            .split_last()
            .expect("there are several");
        for form in others {
            let fits = self.has_version(version, form, IntCC::Equal);
            let (found, next) = (self.builder.create_block(), self.builder.create_block());
            self.builder.ins().brif(fits, found, &[], next, &[]);
            self.builder.switch_to_block(found);
            let value = self.load_form(owner, form, state, leave);
            self.builder.ins().jump(done, &[value.into()]);
            self.builder.switch_to_block(next);
        }
        let wrong = self.has_version(version, last, IntCC::NotEqual);
        self.leave_if(wrong, state, leave, true);
        let value = self.load_form(owner, last, state, leave);
        self.builder.ins().jump(done, &[value.into()]);
        self.builder.switch_to_block(done);
        result
    }

    /// Leaves if an object has a dictionary, which would be at an offset.
    pub(super) fn require_no_dict(
        &mut self,
        owner: ir::Value,
        offset: i32,
        state: State,
        leave: &Leave,
    ) {
        let flags = super::trusted();
        let dict = self.builder.ins().load(types::I64, flags, owner, offset);
        let has_one = self.builder.ins().icmp_imm_s(IntCC::NotEqual, dict, 0);
        self.leave_if(has_one, state, leave, true);
    }

    fn version(&mut self, owner: ir::Value) -> ir::Value {
        let class = self.class(owner);
        self.load(types::I32, class, layout::TYPE_VERSION)
    }

    fn has_version(&mut self, version: ir::Value, form: &Form, compare: IntCC) -> ir::Value {
        let expected = i64::from(form.version as i32);
        self.builder.ins().icmp_imm_s(compare, version, expected)
    }

    fn load_form(
        &mut self,
        owner: ir::Value,
        form: &Form,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let has_values = matches!(
            form.opcode,
            op::LOAD_ATTR_INSTANCE_VALUE
                | op::LOAD_ATTR_METHOD_WITH_VALUES
                | op::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES
        );
        if has_values {
            self.require_values(owner, state, leave);
        }
        let offset = match form.opcode {
            op::LOAD_ATTR_INSTANCE_VALUE => layout::INLINE_VALUES + 8 * form.index as usize,
            op::LOAD_ATTR_SLOT => form.index as usize,
            _ => {
                if has_values {
                    let class = self.class(owner);
                    self.require_shared_keys(class, form.keys, state, leave);
                }
                if let Some(offset) = form.lazy_dict() {
                    self.require_no_dict(owner, offset, state, leave);
                }
                return self.int(form.value as i64);
            }
        };
        let value = self.load(types::I64, owner, offset);
        self.leave_if_null(value, Some(state), leave);
        value
    }
}
