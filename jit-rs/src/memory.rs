//! Memory for machine code: written first, executable then, never both.
//!
//! Machine code lies close together, since a program that is wide executes a little of very much: in a page for each function, all of
//! them would begin in the same set of the cache. And it lies close to the runtime, for the same reason: its calls are shorter.

use range_alloc::RangeAllocator;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are taken from the system at once.
const CHUNK_SIZE: usize = 1 << 20;

/// What machine code is aligned to, as Cranelift expects it.
const ALIGNMENT: usize = 32;

/// How far from the runtime it may lie: 32 bits say a distance, and the interpreter has some size itself.
const REACH: usize = 1 << 30;

/// A call of a function of the runtime: the four bytes at an offset of machine code tell the distance from behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Where the distance is.
    pub offset: usize,
    /// The address of the function.
    pub target: u64,
}

/// Pages near the runtime.
#[derive(Debug)]
struct Mapping {
    start: *mut u8,
    size: usize,
}

// SAFETY: it is memory that nothing else refers to.
unsafe impl Send for Mapping {}
// SAFETY: it is read and written by the functions of `Chunk` only, in places that are allocated once.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Takes the free place that is closest below the runtime, or above, where the heap grows.
    fn new(size: usize) -> io::Result<Self> {
        let here = Self::new as fn(usize) -> io::Result<Self> as usize / CHUNK_SIZE * CHUNK_SIZE;
        let distances = || (CHUNK_SIZE..REACH).step_by(CHUNK_SIZE);
        let below = distances().filter_map(|distance| here.checked_sub(distance));
        let above = distances().filter_map(|distance| here.checked_add(distance));
        let mut mappings = below
            .chain(above)
            .filter_map(|start| Self::at(start, size).transpose());
        let mapping = mappings.next();
        mapping.unwrap_or_else(|| Err(io::ErrorKind::OutOfMemory.into()))
    }

    /// Pages at an address, if they can be had there. An error if none can be had anywhere.
    fn at(start: usize, size: usize) -> io::Result<Option<Self>> {
        let place = std::ptr::without_provenance_mut(start);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: no mapping that exists is replaced.
        let start = unsafe { libc::mmap(place, size, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            // Others say that the place is taken, or none of a program's.
            return if error.raw_os_error() == Some(libc::ENOMEM) {
                Err(error)
            } else {
                Ok(None)
            };
        }
        let mapping = Self {
            start: start.cast(),
            size,
        };
        // An old system takes the address for a hint.
        Ok((start == place).then_some(mapping))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the pages are of this mapping, and nobody has them any more.
        unsafe { libc::munmap(self.start.cast(), self.size) };
    }
}

/// A part of the memory.
#[derive(Debug)]
struct Chunk {
    memory: Mapping,
    free: Mutex<RangeAllocator<usize>>,
}

impl Chunk {
    fn new(size: usize) -> io::Result<Self> {
        Ok(Self {
            memory: Mapping::new(size)?,
            free: Mutex::new(RangeAllocator::new(0..size)),
        })
    }

    fn allocate(&self, size: usize) -> Option<Range<usize>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.allocate_range(size).ok()
    }

    fn address(&self, range: &Range<usize>) -> *const u8 {
        self.memory.start.cast_const().wrapping_add(range.start)
    }

    /// Changes what may be done with the pages that a range lies in.
    fn protect(&self, range: &Range<usize>, protection: libc::c_int) -> io::Result<()> {
        // SAFETY: the function reads a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let start = range.start / page * page;
        let address = self.memory.start.wrapping_add(start);
        // SAFETY: the pages are of this mapping, which begins at a page. Nobody refers to them by a reference of Rust, and no machine
        // code is being executed meanwhile, see `Memory::add()`.
        let result = unsafe { libc::mprotect(address.cast(), range.end - start, protection) };
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
    /// If the system has no memory for it near the runtime or forbids it.
    pub fn add(&mut self, code: &mut [u8], calls: &[Call]) -> io::Result<Executable> {
        let size = code.len().next_multiple_of(ALIGNMENT);
        let (chunk, range) = self.allocate(size)?;
        let executable = Executable { chunk, range };
        for call in calls {
            let end = call.offset + size_of::<i32>();
            let behind = executable.address() as u64 + end as u64;
            let distance = call.target.wrapping_sub(behind) as i64;
            let distance = i32::try_from(distance).map_err(io::Error::other)?;
            code[call.offset..end].copy_from_slice(&distance.to_ne_bytes());
        }
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

    fn add(memory: &mut Memory, code: &[u8]) -> Executable {
        memory.add(&mut code.to_vec(), &[]).expect("memory")
    }

    #[test]
    fn calls_tell_the_distance() {
        let mut memory = Memory::default();
        let target = add as *const () as u64;
        let call = Call { offset: 5, target };
        let mut code = [0; 16];
        let executable = memory.add(&mut code, &[call]).expect("memory");
        let distance = i32::from_ne_bytes(code[5..9].try_into().expect("four bytes"));
        let behind = executable.address() as i64 + 9;
        assert_eq!(behind + i64::from(distance), target as i64);
        assert_eq!(bytes(&executable)[..16], code);
    }

    #[test]
    fn where_there_is_no_memory_one_place_is_tried() {
        let error = Mapping::new(1 << 46).expect_err("more than there is");
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    }

    #[test]
    fn places_are_apart_and_used_again() {
        let mut memory = Memory::default();
        let first = add(&mut memory, &[1; 40]);
        let second = add(&mut memory, &[2; 33]);
        assert_eq!(first.size(), 64);
        assert_eq!(second.address(), first.address().wrapping_add(64));
        assert_eq!(bytes(&first)[..40], [1; 40]);
        assert_eq!(bytes(&second)[..33], [2; 33]);
        let address = first.address();
        drop(first);
        assert_eq!(add(&mut memory, &[3; 64]).address(), address);
        assert_eq!(bytes(&second)[..33], [2; 33]);
    }

    #[test]
    fn what_does_not_fit_gets_memory_of_its_own() {
        let mut memory = Memory::default();
        let small = add(&mut memory, &[1; 10]);
        let large = add(&mut memory, &vec![2; 2 * CHUNK_SIZE]);
        assert_eq!(memory.chunks.len(), 2);
        drop(large);
        let other = add(&mut memory, &vec![3; 3 * CHUNK_SIZE]);
        // That of `large` was given back.
        assert_eq!(memory.chunks.len(), 2);
        assert_eq!(bytes(&other)[3 * CHUNK_SIZE - 1], 3);
        assert_eq!(bytes(&small)[..10], [1; 10]);
    }
}
