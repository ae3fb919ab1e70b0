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

/// For each node of a graph, by its successors, the one that all ways there from roots have passed last before it; none for roots, for
/// what several of them lead to by ways of their own, and for what is not reached (Cooper, Harvey and Kennedy, "A simple, fast dominance
/// algorithm", 2001).
pub fn dominators(successors: &[Vec<usize>], roots: &[usize]) -> Vec<Option<usize>> {
    let order = post_order(successors, roots);
    // The one before all roots comes last.
    let entry = order.len();
    let mut numbers = vec![None; successors.len()];
    for (number, &node) in order.iter().enumerate() {
        numbers[node] = Some(number);
    }
    let mut predecessors = vec![Vec::new(); entry];
    for (number, &node) in order.iter().enumerate() {
        let targets = successors[node]
            .iter()
            .filter_map(|target| numbers[*target]);
        targets.for_each(|target: usize| predecessors[target].push(number));
    }
    for number in roots.iter().filter_map(|root| numbers[*root]) {
        predecessors[number].push(entry);
    }
    let mut above = vec![None; entry + 1];
    above[entry] = Some(entry);
    let mut changes = true;
    while changes {
        changes = false;
        for number in (0..entry).rev() {
            let known = predecessors[number].iter().copied();
            let known = known.filter(|before| above[*before].is_some());
            let common = known.reduce(|one, other| meet(&above, one, other));
            changes |= above[number] != common;
            above[number] = common;
        }
    }
    let above = |node: &Option<usize>| above[(*node)?].filter(|before| *before != entry);
    numbers
        .iter()
        .map(|node| Some(order[above(node)?]))
        .collect()
}

/// What is above two nodes of the tree, by their numbers in post-order.
fn meet(above: &[Option<usize>], mut one: usize, mut other: usize) -> usize {
    while one != other {
        let lower = if one < other { &mut one } else { &mut other };
        *lower = above[*lower].expect("it has been reached");
    }
    one
}

fn post_order(successors: &[Vec<usize>], roots: &[usize]) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = FxHashSet::default();
    for &root in roots {
        let mut stack = Vec::new();
        if seen.insert(root) {
            stack.push((root, 0));
        }
        while let Some((node, next)) = stack.last_mut() {
            match successors[*node].get(*next) {
                Some(&target) => {
                    *next += 1;
                    if seen.insert(target) {
                        stack.push((target, 0));
                    }
                }
                None => {
                    order.push(*node);
                    stack.pop();
                }
            }
        }
    }
    order
}

/// What dominates what, by the numbers of a walk down the tree of dominators.
#[derive(Debug)]
pub struct Dominance {
    /// When the walk comes to a node and when it leaves it.
    visits: Vec<(usize, usize)>,
}

impl Dominance {
    /// By what dominates each node immediately.
    pub fn new(dominators: &[Option<usize>]) -> Self {
        let mut below = vec![Vec::new(); dominators.len()];
        for (node, above) in dominators.iter().enumerate() {
            if let Some(above) = *above {
                below[above].push(node);
            }
        }
        let mut visits = vec![(0, 0); dominators.len()];
        let mut time = 0;
        let nodes = dominators.iter().enumerate();
        for (root, _) in nodes.filter(|(_, above)| above.is_none()) {
            let mut stack = vec![(root, 0)];
            while let Some((node, next)) = stack.last_mut() {
                time += 1;
                if *next == 0 {
                    visits[*node].0 = time;
                }
                match below[*node].get(*next) {
                    Some(&child) => {
                        *next += 1;
                        stack.push((child, 0));
                    }
                    None => {
                        visits[*node].1 = time;
                        stack.pop();
                    }
                }
            }
        }
        Self { visits }
    }

    /// Whether all ways to a node pass another one, or it is that.
    pub fn dominates(&self, above: usize, node: usize) -> bool {
        let (from, to) = self.visits[above];
        (from..=to).contains(&self.visits[node].0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Dominance, dominators};

    #[test]
    fn loops_and_diamonds_are_dominated_by_what_leads_there() {
        // 0 -> 1 -> (2 | 3) -> 4 -> 1, 4 -> 5
        let successors = [vec![1], vec![2, 3], vec![4], vec![4], vec![1, 5], vec![]];
        let expected = [None, Some(0), Some(1), Some(1), Some(1), Some(4)];
        assert_eq!(dominators(&successors, &[0]), expected);
        let dominance = Dominance::new(&expected);
        let below = |above| {
            (0..6)
                .filter(|node| dominance.dominates(above, *node))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            [below(1), below(2), below(4)],
            [vec![1, 2, 3, 4, 5], vec![2], vec![4, 5]]
        );
    }

    #[test]
    fn what_two_roots_lead_to_has_none() {
        let successors = [vec![2], vec![2], vec![3], vec![], vec![3]];
        let expected = [None, None, None, Some(2), None];
        assert_eq!(dominators(&successors, &[0, 1]), expected);
    }
}
