//! Reads code objects and their shadow records, by the layouts of the CPython this archive is built for.

use crate::exceptions::Table;
use crate::feedback::Form;
use crate::hir::{Convention, Type};
use crate::profile::{Loop, Place};
use crate::snapshot::{
    Callee, Code as Snapshot, Constant, Instruction, Parameters, Scope, Settled,
};
use crate::{layout, opcode};
use std::ffi::{c_char, c_int, c_void};

unsafe extern "C" {
    fn clinker_instruction(
        code: *const c_void,
        offset: c_int,
        base: *mut u8,
        specialized: *mut u8,
        oparg: *mut u8,
    );
    fn clinker_instruction_length(base: u8) -> c_int;
    fn clinker_code_of_version(version: u32) -> *const c_void;
    fn clinker_keyword_default(version: u32, name: *const c_void) -> c_int;
    fn clinker_method_of(
        version: u32,
        name: *const c_void,
        descriptor: *const c_void,
        flags: *mut c_int,
    ) -> *const c_void;
    fn clinker_find_settled(
        globals: *const c_void,
        builtins: *const c_void,
        name: *const c_void,
        before: *const c_void,
        found: *mut Found,
    ) -> c_int;
    fn clinker_is_interned(string: *const c_void) -> c_int;
    fn clinker_kind(object: *const c_void) -> c_int;
    fn clinker_unbox_int(object: *const c_void, value: *mut i64) -> c_int;
    fn clinker_float_value(object: *const c_void, value: *mut f64) -> c_int;
}

/// `struct clinker_settled` of `src/c/runtime.h`.
#[repr(C)]
struct Found {
    value: *const c_void,
    is_class: c_int,
    dictionary: *const c_void,
    globals: *const c_void,
    builtins: *const c_void,
    flags: c_int,
    function: *const c_void,
}

/// `clinker_text` of `include/clinker.h`.
pub type Text = extern "C" fn(string: *const c_void, length: *mut usize) -> *const c_char;

/// `clinker_line` of `include/clinker.h`.
pub type Line = extern "C" fn(code: *const c_void, offset: c_int) -> c_int;

/// A code object with its shadow record; both live as long as the record is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    code: *const u8,
    shadow: *const u8,
}

// SAFETY: the pointers are only followed in calls from the interpreter, which hold the GIL.
unsafe impl Send for Code {}

impl Code {
    /// Takes the pointers that the hooks hand out.
    ///
    /// # Safety
    /// They must be a `PyCodeObject` and its `_PyShadowCode`. The value must not be used after the death of the code
    /// object was reported, nor without the GIL.
    pub unsafe fn new(code: *const c_void, shadow: *const c_void) -> Self {
        Self {
            code: code.cast(),
            shadow: shadow.cast(),
        }
    }

    /// The name and place of the code object.
    pub fn place(self, text: Text) -> Place {
        Place {
            name: self.string(layout::CODE_QUALNAME, text),
            file: self.string(layout::CODE_FILENAME, text),
            line: read(self.code, layout::CODE_FIRSTLINENO),
        }
    }

    /// How often it was entered.
    pub fn entries(self) -> u64 {
        let whole: u64 = read(self.shadow, layout::SHADOW_ENTRIES);
        let period: u32 = read(self.shadow, layout::SHADOW_ENTRY_PERIOD);
        let left: u32 = read(self.shadow, layout::SHADOW_ENTRIES_LEFT);
        whole + u64::from(period - left)
    }

    /// Its back-edges.
    pub fn loops(self, line: Line) -> Vec<Loop> {
        let count: c_int = read(self.shadow, layout::SHADOW_LOOP_COUNT);
        let loops: *const u8 = read(self.shadow, layout::SHADOW_LOOPS);
        (0..count as usize)
            .map(|index| {
                let edge = loops.wrapping_add(index * layout::LOOP_SIZE);
                let offset: c_int = read(edge, layout::LOOP_OFFSET);
                Loop {
                    line: line(self.code.cast(), 2 * offset),
                    trips: self.trips(edge, offset as usize),
                }
            })
            .collect()
    }

    /// Whole periods are in the record, the current one is in the inline cache: see `_PyEvalHooks_CountTrips()`.
    fn trips(self, edge: *const u8, offset: usize) -> u64 {
        let whole: u64 = read(edge, layout::LOOP_TRIPS);
        let instruction = layout::CODE_INSTRUCTIONS + 2 * offset;
        let opcode: u8 = read(self.code, instruction);
        if usize::from(opcode) != layout::JUMP_BACKWARD_COUNTED {
            return whole;
        }
        let period: u16 = read(edge, layout::LOOP_PERIOD);
        let left: u16 = read(self.code, instruction + 2);
        whole + u64::from(period.wrapping_sub(left))
    }

