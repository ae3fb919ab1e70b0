//! Frees machine code that is not entered any more, once nobody executes it.

use crate::compiler::{Compiled, Compiler, Unit};
use rustc_hash::FxHashSet;
use std::ffi::{c_int, c_void};

/// After how many compilations it is looked for machine code that is entered no more.
const PERIOD: u64 = 32;

unsafe extern "C" {
    fn clinker_is_returning() -> c_int;
    fn clinker_tell_running(
        tell: extern "C" fn(*mut c_void, *const c_void),
        data: *mut c_void,
    ) -> c_int;
}

/// Whether native code is on its way out of a frame that has ended.
fn is_returning() -> bool {
    // SAFETY: the function reads a number.
    unsafe { clinker_is_returning() != 0 }
}

/// The code objects that frames run, if that can be known.
fn running() -> Option<FxHashSet<usize>> {
    extern "C" fn add(set: *mut c_void, code: *const c_void) {
        // SAFETY: it is the set below, which nobody else uses meanwhile.
        let set = unsafe { &mut *set.cast::<FxHashSet<usize>>() };
        set.insert(code as usize);
    }
    let mut set = FxHashSet::default();
    // SAFETY: the GIL is held; the function calls `add()` with the set, and keeps neither.
    let is_known = unsafe { clinker_tell_running(add, (&raw mut set).cast()) };
    (is_known != 0).then_some(set)
}

impl Compiled {
    /// Where its machine code has been left since this was asked, and how often.
    pub fn news(&mut self) -> Vec<(u32, u32)> {
        let exits = self.units.iter_mut().flat_map(|unit| &mut unit.exits);
        let left = std::mem::take(&mut self.left);
        let news = exits.map(|exit| exit.news()).chain(left);
        news.filter(|(_, times)| *times > 0).collect()
    }

    /// Takes out what is not entered any more.
    fn outdated_units(&mut self) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.units.drain(..self.outdated).collect();
        self.outdated = 0;
        for exit in units.iter_mut().flat_map(|unit| &mut unit.exits) {
            let (offset, times) = exit.news();
            if times > 0 {
                *self.left.entry(offset).or_default() += times;
            }
        }
        units
    }
}

impl Compiler {
    /// Frees the machine code of dead code objects and, now and then, what live ones have that is entered no more. The caller is not
    /// being called by native code that is about to be left.
    pub(crate) fn reclaim(&mut self) {
        self.bury();
        if self.counts().compiled < self.reclaimed + PERIOD || is_returning() {
            return;
        }
        self.reclaimed = self.counts().compiled;
        let Some(running) = running() else {
            return;
        };
        let (mut freed, mut is_left) = (0, false);
        for (id, compiled) in &mut self.codes {
            if compiled.outdated > 0 && running.contains(id) {
                is_left = true;
            } else if compiled.outdated > 0 {
                let units = compiled.outdated_units();
                freed += units.iter().map(|unit| unit.machine.size()).sum::<usize>();
            }
        }
        self.counts.bytes -= freed;
        if is_left {
            // Soon again: after as many compilations as now, the same may be running.
            self.reclaimed -= PERIOD - 1;
        }
    }

    /// Frees the machine code of dead code objects, unless it is on its way out.
    pub(crate) fn bury(&mut self) {
        if self.dead.is_empty() || is_returning() {
            return;
        }
        let units = self.dead.drain(..).flat_map(|compiled| compiled.units);
        self.counts.bytes -= units.map(|unit| unit.machine.size()).sum::<usize>();
    }
}
