//! Calls of functions of C, as the specialized forms of `CALL` in `Python/bytecodes.c` make them.

use super::Generator;
use crate::hir::{Convention, Leave, State, Type};
use crate::{layout, runtime};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Convention {
    /// The flags that say so.
    pub fn flags(self) -> usize {
        match self {
            Self::NoArgs => layout::METH_NOARGS,
            Self::One => layout::METH_O,
            Self::Fast => layout::METH_FASTCALL,
            Self::FastKeywords => layout::METH_FASTCALL | layout::METH_KEYWORDS,
        }
    }

    /// What some flags say, if that is one of them.
    pub fn of(flags: usize) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|convention| convention.flags() == flags & layout::METH_CONVENTION)
    }
}

impl Generator<'_> {
    /// The address of the function behind a built-in function.
    pub(super) fn builtin_address(
        &mut self,
        convention: Convention,
        callable: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        self.require_class(callable, runtime::builtin_class(), state, leave);
        let method = self.load(types::I64, callable, layout::BUILTIN_METHOD);
        self.method_address(convention, method, state, leave)
    }

    /// The address of the function behind a method of the type of an object.
    pub(super) fn descriptor_address(
        &mut self,
        convention: Convention,
        callable: ir::Value,
        owner: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        self.require_class(callable, runtime::descriptor_class(), state, leave);
        let expected = self.load(types::I64, callable, layout::DESCRIPTOR_CLASS);
        let class = self.class(owner);
        let is_other = self.builder.ins().icmp(IntCC::NotEqual, class, expected);
        self.leave_if(is_other, state, leave, true);
        let method = self.load(types::I64, callable, layout::DESCRIPTOR_METHOD);
        self.method_address(convention, method, state, leave)
    }

    /// The address of what makes objects of a class.
    pub(super) fn maker_address(
        &mut self,
        class: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let metaclass = self.class(class);
        self.require_flag(metaclass, layout::TYPE_SUBCLASS, state, leave);
        let address = self.load(types::I64, class, layout::TYPE_MAKER);
        self.leave_if_null(address, Some(state), leave);
        address
    }

    /// Leaves unless an object is of a class.
    pub(super) fn require_class(
        &mut self,
        object: ir::Value,
        class: u64,
        state: State,
        leave: &Leave,
    ) {
        let found = self.class(object);
        let expected = self.int(class as i64);
        let is_other = self.builder.ins().icmp(IntCC::NotEqual, found, expected);
        self.leave_if(is_other, state, leave, true);
    }

    /// The address in a `PyMethodDef` whose flags ask for a convention.
    fn method_address(
        &mut self,
        convention: Convention,
        method: ir::Value,
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        let flags = self.load(types::I32, method, layout::METHOD_FLAGS);
        let mask = layout::METH_CONVENTION as i64;
        let flags = self.builder.ins().band_imm_s(flags, mask);
        let expected = convention.flags() as i64;
        let is_other = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, flags, expected);
        self.leave_if(is_other, state, leave, true);
        self.load(types::I64, method, layout::METHOD_ADDRESS)
    }

    /// Calls a function by its address with what is passed as `self`, or a built-in function that has that, and other arguments. Their
    /// types tell which references are counted.
    pub(super) fn call_c(
        &mut self,
        (convention, is_bound): (Convention, bool),
        operands: &[ir::Value],
        types: &[Type],
        state: State,
        leave: &Leave,
    ) -> ir::Value {
        self.begin_call(state);
        let (address, first, args) = (operands[0], operands[1], &operands[2..]);
        let owner = if is_bound {
            self.load(types::I64, first, layout::BUILTIN_SELF)
        } else {
            first
        };
        let null = self.int(0);
        let passed = match convention {
            Convention::NoArgs => vec![owner, null],
            Convention::One => vec![owner, args[0]],
            Convention::Fast | Convention::FastKeywords => {
                let base = self.store_operands(args);
                let count = self.int(args.len() as i64);
                let mut passed = vec![owner, base, count];
                passed.extend((convention == Convention::FastKeywords).then_some(null));
                passed
            }
        };
        if convention.recurses() {
            self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, -1);
        }
        let signature = self.signature(&passed, Some(types::I64));
        let call = self
            .builder
            .ins()
            .call_indirect(signature, address, &passed);
        let result = self.builder.inst_results(call)[0];
        if convention.recurses() {
            self.add_i32(self.tstate, layout::TSTATE_C_RECURSION, 1);
        }
        for (&operand, &ty) in operands.iter().zip(types).skip(1) {
            self.decref(operand, ty, Some(state), leave);
        }
        let raised = self.builder.ins().icmp_imm_s(IntCC::Equal, result, 0);
        self.raise_if(raised, state, leave);
        result
    }
}
