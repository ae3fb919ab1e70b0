//! What accesses to attributes are specialized for.

use crate::feedback::{Form, Forms};
use crate::layout;
use crate::opcode as op;
use crate::snapshot::{Code, Instruction};

impl Form {
    /// Reads the inline cache. What the opcode does not use is 0.
    pub fn new(opcode: u8, cache: impl Fn(usize) -> u16) -> Self {
        let wide = |index: usize, words: usize| {
            let words = (0..words).map(|word| u64::from(cache(index + word)) << (16 * word));
            words.sum::<u64>()
        };
        let mut form = Self {
            opcode,
            version: wide(1, 2) as u32,
            index: 0,
            keys: 0,
            value: 0,
        };
        match opcode {
            op::LOAD_ATTR_METHOD_WITH_VALUES | op::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES => {
                form.keys = wide(3, 2) as u32;
                form.value = wide(5, 4);
            }
            op::LOAD_ATTR_METHOD_NO_DICT | op::LOAD_ATTR_NONDESCRIPTOR_NO_DICT => {
                form.value = wide(5, 4);
            }
            op::LOAD_ATTR_METHOD_LAZY_DICT => {
                form.index = u32::from(cache(3));
                form.value = wide(5, 4);
            }
            _ => form.index = u32::from(cache(3)),
        }
        form
    }

    /// Whether it finds a function that is called with the owner as its first argument.
    pub fn is_method(&self) -> bool {
        matches!(
            self.opcode,
            op::LOAD_ATTR_METHOD_WITH_VALUES
                | op::LOAD_ATTR_METHOD_NO_DICT
                | op::LOAD_ATTR_METHOD_LAZY_DICT
        )
    }

    /// Where the objects have a dictionary as soon as one is asked for, if the form is for those without, in bytes from their address.
    pub fn lazy_dict(&self) -> Option<i32> {
        (self.opcode == op::LOAD_ATTR_METHOD_LAZY_DICT)
            .then_some(self.index as i32 - layout::MANAGED_DICT_BEFORE as i32)
    }

    /// Whether machine code can follow it besides others.
    pub fn is_simple(&self) -> bool {
        self.is_method()
            || matches!(
                self.opcode,
                op::LOAD_ATTR_INSTANCE_VALUE
                    | op::LOAD_ATTR_SLOT
                    | op::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES
                    | op::LOAD_ATTR_NONDESCRIPTOR_NO_DICT
                    | op::STORE_ATTR_INSTANCE_VALUE
                    | op::STORE_ATTR_SLOT
            )
    }
}

impl Code {
    /// All that an access to an attribute has been specialized for, of different types, as far as machine code can follow it;
    /// none if it has to be prepared for others.
    pub fn forms(&self, instruction: &Instruction) -> Vec<Form> {
        let known = self.feedback.forms.get(&instruction.offset);
        let Some(before) = known.map_or(Some(&[][..]), Forms::told_apart) else {
            return Vec::new();
        };
        let now = Form::new(instruction.specialized, |index| {
            self.cache16(instruction, index as u32)
        });
        let mut forms: Vec<Form> = Vec::new();
        for form in [&now].into_iter().chain(before) {
            if form.is_simple() && !forms.iter().any(|known| known.version == form.version) {
                forms.push(*form);
            }
        }
        forms
    }
}
