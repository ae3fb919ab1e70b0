//! Reads code objects and their shadow records, by the layouts of the CPython this archive is built for.

use crate::layout;
use crate::profile::{Loop, Place};
use std::ffi::{c_char, c_int, c_void};

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

fn read<T: Copy>(base: *const u8, offset: usize) -> T {
    // SAFETY: `Code::new` was given live objects, and the layout probe says that a field of this size is there: its
    // static assertions check the sizes.
    unsafe { base.wrapping_add(offset).cast::<T>().read_unaligned() }
}
