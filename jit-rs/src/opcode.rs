//! The opcodes of the CPython this archive is built for: made by `build.rs` from `opcode_ids.h`.

include!(concat!(env!("OUT_DIR"), "/opcode.rs"));

/// The name of an opcode.
pub fn name(opcode: u8) -> &'static str {
    NAMES
        .iter()
        .find(|(known, _)| *known == opcode)
        .map_or("?", |(_, name)| name)
}
