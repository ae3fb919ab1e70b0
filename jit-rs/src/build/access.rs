//! Attributes, globals and tuples: what the inline caches know most about.

use super::Builder;
use super::instruction::Then;
use crate::feedback::Form;
use crate::hir::{Helper, Op, Rep, Type, Value};
use crate::layout;
use crate::opcode as op;
use crate::runtime;
use crate::snapshot::{Scope, Settled};

impl Builder<'_> {
    pub(super) fn build_tuple(&mut self) {
        let count = self.instruction.oparg;
        let tuple = self.new_tuple(count as usize);
        let items = self.pop_many(count);
        self.fill_tuple(tuple, &items);
        self.push(tuple);
    }

    /// A tuple with room. Without memory, the interpreter tries the instruction again, and raises.
    pub(super) fn new_tuple(&mut self, count: usize) -> Value {
        if count == 0 {
            return self.object(runtime::empty_tuple(), Type::TUPLE);
        }
        let number = count as u64;
        let tuple = self.call_value(Helper::NewTuple, number, &[], Type::TUPLE | Type::NULL);
        self.require_object(tuple);
        self.learn(tuple, Type::TUPLE);
        self.is_made(tuple);
        tuple
    }

    /// Puts the items into a new tuple.
    pub(super) fn fill_tuple(&mut self, tuple: Value, items: &[Value]) {
        for (index, &item) in items.iter().enumerate() {
            let item = self.boxed(item);
            self.emit(Op::PutTupleItem(index as u32), &[item, tuple], None, None);
        }
    }

    // Attributes and globals

    pub(super) fn require_version(&mut self, owner: Value, version: u32) {
        if self.env.versions.get(&owner) != Some(&version) {
            self.guard(Op::GuardVersion(version), &[owner]);
            self.env.versions.insert(owner, version);
        }
    }

    /// The function of a property, in place of the attribute.
    pub(super) fn call_property(&mut self) -> Result<Option<Then>, String> {
        let owner = self.peek(1);
        if self.guess() != op::LOAD_ATTR_PROPERTY || self.function.rep(owner) != Rep::Object {
            return Ok(None);
        }
        let version = self.code.cache32(&self.instruction, 1);
        let getter = self.code.cache64(&self.instruction, 5);
        self.call_special(1, |builder| {
            builder.require_version(owner, version);
            builder.value(Op::Cached(getter), &[], Type::FUNCTION)
        })
    }

    pub(super) fn load_attr(&mut self) -> Result<(), String> {
        let instruction = self.instruction;
        let name = self.name(instruction.oparg >> 1);
        let is_method = instruction.oparg & 1 != 0;
        let owner = self.peek(1);
        let owner = self.boxed(owner);
        let forms = self.forms();
        if let Some(form) = forms.first()
            && forms
                .iter()
                .all(|other| other.is_method() == form.is_method())
            && (is_method || !form.is_method())
        {
            let value = self.load_forms(owner, &forms);
            self.pop();
            self.push(value);
            if is_method {
                self.push_self(owner, form.is_method());
            }
            return Ok(());
        }
        let version = self.code.cache32(&instruction, 1);
        let index = u32::from(self.code.cache16(&instruction, 3));
        let cached = self.code.cache64(&instruction, 5);
        let settled = self
            .settled()
            .filter(|settled| self.is_of_module(settled, owner));
        let value = match self.guess() {
            op::LOAD_ATTR_MODULE if let Some(settled) = settled => self.load_settled(settled),
            op::LOAD_ATTR_WITH_HINT => {
                self.require_version(owner, version);
                let name = self.object(name, Type::STR);
                self.guarded(Op::LoadHint(index), &[owner, name], Type::OBJECT)
            }
            op::LOAD_ATTR_MODULE if self.require(owner, Type::MODULE) => {
                let dict = Op::LoadField(layout::MODULE_DICT as u32);
                let dict = self.guarded(dict, &[owner], Type::OBJECT);
                self.guard(Op::GuardKeys(version), &[dict]);
                self.guarded(Op::LoadGlobal(index), &[dict], Type::OBJECT)
            }
            op::LOAD_ATTR_CLASS => {
                self.guard(Op::GuardClass(version), &[owner]);
                // It is that as long as the class has the version.
                match self.code.class_constants.get(&(version, cached)) {
                    Some(&constant) => self.known(constant, Op::Cached),
                    None => self.value(Op::Cached(cached), &[], Type::OBJECT),
                }
            }
            _ if is_method => {
                self.pop();
                self.call(Helper::LoadMethod, name, &[owner], Type::NEVER);
                self.push_operand(0, Type::OBJECT);
                self.push_operand(1, Type::ANY);
                return Ok(());
            }
            _ => {
                let quiet = self.quiet_handler();
                self.pop();
                let value = match quiet {
                    Some(quiet) => self.find(quiet, Helper::FindAttr, name, &[owner])?,
                    None => self.call_value(Helper::LoadAttr, name, &[owner], Type::OBJECT),
                };
                self.push(value);
                return Ok(());
            }
        };
        self.pop();
        self.push(value);
        if is_method {
            self.push_self(owner, false);
        }
        Ok(())
    }

    /// Whether a variable is an attribute of a module that is known.
    fn is_of_module(&self, settled: &Settled, owner: Value) -> bool {
        let Scope::Module(module, _) = settled.scope else {
            return false;
        };
        self.modules.get(&owner) == Some(&module)
    }

    /// What comes after a function or method: the owner of the function as its first argument, or nothing.
    fn push_self(&mut self, owner: Value, is_needed: bool) {
        let second = if is_needed {
            owner
        } else {
            self.value(Op::Null, &[], Type::NULL)
        };
        self.push(second);
    }

    /// What the current access to an attribute is guessed to find: after a wrong guess perhaps another type.
    fn forms(&self) -> Vec<Form> {
        if self.may_guess() || self.may_guess_again() {
            self.code.forms(&self.instruction)
        } else {
            Vec::new()
        }
    }

    fn load_forms(&mut self, owner: Value, forms: &[Form]) -> Value {
        let first = forms[0];
        let is_same = forms.iter().all(|form| {
            (form.opcode, form.index, form.keys, form.value)
                == (first.opcode, first.index, first.keys, first.value)
        });
        if !is_same {
            let index = self.add_forms(forms);
            return self.guarded(Op::LoadForms(index), &[owner], Type::OBJECT);
        }
        self.require_forms(owner, forms);
        match first.opcode {
            op::LOAD_ATTR_INSTANCE_VALUE => {
                self.guard(Op::GuardValues, &[owner]);
                let offset = layout::INLINE_VALUES as u32 + 8 * first.index;
                self.guarded(Op::LoadField(offset), &[owner], Type::OBJECT)
            }
            op::LOAD_ATTR_SLOT => self.guarded(Op::LoadField(first.index), &[owner], Type::OBJECT),
            _ => {
                if first.keys != 0 {
                    self.guard(Op::GuardValues, &[owner]);
                    self.guard(Op::GuardSharedKeys(first.keys), &[owner]);
                }
                if let Some(offset) = first.lazy_dict() {
                    self.guard(Op::GuardLazyDict(offset), &[owner]);
                }
                let function = self.code.functions.get(&(first.version, first.value));
                let ty = function.map_or(Type::OBJECT, |_| Type::FUNCTION);
                let value = self.value(Op::Cached(first.value), &[], ty);
                if let Some(&namespaces) = function {
                    self.functions.insert(value, namespaces);
                }
                if let Some(&method) = self.code.methods.get(&first.value) {
                    self.methods.insert(value, method);
                }
                value
            }
        }
    }

    /// The index of forms among those of the function.
    fn add_forms(&mut self, forms: &[Form]) -> u32 {
        self.function.forms.push(forms.to_vec());
        self.function.forms.len() as u32 - 1
    }

    /// Makes sure that an object has one of the types of some forms.
    fn require_forms(&mut self, owner: Value, forms: &[Form]) {
        match forms {
            [form] => self.require_version(owner, form.version),
            _ => {
                let index = self.add_forms(forms);
                self.guard(Op::GuardForms(index), &[owner]);
            }
        }
    }

    /// Leaves if a helper has found nothing.
    pub(super) fn require_object(&mut self, value: Value) {
        let found = self.is_object(value);
        self.guard(Op::Guard, &[found]);
        self.learn(value, Type::OBJECT);
    }

    pub(super) fn store_attr(&mut self) {
        let instruction = self.instruction;
        let owner = self.peek(1);
        let owner = self.boxed(owner);
        let mut forms = self.forms();
        // Only where all put it into the same place.
        if let Some(first) = forms.first().copied() {
            forms.retain(|form| (form.opcode, form.index) == (first.opcode, first.index));
        }
        let index = forms.first().map_or(0, |form| form.index);
        let store = match forms.first().map(|form| form.opcode) {
            Some(op::STORE_ATTR_INSTANCE_VALUE) => {
                self.require_forms(owner, &forms);
                if !self.is_new(owner) {
                    self.guard(Op::GuardNoDict, &[owner]);
                }
                let offset = layout::INLINE_VALUES as u32 + 8 * index;
                if self.require_replaceable(owner, offset) {
                    Op::PutInlineValue(index)
                } else {
                    Op::SetInlineValue(index)
                }
            }
            Some(op::STORE_ATTR_SLOT) => {
                self.require_forms(owner, &forms);
                if self.require_replaceable(owner, index) {
                    Op::PutField(index)
                } else {
                    Op::SetField(index)
                }
            }
            _ => {
                let name = self.name(instruction.oparg);
                self.statement(Helper::StoreAttr, 2, name);
                return;
            }
        };
        self.pop();
        let value = self.pop_boxed();
        let state = self.state_at(instruction.next);
        self.emit(store, &[value, owner], None, Some(state));
    }

    pub(super) fn load_global(&mut self) {
        let instruction = self.instruction;
        let globals = u32::from(self.code.cache16(&instruction, 1));
        let builtins = u32::from(self.code.cache16(&instruction, 2));
        let index = u32::from(self.code.cache16(&instruction, 3));
        // A module that has got another variable is a guess that was wrong once.
        let guess = if self.may_guess() || self.may_guess_again() {
            instruction.specialized
        } else {
            instruction.opcode
        };
        let is_builtin = guess == op::LOAD_GLOBAL_BUILTIN;
        let settled = self.settled();
        let value = if let Some(settled) = settled {
            self.load_settled(settled)
        } else if is_builtin || guess == op::LOAD_GLOBAL_MODULE {
            let mut namespace = self.require_keys(false, globals);
            if is_builtin {
                namespace = self.require_keys(true, builtins);
            }
            self.guarded(Op::LoadGlobal(index), &[namespace], Type::OBJECT)
        } else {
            let name = self.name(instruction.oparg >> 1);
            self.call_value(Helper::LoadGlobal, name, &[], Type::OBJECT)
        };
        self.push(value);
        if instruction.oparg & 1 != 0 {
            let null = self.value(Op::Null, &[], Type::NULL);
            self.push(null);
        }
    }

    /// What the variable is relied on to be that the current instruction loads.
    fn settled(&self) -> Option<Settled> {
        let settled = self.code.settled.get(&self.instruction.start);
        settled.filter(|_| self.may_guess()).copied()
    }

    /// The object that a variable of a module is relied on to hold, if the function has the globals that it has been seen with.
    fn load_settled(&mut self, settled: Settled) -> Value {
        match settled.scope {
            Scope::Globals(globals) => self.require_namespace(false, globals),
            Scope::Builtins(globals, builtins) => {
                self.require_namespace(false, globals);
                self.require_namespace(true, builtins);
            }
            Scope::Module(..) => {}
        }
        let value = self.known(settled.object, Op::Cached);
        if settled.is_class {
            self.function.classes.insert(value);
        }
        if settled.object.ty == Type::MODULE {
            self.modules.insert(value, settled.object.address);
        }
        if let Some(builtin) = settled.builtin {
            self.builtins.insert(value, builtin);
        }
        if settled.object.ty == Type::FUNCTION {
            self.functions.insert(value, settled.namespaces);
        }
        value
    }

    fn require_namespace(&mut self, builtins: bool, address: u64) {
        let function = self.inlined_function();
        let known = function.and_then(|function| self.functions.get(&function));
        let known = known.map(|&namespaces| if builtins { namespaces.1 } else { namespaces.0 });
        if known != Some(address) {
            self.guard(Op::GuardNamespace(builtins, address), function.as_slice());
        }
    }

    /// Makes sure that the globals or builtins have keys of a version, and gives them.
    fn require_keys(&mut self, builtins: bool, version: u32) -> Value {
        let namespace = match self.inlined_function() {
            Some(function) => {
                let offset = layout::namespace_of_function(builtins);
                self.value(Op::LoadField(offset as u32), &[function], Type::OBJECT)
            }
            None => self.value(Op::Namespace(builtins), &[], Type::OBJECT),
        };
        self.guard(Op::GuardKeys(version), &[namespace]);
        namespace
    }

    pub(super) fn is_object(&mut self, value: Value) -> Value {
        debug_assert_eq!(self.function.rep(value), Rep::Object);
        let null = self.value(Op::Null, &[], Type::NULL);
        let is_null = self.value(Op::Is, &[value, null], Type::NEVER);
        self.value(Op::Not, &[is_null], Type::NEVER)
    }
}
