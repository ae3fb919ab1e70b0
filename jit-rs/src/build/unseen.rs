//! What has not been executed by now.

use crate::layout;
use crate::opcode;
use crate::snapshot::{Code, Instruction};

impl Code {
    /// Whether the interpreter has not executed an instruction often enough to try to specialize it.
    pub fn is_unseen(&self, instruction: &Instruction) -> bool {
        if instruction.specialized != instruction.opcode
            || !matches!(
                instruction.opcode,
                opcode::BINARY_OP
                    | opcode::BINARY_SUBSCR
                    | opcode::CALL
                    | opcode::COMPARE_OP
                    | opcode::CONTAINS_OP
                    | opcode::FOR_ITER
                    | opcode::LOAD_ATTR
                    | opcode::LOAD_GLOBAL
                    | opcode::STORE_ATTR
                    | opcode::STORE_SUBSCR
                    | opcode::TO_BOOL
                    | opcode::UNPACK_SEQUENCE
            )
        {
            return false;
        }
        // The `_Py_BackoffCounter` of `adaptive_counter_warmup()`.
        let counter = usize::from(self.cache16(instruction, 0));
        counter & 15 == layout::WARMUP_BACKOFF && counter >> 4 <= layout::WARMUP_VALUE
    }
}
