//! The memory of this library: large blocks come from the system, and go back to it at once.
//!
//! A compilation needs megabytes for some milliseconds, most of them in few large blocks. With `malloc()` they would stay with
//! the process, be copied when they grow, and move the threshold above which the blocks of the program itself are given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;

/// Blocks of at least so many bytes are mappings of their own. The system takes time to give pages: with 32 KiB, compiling
/// takes a tenth longer and half a megabyte less.
const LARGE: usize = 256 << 10;

/// The least page there is: mappings are aligned to it.
const PAGE: usize = 4096;

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// Whether a block is a mapping. Whoever frees it tells the same layout.
fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE
}

/// A new mapping of zeros, or null.
fn map(size: usize) -> *mut u8 {
    // SAFETY: a new mapping touches nothing that exists.
    let block = unsafe {
        libc::mmap(
            null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if block == libc::MAP_FAILED {
        null_mut()
    } else {
        block.cast()
    }
}

// SAFETY: a block comes from the allocator that its layout names, and goes back to the same one.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            return map(layout.size());
        }
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            return map(layout.size());
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_large(layout) {
            // SAFETY: the block is a mapping of this size, which the caller uses no more.
            unsafe { libc::munmap(block.cast(), layout.size()) };
            return;
        }
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller makes sure that the size fits the alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_large(layout), is_large(new_layout)) {
            (true, true) => {
                // SAFETY: the block is a mapping of this size.
                let moved = unsafe {
                    libc::mremap(block.cast(), layout.size(), size, libc::MREMAP_MAYMOVE)
                };
                if moved == libc::MAP_FAILED {
                    null_mut()
                } else {
                    moved.cast()
                }
            }
            // SAFETY: as above.
            (false, false) => unsafe { System.realloc(block, layout, size) },
            _ => {
                // SAFETY: the new block is another one, and both have room for what is copied.
                unsafe {
                    let moved = self.alloc(new_layout);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_survive_growing_and_shrinking() {
        let mut bytes: Vec<u8> = (0..100).collect();
        for size in [LARGE - 1, LARGE, 5 * LARGE, 40 * LARGE + 1] {
            bytes.resize(size, 7);
            bytes.shrink_to_fit();
            assert!(bytes.iter().take(100).copied().eq(0..100));
            assert!(bytes[100..].iter().all(|&byte| byte == 7));
        }
        for size in [5 * LARGE, LARGE, LARGE - 1, 100] {
            bytes.truncate(size);
            bytes.shrink_to_fit();
            assert!(bytes.iter().take(100).copied().eq(0..100));
        }
    }

    #[test]
    fn large_blocks_are_zeroed_and_aligned() {
        for align in [1, 64, PAGE, 2 * PAGE] {
            let layout = Layout::from_size_align(3 * LARGE, align).unwrap();
            // SAFETY: the layout is not empty; the block is freed with it.
            unsafe {
                let block = HEAP.alloc_zeroed(layout);
                assert_eq!(block as usize % align, 0);
                assert!((0..3 * LARGE).all(|index| *block.add(index) == 0));
                HEAP.dealloc(block, layout);
            }
        }
    }
}
