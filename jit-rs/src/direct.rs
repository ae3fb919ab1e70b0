//! Where calls of the functions of a code object go: a word that machine code reads each time.

use crate::{layout, runtime};
use std::sync::atomic::{AtomicU64, Ordering};

/// The word, which stays where it is when this is moved.
#[derive(Debug, Default)]
pub struct Direct {
    word: Box<AtomicU64>,
    /// What is called without native code; zero until some machine code calls.
    uncompiled: u64,
}

impl Direct {
    /// The address of the word, for machine code that calls with so many arguments, which are always as many; zero if they are too many.
    pub fn address(&mut self, arguments: usize) -> u64 {
        if arguments > layout::MAX_DIRECT {
            return 0;
        }
        if self.uncompiled == 0 {
            self.uncompiled = runtime::uncompiled(arguments);
            // There may be native code already.
            let none = self.word.load(Ordering::Relaxed) == 0;
            if none {
                self.clear();
            }
        }
        self.word.as_ptr() as u64
    }

    /// Calls go to native code.
    pub fn set(&self, entry: u64) {
        self.word.store(entry, Ordering::Relaxed);
    }

    /// There is no native code any more.
    pub fn clear(&self) {
        self.set(self.uncompiled);
    }
}
