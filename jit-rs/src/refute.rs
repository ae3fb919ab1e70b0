//! What happens when a guess was wrong too often: it is dropped, and the code is compiled again without it.

use crate::codegen;
use crate::compiler::{Compiled, Compiler, SUSPICIOUS};
use rustc_hash::FxHashSet;

/// How often a code object is compiled again with fewer guesses, before it is compiled without any.
const MAX_REFUTATIONS: u32 = 10;

/// How often code is compiled again with fewer guesses in what is executed in place of a call, until there is a real one: because of one
/// call, and of all together.
const MAX_INNER_REFUTATIONS: u32 = 8;
const MAX_ALL_INNER_REFUTATIONS: u32 = 16;

/// How often a code object is compiled again since something in it is executed that had not been, before all of it is compiled.
const MAX_DISCOVERIES: u32 = 8;

/// A guess, by the instruction it is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Guess {
    offset: u32,
    /// In what is executed in place of a call at that instruction.
    inner: Option<codegen::Inner>,
    /// At variables, for an edge that leads there.
    is_edge: bool,
    /// How many guesses at the instruction had been wrong by then.
    known: u32,
}

impl Guess {
    /// The code object, here one with an address, and the instruction.
    fn place(&self, id: usize) -> (usize, u32) {
        let inner = self.inner.map(|inner| (inner.code as usize, inner.offset));
        inner.unwrap_or((id, self.offset))
    }
}

impl Compiled {
    /// The guesses that have been wrong a few times. What is on its way goes with what was wrong too often: compiling again is
    /// expensive.
    fn suspicious(&self) -> FxHashSet<Guess> {
        let current = &self.units[self.outdated..];
        let exits = current.iter().flat_map(|unit| &unit.exits);
        let guess = |exit: &codegen::Exit| {
            let (offset, times) = exit.refuted()?;
            let guess = Guess {
                offset,
                inner: exit.inner(),
                is_edge: exit.is_edge(),
                known: exit.known(),
            };
            (times >= SUSPICIOUS).then_some(guess)
        };
        exits.filter_map(guess).collect()
    }

    /// Takes the guesses in what is executed in place of calls out of all that were wrong, as long as others are tried there.
    fn take_inner(&mut self, wrong: &mut Vec<Guess>) -> Vec<codegen::Inner> {
        let calls: FxHashSet<u32> = wrong
            .iter()
            .filter(|guess| guess.inner.is_some())
            .map(|guess| guess.offset)
            .collect();
        for &call in &calls {
            *self.inner_refutations.entry(call).or_default() += 1;
        }
        let times = &self.inner_refutations;
        let all: u32 = times.values().sum();
        let inner = wrong.extract_if(.., |guess| {
            guess.inner.is_some()
                && all <= MAX_ALL_INNER_REFUTATIONS
                && times[&guess.offset] <= MAX_INNER_REFUTATIONS
        });
        inner.filter_map(|guess| guess.inner).collect()
    }
}

impl Compiler {
    /// A guess at an instruction was wrong too often. The code is entered no more, and compiled again when it is hot.
    pub fn refuted(&mut self, id: usize, offset: u32) {
        let Some(compiled) = self.codes.get_mut(&id) else {
            return;
        };
        let wrong = compiled.suspicious();
        // Exits of old machine code go on to count.
        if !wrong.iter().any(|guess| guess.offset == offset) {
            return;
        }
        if compiled.give_up_entry(id, offset) {
            return;
        }
        let unseen = &mut compiled.unseen;
        let mut wrong: Vec<Guess> = wrong
            .into_iter()
            .filter(|guess| guess.is_edge || !unseen.remove(&guess.place(id)))
            .collect();
        let inner = compiled.take_inner(&mut wrong);
        if !wrong.is_empty() {
            self.counts.refuted += 1;
            compiled.refutations += 1;
            compiled.history.generic = compiled.refutations > MAX_REFUTATIONS;
        } else if !inner.is_empty() {
            self.counts.refuted += 1;
        } else {
            self.counts.unseen += 1;
            compiled.discoveries += 1;
            compiled.history.whole |= compiled.discoveries > MAX_DISCOVERIES;
        }
        for guess in wrong {
            if guess.is_edge {
                compiled.history.unexpected.insert(guess.offset);
                continue;
            }
            // What it has been executed in place of calls for may have found the same.
            let refuted = compiled.history.refuted.entry(guess.offset).or_default();
            *refuted = (*refuted).max(guess.known + 1);
        }
        compiled.retire(id);
        for guess in inner {
            if let Some(callee) = self.codes.get_mut(&(guess.code as usize)) {
                // Others may have found the same.
                let refuted = callee.history.refuted.entry(guess.offset).or_default();
                *refuted = (*refuted).max(guess.refuted + 1);
            }
        }
        self.drop_pending(id);
    }
}
