//! Calls of the runtime's helpers.

use super::Generator;
use crate::hir::{Helper, Leave, Passing, Returns, State};
use crate::layout;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    pub(super) fn helper(
        &mut self,
        helper: Helper,
        number: u64,
        args: &[ir::Value],
        state: Option<State>,
        leave: &Leave,
    ) -> Option<ir::Value> {
        let mut operands = vec![self.tstate, self.frame];
        if helper.runs_code() {
            self.record(state);
        }
        if helper.passing() == Passing::Stack {
            operands.push(self.store_operands(args));
        } else {
            operands.extend_from_slice(args);
        }
        operands.push(self.int(number as i64));
        if helper.has_cache() {
            operands.push(self.int(self.cache as i64));
            self.cache += layout::CACHE_SIZE as u64;
        }
        if helper.runs_code() {
            self.unchecked = true;
        }
        self.tell_once();
        self.call_helper(helper, &operands, state, leave)
    }

    /// Calls a helper with all that it gets, and handles what it raises.
    pub(super) fn call_helper(
        &mut self,
        helper: Helper,
        operands: &[ir::Value],
        state: Option<State>,
        leave: &Leave,
    ) -> Option<ir::Value> {
        let returns = match helper.returns() {
            Returns::Object | Returns::Next | Returns::Sure => Some(types::I64),
            Returns::Status | Returns::Bool | Returns::Truth => Some(types::I32),
            Returns::Nothing => None,
        };
        let result = self.call(helper.name(), operands, returns)?;
        let raised = match helper.returns() {
            Returns::Object => IntCC::Equal,
            Returns::Next => {
                let raised = self.builder.ins().icmp_imm_s(IntCC::Equal, result, 1);
                return self.checked(raised, result, state, leave);
            }
            Returns::Status | Returns::Bool => IntCC::SignedLessThan,
            Returns::Truth => return Some(self.builder.ins().ireduce(types::I8, result)),
            Returns::Nothing | Returns::Sure => return Some(result),
        };
        let raised = self.builder.ins().icmp_imm_s(raised, result, 0);
        self.checked(raised, result, state, leave);
        match helper.returns() {
            Returns::Bool => Some(self.builder.ins().ireduce(types::I8, result)),
            Returns::Status => None,
            _ => Some(result),
        }
    }

    /// Hands operands over to a helper, and gives the address of the first.
    pub(super) fn store_operands(&mut self, operands: &[ir::Value]) -> ir::Value {
        self.operand_count = self.operand_count.max(operands.len());
        for (index, &value) in operands.iter().enumerate() {
            self.builder
                .ins()
                .stack_store(types::I64, value, self.operands, 8 * index as i32);
        }
        self.builder.ins().stack_addr(types::I64, self.operands, 0)
    }

    fn checked(
        &mut self,
        raised: ir::Value,
        result: ir::Value,
        state: Option<State>,
        leave: &Leave,
    ) -> Option<ir::Value> {
        if let Some(state) = state {
            self.raise_if(raised, state, leave);
        }
        Some(result)
    }
}
