//! What has been counted, of code objects that live and of those that are gone.

use rustc_hash::FxHashMap;
use serde::Serialize;

/// A back-edge of a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loop {
    /// Line of the jump, -1 if it has none.
    pub line: i32,
    /// How often it was taken.
    pub trips: u64,
}

/// Where a code object comes from; those made from the same place are counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// `co_qualname`
    pub name: String,
    /// `co_filename`
    pub file: String,
    /// `co_firstlineno`
    pub line: i32,
}

/// The counters of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls, and resumptions of generators.
    pub entries: u64,
    /// Back-edges in the order of the bytecode.
    pub loops: Vec<Loop>,
    /// How often instructions were specialized.
    pub specialized: u64,
    /// How often specialized instructions had guessed wrong too often.
    pub missed: u64,
    /// How often no specialized form fitted.
    pub failed: u64,
    /// Whether the interpreter reported it as hot.
    pub hot: bool,
    /// How often its entries and loops were compiled.
    pub compiled: u64,
}

impl Counts {
    /// Adds the counters of another code object from the same place.
    pub fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.specialized += other.specialized;
        self.missed += other.missed;
        self.failed += other.failed;
        self.hot |= other.hot;
        self.compiled += other.compiled;
        for (index, found) in other.loops.into_iter().enumerate() {
            match self.loops.get_mut(index) {
                Some(known) if known.line == found.line => known.trips += found.trips,
                // The same place can hold different code, for example in exec().
                _ => self.loops.push(found),
            }
        }
    }

    /// Trips of all loops.
    pub fn trips(&self) -> u64 {
        self.loops.iter().map(|edge| edge.trips).sum()
    }
}

/// All counters by place.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    places: FxHashMap<Place, Counts>,
}

impl Profile {
    /// Adds what was counted at a place.
    pub fn add(&mut self, place: Place, counts: Counts) {
        self.places.entry(place).or_default().add(counts);
    }

    /// The places that were hot, hottest first.
    pub fn hot(&self) -> Vec<(&Place, &Counts)> {
        let mut hot: Vec<_> = self
            .places
            .iter()
            .filter(|(_, counts)| counts.hot)
            .collect();
        hot.sort_by(|(place, counts), (other_place, other)| {
            let heat = |counts: &Counts| counts.entries + counts.trips();
            heat(other).cmp(&heat(counts)).then_with(|| {
                (&place.file, place.line, &place.name).cmp(&(
                    &other_place.file,
                    other_place.line,
                    &other_place.name,
                ))
            })
        });
        hot
    }

    /// How many places have been counted at.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place {
            name: name.into(),
            file: "f.py".into(),
            line: 1,
        }
    }

    fn counts(entries: u64, trips: &[(i32, u64)]) -> Counts {
        Counts {
            entries,
            loops: trips
                .iter()
                .map(|&(line, trips)| Loop { line, trips })
                .collect(),
            hot: true,
            ..Counts::default()
        }
    }

    #[test]
    fn code_from_one_place_is_added_up() {
        let mut profile = Profile::default();
        profile.add(place("f"), counts(1, &[(2, 10), (3, 5)]));
        profile.add(place("f"), counts(2, &[(2, 1), (3, 1)]));
        let hot = profile.hot();
        assert_eq!(hot.len(), 1);
        assert_eq!(*hot[0].1, counts(3, &[(2, 11), (3, 6)]));
    }

    #[test]
    fn different_loops_at_one_place_stay_apart() {
        let mut all = counts(1, &[(2, 10)]);
        all.add(counts(1, &[(5, 7)]));
        assert_eq!(all, counts(2, &[(2, 10), (5, 7)]));
    }

    #[test]
    fn hottest_first_and_cold_left_out() {
        let mut profile = Profile::default();
        profile.add(place("calls"), counts(5, &[]));
        profile.add(place("loops"), counts(1, &[(2, 100)]));
        profile.add(
            place("cold"),
            Counts {
                hot: false,
                ..counts(1000, &[])
            },
        );
        let names: Vec<_> = profile
            .hot()
            .iter()
            .map(|(place, _)| place.name.clone())
            .collect();
        assert_eq!(names, ["loops", "calls"]);
        assert_eq!(profile.len(), 3);
    }
}
