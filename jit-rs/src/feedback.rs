//! What the interpreter tells when it specializes an instruction, beyond what its inline cache holds. All by the offset of the opcode.

use crate::dependencies::Namespaces;
use crate::hir::{Convention, Math, Type};
use rustc_hash::FxHashMap;

/// Types of objects whose attributes an instruction accesses, or functions that it calls, that machine code tells apart.
const MAX_FORMS: usize = 4;

/// A function of the module `math` that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MathCall {
    /// Which one.
    pub function: Math,
    /// The address of its `PyMethodDef`, by which it is known.
    pub method: u64,
}

/// A class that is called to make an object, for which the interpreter has no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassCall {
    /// The version of the class.
    pub class: u32,
    /// The address of the function that is its `__init__` as long as it has that version.
    pub init: u64,
    /// The version of the function.
    pub version: u32,
}

/// An operator, a comparison or an assignment to a subscript that a class defines by a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorCall {
    /// The version of the class of the left operand, or of the container.
    pub left: u32,
    /// The same of the right one, if there is one.
    pub right: u32,
    /// The address of the function that is the method of the left one as long as it has that version.
    pub method: u64,
    /// The version of the function.
    pub version: u32,
}

/// What an access to an attribute is specialized for: its opcode and its inline cache, as in `_PyLoadMethodCache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    /// The specialized opcode.
    pub opcode: u8,
    /// The version of the type of the owner.
    pub version: u32,
    /// The index among the inline values, or the offset of a slot.
    pub index: u32,
    /// The version of the shared keys.
    pub keys: u32,
    /// The address of what the class has.
    pub value: u64,
}

/// How many types or functions an instruction may have met before it is no more told apart which.
const MAX_TYPES: u32 = 8;

/// What an access to an attribute has been specialized for.
#[derive(Debug, Clone, Default)]
pub struct Forms {
    /// The last ones, one for each type.
    last: Vec<Form>,
    /// How many types there have been.
    types: u32,
    /// Whether a form has not fitted an object of its own type: its values have become a dictionary, for example.
    misfits: bool,
}

impl Forms {
    fn add(&mut self, form: Form) {
        // It has been specialized for that already, and the object that it has missed for is of that type.
        self.misfits |= self.last.last() == Some(&form);
        let count = self.last.len();
        self.last.retain(|known| known.version != form.version);
        self.types += u32::from(self.last.len() == count);
        self.last.push(form);
        // The last ones fit best what comes.
        if self.last.len() > MAX_FORMS {
            self.last.remove(0);
        }
    }

    /// Those that machine code tells apart; none if there are too many, or one of them is not enough.
    pub fn told_apart(&self) -> Option<&[Form]> {
        (self.types <= MAX_TYPES && !self.misfits).then_some(&self.last)
    }
}

/// Functions that a call has been specialized for after another one was called there, by their versions.
#[derive(Debug, Clone, Default)]
pub struct Callees {
    /// The last ones.
    last: Vec<u32>,
    /// How many there have been.
    count: u32,
}

impl Callees {
    fn add(&mut self, version: u32) {
        let count = self.last.len();
        self.last.retain(|&known| known != version);
        self.count += u32::from(self.last.len() == count);
        self.last.push(version);
        if self.last.len() > MAX_FORMS {
            self.last.remove(0);
        }
    }

    /// Those that machine code tells apart; none if there are too many.
    pub fn told_apart(&self) -> &[u32] {
        if self.count <= MAX_TYPES {
            &self.last
        } else {
            &[]
        }
    }
}

