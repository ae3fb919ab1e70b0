//! Functions of the module `math`.

use super::Generator;
use crate::hir::{Leave, Math, State};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// Leaves unless an object is the built-in function with a `PyMethodDef`.
    pub(super) fn require_builtin(
        &mut self,
        callable: ir::Value,
        method: u64,
        state: State,
        leave: &Leave,
    ) {
        self.require_class(callable, runtime::builtin_class(), state, leave);
        let found = self.load(types::I64, callable, layout::BUILTIN_METHOD);
        let expected = self.int(method as i64);
        let is_other = self.builder.ins().icmp(IntCC::NotEqual, found, expected);
        self.leave_if(is_other, state, leave, true);
    }

    /// As `math_1()` of `Modules/mathmodule.c` for a function that is finite everywhere: it raises if there is no result.
    pub(super) fn math(
        &mut self,
        function: Math,
        x: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let result = match function {
            Math::Sqrt => self.builder.ins().sqrt(x),
            Math::Sin | Math::Cos => {
                let name = if function == Math::Sin { "sin" } else { "cos" };
                let result = self.call(name, &[x], Some(types::F64));
                result.expect("it has a result")
            }
        };
        let is_nan = self.builder.ins().fcmp(FloatCC::Unordered, result, result);
        let is_number = self.builder.ins().fcmp(FloatCC::Ordered, x, x);
        let raises = self.builder.ins().band(is_nan, is_number);
        self.leave_if(raises, state, leave, true);
        result
    }
}