    /// The opcode of the instruction that begins at an offset.
    pub fn opcode(self, offset: u32) -> u8 {
        let mut offset = offset as c_int;
        loop {
            let (mut opcode, mut specialized, mut oparg) = (0, 0, 0);
            // SAFETY: an instruction begins there, or goes on after an EXTENDED_ARG.
            unsafe {
                clinker_instruction(
                    self.code.cast(),
                    offset,
                    &mut opcode,
                    &mut specialized,
                    &mut oparg,
                );
            }
            if opcode != opcode::EXTENDED_ARG {
                return opcode;
            }
            offset += 1;
        }
    }

    /// The version that its functions have at first.
    pub fn function_version(self) -> u32 {
        read(self.code, layout::CODE_FUNCTION_VERSION)
    }

    /// The instrumentation version.
    pub fn version(self) -> u64 {
        read(self.code, layout::CODE_VERSION)
    }

    /// The offset of the `RESUME` where its calls begin, unless it makes a generator or a coroutine.
    pub fn start(self) -> Option<u32> {
        let is_generator = self.flags() & layout::CO_GENERATORS as c_int != 0;
        let start: c_int = read(self.code, layout::CODE_START);
        (!is_generator).then_some(start as u32)
    }

    /// The name and place in one line.
    pub fn describe(self) -> String {
        format!("code object at {:p}", self.code)
    }

    /// Copies what compiling needs.
    ///
    /// # Errors
    /// Says why it cannot be compiled.
    pub fn snapshot(self, max_units: usize) -> Result<Snapshot, String> {
        let size: isize = read(self.code, layout::OBJECT_SIZE);
        let size = size as usize;
        if size > max_units {
            return Err(format!("it has more than {max_units} code units"));
        }
        if read::<c_int>(self.code, layout::CODE_STACK_SIZE) == 0 {
            return Err("its frames have no value stack".into());
        }
        let mut snapshot = Snapshot {
            units: (0..size)
                .map(|index| read(self.code, layout::CODE_INSTRUCTIONS + 2 * index))
                .collect(),
            address: self.code as u64 + layout::CODE_INSTRUCTIONS as u64,
            locals: read::<c_int>(self.code, layout::CODE_NLOCALSPLUS) as u32,
            constants: self
                .tuple(layout::CODE_CONSTS)
                .into_iter()
                .map(constant)
                .collect(),
            names: self.tuple(layout::CODE_NAMES),
            arguments: self.arguments(),
            cells: self.cells(),
            frame_size: read::<c_int>(self.code, layout::CODE_FRAME_SIZE) as u32,
            enclosed: self.enclosed(),
            version: read(self.code, layout::CODE_VERSION),
            exceptions: self.exceptions(),
            is_generator: self.flags() & layout::CO_GENERATORS as c_int != 0,
            index: vec![u32::MAX; size],
            ..Snapshot::default()
        };
        let (mut start, mut offset, mut oparg) = (0, 0, 0);
        while (offset as usize) < size {
            let (mut opcode, mut specialized, mut low) = (0, 0, 0);
            // SAFETY: the offset is inside of the code object, and begins an instruction.
            let length = unsafe {
                clinker_instruction(
                    self.code.cast(),
                    offset as c_int,
                    &mut opcode,
                    &mut specialized,
                    &mut low,
                );
                clinker_instruction_length(opcode)
            };
            if specialized >= opcode::MIN_INSTRUMENTED_OPCODE {
                return Err("it is instrumented".into());
            }
            oparg = oparg << 8 | u32::from(low);
            let next = offset + length as u32;
            if opcode != opcode::EXTENDED_ARG {
                snapshot.index[start as usize] = snapshot.instructions.len() as u32;
                snapshot.instructions.push(Instruction {
                    start,
                    offset,
                    next,
                    opcode,
                    specialized,
                    oparg,
                });
                (start, oparg) = (next, 0);
            }
            offset = next;
        }
        Ok(snapshot)
    }

    /// The number of parameters, all of which are bound when the function starts.
    fn arguments(self) -> u32 {
        let flags = self.flags();
        let flag = |flag: usize| c_int::from(flags & flag as c_int != 0);
        let positional: c_int = read(self.code, layout::CODE_ARGCOUNT);
        let keyword: c_int = read(self.code, layout::CODE_KWONLYARGCOUNT);
        let rest = flag(layout::CO_VARARGS) + flag(layout::CO_VARKEYWORDS);
        (positional + keyword + rest) as u32
    }

    /// Whether each slot holds a cell when the function starts.
    fn cells(self) -> Vec<bool> {
        let kinds: *const u8 = read(self.code, layout::CODE_KINDS);
        let count: c_int = read(self.code, layout::CODE_NLOCALSPLUS);
        (0..count as usize)
            .map(|slot| read::<u8>(kinds, layout::BYTES_VALUE + slot))
            .map(|kind| usize::from(kind) & layout::CO_FAST_CELL_OR_FREE != 0)
            .collect()
    }

