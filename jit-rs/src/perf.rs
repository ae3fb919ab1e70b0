//! Tells the profiler `perf` where machine code is: lines of `/tmp/perf-PID.map`, which CPython writes.

use crate::memory::Executable;
use crate::profile::Place;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};

unsafe extern "C" {
    fn PyUnstable_WritePerfMapEntry(
        address: *const c_void,
        size: c_uint,
        name: *const c_char,
    ) -> c_int;
}

/// Adds machine code that was made for a place. That the file cannot be written is no reason to stop.
pub fn tell(machine: &Executable, place: &Place) {
    let name = format!("jit::{}:{}:{}", place.name, place.file, place.line);
    let Ok(name) = CString::new(name.replace('\n', " ")) else {
        return;
    };
    // SAFETY: the GIL is held, and the name ends with a zero.
    unsafe {
        PyUnstable_WritePerfMapEntry(
            machine.address().cast(),
            machine.size() as c_uint,
            name.as_ptr(),
        )
    };
}
