//! Layouts and opcodes of the CPython this archive is built for: made by `build.rs` from `src/c/layout.c`.

include!(concat!(env!("OUT_DIR"), "/layout.rs"));

// The readers in `code.rs` are written for this line of CPython.
const _: () = assert!(PY_VERSION_HEX >> 16 == 0x030d);

/// The stack pointer of a frame that native code runs: `CLINKER_NATIVE`.
pub const NATIVE: i64 = -(NATIVE_BELOW_ZERO as i64);

/// That of what comes before a generator that hands its items over: `CLINKER_CONSUMER`.
pub const CONSUMER: i64 = -(CONSUMER_BELOW_ZERO as i64);

/// Where a function has its globals (false) or builtins (true).
pub fn namespace_of_function(builtins: bool) -> usize {
    if builtins {
        FUNCTION_BUILTINS
    } else {
        FUNCTION_GLOBALS
    }
}