    fn exceptions(self) -> Table {
        let table: *const u8 = read(self.code, layout::CODE_EXCEPTION_TABLE);
        let size: isize = read(table, layout::OBJECT_SIZE);
        let bytes: Vec<u8> = (0..size as usize)
            .map(|index| read(table, layout::BYTES_VALUE + index))
            .collect();
        Table::parse(&bytes)
    }

    fn flags(self) -> c_int {
        read(self.code, layout::CODE_FLAGS)
    }

    /// How many of the last slots a call fills with what the function encloses, if native code can make the frame: if there is nothing to
    /// be done before the `RESUME` but that.
    fn enclosed(self) -> Option<u32> {
        let kind = self.flags() & (layout::CO_GENERATORS | layout::CO_OPTIMIZED) as c_int;
        let first: u8 = read(self.code, layout::CODE_INSTRUCTIONS);
        let cells: u8 = read(self.code, layout::CODE_INSTRUCTIONS + 1);
        let is_closure = first == opcode::COPY_FREE_VARS;
        let start: c_int = read(self.code, layout::CODE_START);
        let is_simple = kind == layout::CO_OPTIMIZED as c_int && start == c_int::from(is_closure);
        is_simple.then(|| if is_closure { cells.into() } else { 0 })
    }

    /// Whether all its parameters are positional, as few as native code is given, and native code can make the frame.
    pub fn takes_positions(self) -> bool {
        let keywords: c_int = read(self.code, layout::CODE_KWONLYARGCOUNT);
        let others = layout::CO_VARARGS | layout::CO_VARKEYWORDS;
        keywords == 0
            && self.flags() & others as c_int == 0
            && self.arguments() as usize <= layout::MAX_DIRECT
            && self.enclosed().is_some()
    }

    /// What calling the functions with a version takes, if native code can make their frames. `known` is the address of their code object,
    /// if that is known. `entry` tells where the address is of what calls enter, by the address of the code object and the number of
    /// arguments.
    pub fn callee(
        version: u32,
        known: Option<usize>,
        entry: impl FnOnce(usize, usize) -> u64,
    ) -> Option<Callee> {
        let code = match known {
            Some(code) => code as *const c_void,
            // SAFETY: the function looks into a table of the interpreter.
            None => unsafe { clinker_code_of_version(version) },
        };
        if version == 0 || code.is_null() {
            return None;
        }
        let callee = Self {
            code: code.cast(),
            shadow: std::ptr::null(),
        };
        callee.enclosed()?;
        let start: c_int = read(callee.code, layout::CODE_START);
        let arguments = callee.arguments();
        Some(Callee {
            version,
            code: code as u64,
            start: code as u64 + layout::CODE_INSTRUCTIONS as u64 + 2 * start as u64,
            arguments,
            frame_size: read::<c_int>(callee.code, layout::CODE_FRAME_SIZE) as u32,
            entry: entry(code as usize, arguments as usize),
        })
    }

    /// The parameters of the functions with a version, whose code object this is; none if names are not interned.
    pub fn parameters(self, version: u32) -> Option<Parameters> {
        let count = |offset: usize| read::<c_int>(self.code, offset) as usize;
        let positional = count(layout::CODE_ARGCOUNT);
        let mut names = self.tuple(layout::CODE_VARIABLES);
        names.truncate(positional + count(layout::CODE_KWONLYARGCOUNT));
        let default = |&name: &u64| {
            // SAFETY: the name belongs to the code object, and the function only looks.
            let index = unsafe { clinker_keyword_default(version, name as *const c_void) };
            u32::try_from(index).ok()
        };
        let has = |flag: usize| self.flags() & flag as c_int != 0;
        are_interned(&names).then(|| Parameters {
            positional,
            positional_only: count(layout::CODE_POSONLYARGCOUNT),
            keyword_defaults: names[positional..].iter().map(default).collect(),
            takes_rest: has(layout::CO_VARARGS),
            takes_keywords: has(layout::CO_VARKEYWORDS),
            names,
        })
    }

    /// How a method of a built-in type is called that an access to an attribute finds, and the address of what is.
    pub fn method(form: &Form, name: u64) -> Option<(Convention, u64)> {
        let mut flags = 0;
        // SAFETY: the name belongs to a live code object. The function looks at the descriptor only if a type has it.
        let address = unsafe {
            clinker_method_of(
                form.version,
                name as *const c_void,
                form.value as *const c_void,
                &mut flags,
            )
        };
        let convention = Convention::of(flags as usize)?;
        (!address.is_null()).then_some((convention, address as u64))
    }

