//! Layouts and opcodes of the CPython this archive is built for: made by `build.rs` from `src/c/layout.c`.

include!(concat!(env!("OUT_DIR"), "/layout.rs"));

// The readers in `code.rs` are written for this line of CPython.
const _: () = assert!(PY_VERSION_HEX >> 16 == 0x030d);
