//! Graphs of blocks and instructions.

use rustc_hash::FxHashSet;
use std::hash::Hash;

/// Adds places and what leads to them to others, beyond which it does not go: so are natural loops found (Aho, Lam, Sethi and
/// Ullman, "Compilers", 9.6.6).
pub fn add_leading_to<T, I>(
    reached: &mut FxHashSet<T>,
    places: impl IntoIterator<Item = T>,
    predecessors: impl Fn(T) -> I,
) where
    T: Copy + Eq + Hash,
    I: IntoIterator<Item = T>,
{
    let mut work: Vec<T> = places.into_iter().collect();
    while let Some(place) = work.pop() {
        if reached.insert(place) {
            work.extend(predecessors(place));
        }
    }
}