    /// What a variable of a module holds, if it can be relied on; of a module also its dictionary, which is watched from now on. The
    /// variable is looked up among the globals and then the builtins, if there are any: watched dictionaries that live. `before` is the address
    /// of what it held when it was loaded first.
    pub fn settled(
        globals: u64,
        builtins: Option<u64>,
        name: u64,
        before: u64,
    ) -> Option<(Settled, Option<u64>)> {
        let mut found = Found {
            value: std::ptr::null(),
            is_class: 0,
            dictionary: std::ptr::null(),
            globals: std::ptr::null(),
            builtins: std::ptr::null(),
            flags: 0,
            function: std::ptr::null(),
        };
        let second = builtins.unwrap_or(0);
        // SAFETY: the dictionaries live, as their watcher tells of their deaths, and the name belongs to a live code object. The function
        // fills the structure.
        let found_in = unsafe {
            clinker_find_settled(
                globals as *const c_void,
                second as *const c_void,
                name as *const c_void,
                before as *const c_void,
                &mut found,
            )
        };
        let scope = match found_in {
            1 => Scope::Globals(globals),
            2 => Scope::Builtins(globals, builtins?),
            _ => return None,
        };
        let settled = Settled {
            object: constant(found.value as u64),
            is_class: found.is_class != 0,
            namespaces: (found.globals as u64, found.builtins as u64),
            builtin: (!found.function.is_null())
                .then(|| Convention::of(found.flags as usize))
                .flatten()
                .map(|convention| (convention, found.function as u64)),
            scope,
        };
        let dictionary = found.dictionary as u64;
        Some((settled, (dictionary != 0).then_some(dictionary)))
    }

    /// What a class with a version, by its address, has as an attribute, if that is a number, a string or the like: a pair of the version and
    /// an address, which is what an access to the attribute was specialized for.
    pub fn class_constant(class: u64, (version, attribute): (u32, u64)) -> Option<Constant> {
        let known: u32 = read(class as *const u8, layout::TYPE_VERSION);
        (known == version)
            .then(|| constant(attribute))
            .filter(|constant| constant.ty.is(Type::SCALAR))
    }

    /// The keywords in a constant of a call; none if they are not interned.
    pub fn keywords(constant: &Constant) -> Option<Vec<u64>> {
        let names = members(constant.address as *const u8);
        are_interned(&names).then_some(names)
    }

    /// The code object of a function that is called, which lives; without its shadow record.
    pub fn of(callee: &Callee) -> Self {
        Self {
            code: callee.code as *const u8,
            shadow: std::ptr::null(),
        }
    }

    /// What an access to an attribute was specialized for.
    pub fn form(self, offset: u32, opcode: u8) -> Form {
        let cache = |index: usize| -> u16 {
            read(
                self.code,
                layout::CODE_INSTRUCTIONS + 2 * (offset as usize + 1 + index),
            )
        };
        Form::new(opcode, cache)
    }

    /// The addresses of the members of a tuple that it has.
    fn tuple(self, field: usize) -> Vec<u64> {
        members(read(self.code, field))
    }

    fn string(self, field: usize, text: Text) -> String {
        let string: *const c_void = read(self.code, field);
        let mut length = 0;
        let bytes = text(string, &mut length);
        if bytes.is_null() {
            return "?".into();
        }
        // SAFETY: `clinker_text` returned `length` bytes, which the string owns, and the code object owns the string.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

fn members(tuple: *const u8) -> Vec<u64> {
    let size: isize = read(tuple, layout::OBJECT_SIZE);
    (0..size as usize)
        .map(|index| read(tuple, layout::TUPLE_ITEMS + 8 * index))
        .collect()
}

fn are_interned(names: &[u64]) -> bool {
    // SAFETY: they are members of tuples of live code objects.
    let is_interned = |&name: &u64| unsafe { clinker_is_interned(name as *const c_void) != 0 };
    names.iter().all(is_interned)
}

fn constant(address: u64) -> Constant {
    let object = address as *const c_void;
    let (mut int, mut float) = (0, 0.0);
    // SAFETY: the object is a member of the constants of a live code object; the functions only read it.
    let (ty, is_int, is_float) = unsafe {
        let ty = Type::from_bit(clinker_kind(object));
        (
            ty,
            ty == Type::INT && clinker_unbox_int(object, &mut int) != 0,
            clinker_float_value(object, &mut float) != 0,
        )
    };
    Constant {
        address,
        ty,
        int: is_int.then_some(int),
        float: is_float.then_some(float),
    }
}

fn read<T: Copy>(base: *const u8, offset: usize) -> T {
    // SAFETY: `Code::new` was given live objects, and the layout probe says that a field of this size is there: its
    // static assertions check the sizes.
    unsafe { base.wrapping_add(offset).cast::<T>().read_unaligned() }
}
