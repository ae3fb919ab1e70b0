//! Memory for machine code: written first, executable then, never both.
//!
//! Machine code lies close together, since a program that is wide executes a little of very much: in a page for each function, all of
//! them would begin in the same set of the cache.

use memmap2::MmapMut;
use range_alloc::RangeAllocator;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are taken from the system at once.
const CHUNK_SIZE: usize = 1 << 20;

/// What machine code is aligned to, as Cranelift expects it.
const ALIGNMENT: usize = 32;

/// A part of the memory.
#[derive(Debug)]
struct Chunk {
    memory: MmapMut,
    free: Mutex<RangeAllocator<usize>>,
}

impl Chunk {
    fn new(size: usize) -> io::Result<Self> {
        Ok(Self {
            memory: MmapMut::map_anon(size)?,
            free: Mutex::new(RangeAllocator::new(0..size)),
        })
    }

    fn allocate(&self, size: usize) -> Option<Range<usize>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.allocate_range(size).ok()
    }

    fn address(&self, range: &Range<usize>) -> *const u8 {
        self.memory.as_ptr().wrapping_add(range.start)
    }

    /// Changes what may be done with the pages that a range lies in.
    fn protect(&self, range: &Range<usize>, protection: libc::c_int) -> io::Result<()> {
        // SAFETY: the function reads a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let start = range.start / page * page;
        let address = self.memory.as_ptr().wrapping_add(start);
        // SAFETY: the pages are of this mapping, which begins at a page. Nobody refers to them by a reference of Rust, and no machine
        // code is being executed meanwhile, see `Memory::add()`.
        let result = unsafe { libc::mprotect(address as *mut _, range.end - start, protection) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    fn write(&self, range: &Range<usize>, code: &[u8]) -> io::Result<()> {
        self.protect(range, libc::PROT_READ | libc::PROT_WRITE)?;
        // SAFETY: the range is as long as the code or longer, has been allocated for it, and can be written.
        unsafe {
            std::ptr::copy_nonoverlapping(
                code.as_ptr(),
                self.address(range).cast_mut(),
                code.len(),
            );
        }
        self.protect(range, libc::PROT_READ | libc::PROT_EXEC)
    }
}

/// All memory for machine code.
#[derive(Debug, Default)]
pub struct Memory {
    chunks: Vec<Arc<Chunk>>,
}

impl Memory {
    /// Makes machine code executable. The caller has the GIL, so that nobody executes other machine code meanwhile, which may lie in the
    /// same page.
    ///
    /// # Errors
    /// If the system has no memory for it or forbids it.
    pub fn add(&mut self, code: &[u8]) -> io::Result<Executable> {
        let size = code.len().next_multiple_of(ALIGNMENT);
        let (chunk, range) = self.allocate(size)?;
        let executable = Executable { chunk, range };
        executable.chunk.write(&executable.range, code)?;
        Ok(executable)
    }

    fn allocate(&mut self, size: usize) -> io::Result<(Arc<Chunk>, Range<usize>)> {
        for chunk in &self.chunks {
            if let Some(range) = chunk.allocate(size) {
                return Ok((Arc::clone(chunk), range));
            }
        }
        // What is empty by now goes back to the system.
        self.chunks.retain(|chunk| Arc::strong_count(chunk) > 1);
        let chunk = Arc::new(Chunk::new(size.max(CHUNK_SIZE))?);
        let range = chunk.allocate(size).ok_or(io::ErrorKind::OutOfMemory)?;
        self.chunks.push(Arc::clone(&chunk));
        Ok((chunk, range))
    }
}

/// Executable machine code; its place is used again when it is dropped.
#[derive(Debug)]
pub struct Executable {
    chunk: Arc<Chunk>,
    range: Range<usize>,
}

impl Executable {
    /// Where it begins.
    pub fn address(&self) -> *const u8 {
        self.chunk.address(&self.range)
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.range.len()
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        let mut free = self
            .chunk
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.free_range(self.range.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(executable: &Executable) -> &[u8] {
        // SAFETY: the memory can be read as long as the value lives.
        unsafe { std::slice::from_raw_parts(executable.address(), executable.size()) }
    }

    #[test]
    fn places_are_apart_and_used_again() {
        let mut memory = Memory::default();
        let first = memory.add(&[1; 40]).expect("memory");
        let second = memory.add(&[2; 33]).expect("memory");
        assert_eq!(first.size(), 64);
        assert_eq!(second.address(), first.address().wrapping_add(64));
        assert_eq!(bytes(&first)[..40], [1; 40]);
        assert_eq!(bytes(&second)[..33], [2; 33]);
        let address = first.address();
        drop(first);
        assert_eq!(memory.add(&[3; 64]).expect("memory").address(), address);
        assert_eq!(bytes(&second)[..33], [2; 33]);
    }

    #[test]
    fn what_does_not_fit_gets_memory_of_its_own() {
        let mut memory = Memory::default();
        let small = memory.add(&[1; 10]).expect("memory");
        let large = memory.add(&vec![2; 2 * CHUNK_SIZE]).expect("memory");
        assert_eq!(memory.chunks.len(), 2);
        drop(large);
        let other = memory.add(&vec![3; 3 * CHUNK_SIZE]).expect("memory");
        // That of `large` was given back.
        assert_eq!(memory.chunks.len(), 2);
        assert_eq!(bytes(&other)[3 * CHUNK_SIZE - 1], 3);
        assert_eq!(bytes(&small)[..10], [1; 10]);
    }
}