/// What is known of the instructions of a code object.
#[derive(Debug, Clone, Default)]
pub struct Feedback {
    /// The types of operands for which there is no specialized form.
    pub seen: FxHashMap<u32, [Type; 3]>,
    /// The functions of the module `math` that are called.
    pub math: FxHashMap<u32, MathCall>,
    /// The classes that are called.
    pub classes: FxHashMap<u32, ClassCall>,
    /// Of the classes that are called, those whose objects may go without anything that can tell, by their versions.
    pub unseen_deaths: FxHashMap<u32, u32>,
    /// The operators and comparisons that classes define: the last one of each instruction.
    pub operators: FxHashMap<u32, OperatorCall>,
    /// The versions of the `__init__` and `__getitem__` that are called, and of functions with keywords.
    pub specials: FxHashMap<u32, u32>,
    /// What accesses to attributes have been specialized for after another type was found there.
    pub forms: FxHashMap<u32, Forms>,
    /// What calls have been specialized for after another function was called there.
    pub callees: FxHashMap<u32, Callees>,
    /// Where it has last looked up the names of globals.
    pub namespaces: Option<Namespaces>,
    /// The addresses of what variables of modules have held, when they were loaded first.
    pub variables: FxHashMap<u32, u64>,
    /// The functions that accesses to attributes find, by the version of the class and their addresses, and where they look up globals.
    pub functions: FxHashMap<(u32, u64), Namespaces>,
    /// The methods of built-in classes that they find, also of what is derived from these, and how these are called at which address.
    pub descriptors: FxHashMap<(u32, u64), (Convention, u64)>,
}

impl Feedback {
    /// An instruction has operands of these types.
    pub fn saw(&mut self, offset: u32, types: [Type; 3]) {
        let seen = self.seen.entry(offset).or_insert([Type::NEVER; 3]);
        for (seen, ty) in seen.iter_mut().zip(types) {
            *seen = *seen | ty;
        }
    }

    /// Another function is called.
    pub fn saw_callee(&mut self, offset: u32, version: u32) {
        self.callees.entry(offset).or_default().add(version);
    }

    /// An access to an attribute has another form now.
    pub fn saw_form(&mut self, offset: u32, form: Form) {
        self.forms.entry(offset).or_default().add(form);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_add_up() {
        let mut feedback = Feedback::default();
        feedback.saw(3, [Type::INT, Type::FLOAT, Type::NEVER]);
        feedback.saw(3, [Type::INT, Type::INT, Type::NEVER]);
        let expected = [Type::INT, Type::FLOAT | Type::INT, Type::NEVER];
        assert_eq!(feedback.seen[&3], expected);
    }

    #[test]
    fn the_last_callees_are_kept() {
        let mut feedback = Feedback::default();
        for version in [1, 2, 3, 2, 4, 5] {
            feedback.saw_callee(7, version);
        }
        assert_eq!(feedback.callees[&7].told_apart(), [3, 2, 4, 5]);
        for version in 6..=MAX_TYPES + 1 {
            feedback.saw_callee(7, version);
        }
        assert!(feedback.callees[&7].told_apart().is_empty());
    }

    #[test]
    fn the_last_forms_are_kept_one_for_each_type() {
        let mut feedback = Feedback::default();
        let form = |version, index| Form {
            opcode: 1,
            version,
            index,
            keys: 0,
            value: 0,
        };
        for version in [1, 2, 3, 2, 4, 5] {
            feedback.saw_form(7, form(version, 0));
        }
        feedback.saw_form(7, form(3, 9));
        let told_apart = feedback.forms[&7].told_apart().expect("not too many");
        let kept: Vec<_> = told_apart
            .iter()
            .map(|form| (form.version, form.index))
            .collect();
        assert_eq!(kept, [(2, 0), (4, 0), (5, 0), (3, 9)]);
        for version in 6..=MAX_TYPES + 1 {
            feedback.saw_form(7, form(version, 0));
        }
        assert!(feedback.forms[&7].told_apart().is_none());
        feedback.saw_form(9, form(1, 0));
        feedback.saw_form(9, form(2, 0));
        feedback.saw_form(9, form(1, 0));
        assert!(feedback.forms[&9].told_apart().is_some());
        feedback.saw_form(9, form(1, 0));
        assert!(feedback.forms[&9].told_apart().is_none());
    }
}
