//! Items of arrays of the module `array`.

use super::{Generator, trusted};
use crate::hir::{Element, Leave, State};
use crate::layout;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

impl Generator<'_> {
    /// Leaves unless an array has such items.
    pub(super) fn require_elements(
        &mut self,
        element: Element,
        array: ir::Value,
        state: State,
        leave: &Leave,
    ) {
        let descr = self.load(types::I64, array, layout::ARRAY_DESCR);
        // Its first field.
        let typecode = self.load(types::I8, descr, 0);
        let expected = i64::from(element.typecode());
        let wrong = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::NotEqual, typecode, expected);
        self.leave_if(wrong, state, leave, true);
    }

    fn element(&mut self, element: Element, array: ir::Value, place: ir::Value) -> ir::Value {
        let items = self.load(types::I64, array, layout::ARRAY_ITEMS);
        let offset = self
            .builder
            .ins()
            .ishl_imm_s(place, i64::from(element.shift()));
        self.builder.ins().iadd(items, offset)
    }

    pub(super) fn array_item(
        &mut self,
        element: Element,
        array: ir::Value,
        place: ir::Value,
    ) -> ir::Value {
        let address = self.element(element, array, place);
        let ins = self.builder.ins();
        match element {
            Element::Double => ins.load(types::F64, trusted(), address, 0),
            Element::Long => ins.load(types::I64, trusted(), address, 0),
            Element::Int => ins.sload32(trusted(), address, 0),
            Element::Byte => ins.uload8(types::I64, trusted(), address, 0),
        }
    }

    /// Operands are the number, the array and the place.
    pub(super) fn set_array_item(
        &mut self,
        element: Element,
        operands: [ir::Value; 3],
        state: Option<State>,
        leave: &Leave,
    ) {
        let [number, array, place] = operands;
        let narrow = match element {
            Element::Double | Element::Long => None,
            Element::Int => Some(self.builder.ins().ireduce(types::I32, number)),
            Element::Byte => Some(self.builder.ins().ireduce(types::I8, number)),
        };
        if let (Some(narrow), Some(state)) = (narrow, state) {
            let back = if element == Element::Int {
                self.builder.ins().sextend(types::I64, narrow)
            } else {
                self.builder.ins().uextend(types::I64, narrow)
            };
            let wrong = self.builder.ins().icmp(IntCC::NotEqual, back, number);
            self.leave_if(wrong, state, leave, true);
        }
        let address = self.element(element, array, place);
        self.store(narrow.unwrap_or(number), address, 0);
    }
}
