//! Memory for machine code: written first, executable then, never both.

use memmap2::{Mmap, MmapMut};

/// Executable machine code; freed when it is dropped.
#[derive(Debug)]
pub struct Executable(Mmap);

impl Executable {
    /// Makes machine code executable.
    ///
    /// # Errors
    /// If the system has no memory for it or forbids it.
    pub fn new(code: &[u8]) -> std::io::Result<Self> {
        let mut memory = MmapMut::map_anon(code.len())?;
        memory.copy_from_slice(code);
        memory.make_exec().map(Self)
    }

    /// Where it begins.
    pub fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}
