//! What machine code relies on without asking: variables of modules that hold a function, a class or a module, and that functions which are
//! executed in place of calls are not instrumented. A watcher of the dictionaries tells when a variable is about to change (`src/c/watch.c`),
//! and the hooks tell of instrumentation: the machine code is entered no more then, and left where it runs.

use rustc_hash::{FxHashMap, FxHashSet};

/// A variable of a module: the addresses of the dictionary and the name.
pub type Variable = (u64, u64);

/// Code objects, by their addresses.
type Codes = FxHashSet<usize>;

/// Where a code object looks up the names of globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespaces {
    /// The address of the dictionary of globals, and a number of its own: an address is used again.
    globals: (u64, u64),
    /// The same for builtins.
    builtins: (u64, u64),
}

/// A watched dictionary of variables.
#[derive(Debug)]
struct Dictionary {
    number: u64,
    /// The code objects whose machine code relies on a variable, by the address of its name.
    dependents: FxHashMap<u64, Codes>,
    /// Names of variables that have changed after something had relied on them: nothing does any more.
    unsettled: FxHashSet<u64>,
}

/// The watched dictionaries, and who relies on what.
#[derive(Debug, Default)]
pub struct Dependencies {
    /// Those that live, by their addresses.
    dictionaries: FxHashMap<u64, Dictionary>,
    count: u64,
    /// The code objects in whose machine code another one is executed in place of calls.
    around: FxHashMap<usize, Codes>,
    /// The code objects that are among all these.
    dependents: Codes,
}

impl Dependencies {
    /// A code object looks up names in two dictionaries, which are watched.
    pub fn namespaces(&mut self, globals: u64, builtins: u64) -> Namespaces {
        let mut number = |dictionary| {
            let count = &mut self.count;
            let known = self.dictionaries.entry(dictionary).or_insert_with(|| {
                *count += 1;
                Dictionary {
                    number: *count,
                    dependents: FxHashMap::default(),
                    unsettled: FxHashSet::default(),
                }
            });
            (dictionary, known.number)
        };
        Namespaces {
            globals: number(globals),
            builtins: number(builtins),
        }
    }

    /// The dictionaries, if they still live.
    pub fn live(&self, namespaces: Namespaces) -> Option<(u64, u64)> {
        let lives = |(address, number)| {
            let known = self.dictionaries.get(&address);
            known.is_some_and(|known| known.number == number)
        };
        let Namespaces { globals, builtins } = namespaces;
        (lives(globals) && lives(builtins)).then_some((globals.0, builtins.0))
    }

    /// Whether a variable can be relied on.
    pub fn is_settled(&self, (dictionary, name): Variable) -> bool {
        let known = self.dictionaries.get(&dictionary);
        known.is_some_and(|known| !known.unsettled.contains(&name))
    }

    /// The dictionary of a module that is relied on is watched as well.
    pub fn watch(&mut self, dictionary: u64) {
        self.namespaces(dictionary, dictionary);
    }

    /// Machine code of a code object relies on variables of watched dictionaries.
    pub fn add(&mut self, id: usize, variables: impl IntoIterator<Item = Variable>) {
        for (dictionary, name) in variables {
            if let Some(known) = self.dictionaries.get_mut(&dictionary) {
                known.dependents.entry(name).or_default().insert(id);
                self.dependents.insert(id);
            }
        }
    }

    /// In the machine code of a code object others are executed in place of calls.
    pub fn add_codes(&mut self, id: usize, inner: impl IntoIterator<Item = usize>) {
        for inner in inner {
            self.around.entry(inner).or_default().insert(id);
            self.dependents.insert(id);
        }
    }

    /// Takes out the code objects in whose machine code another one is executed in place of calls.
    pub fn take_code(&mut self, inner: usize) -> Codes {
        self.around.remove(&inner).unwrap_or_default()
    }

    /// Takes out the code objects that rely on a variable which is about to change: of all in a dictionary, or of all, if `None` is in its
    /// place.
    pub fn take(&mut self, dictionary: Option<u64>, name: Option<u64>) -> Codes {
        let mut dependents = Codes::default();
        let mut take = |known: &mut Dictionary| {
            let changed: Vec<u64> = match name {
                Some(name) => vec![name],
                None => known.dependents.keys().copied().collect(),
            };
            for name in changed {
                if let Some(ids) = known.dependents.remove(&name) {
                    known.unsettled.insert(name);
                    dependents.extend(ids);
                }
            }
        };
        match dictionary {
            Some(dictionary) => self
                .dictionaries
                .get_mut(&dictionary)
                .into_iter()
                .for_each(take),
            None => self.dictionaries.values_mut().for_each(&mut take),
        }
        dependents
    }

    /// A dictionary has died.
    pub fn died(&mut self, dictionary: u64) {
        self.dictionaries.remove(&dictionary);
    }

    /// A code object has died.
    pub fn forget(&mut self, id: usize) {
        self.around.remove(&id);
        if !self.dependents.remove(&id) {
            return;
        }
        let is_left = |ids: &mut Codes| {
            ids.remove(&id);
            !ids.is_empty()
        };
        for known in self.dictionaries.values_mut() {
            known.dependents.retain(|_, ids| is_left(ids));
        }
        self.around.retain(|_, ids| is_left(ids));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_relies_on_a_variable_is_told_once() {
        let mut dependencies = Dependencies::default();
        dependencies.namespaces(1, 2);
        dependencies.add(7, [(1, 10), (2, 20)]);
        dependencies.add(8, [(1, 10)]);
        let told = dependencies.take(Some(1), Some(10));
        assert_eq!(told, FxHashSet::from_iter([7, 8]));
        assert!(dependencies.take(Some(1), Some(10)).is_empty());
        assert!(!dependencies.is_settled((1, 10)));
        assert!(dependencies.is_settled((1, 11)));
        assert_eq!(dependencies.take(None, None), FxHashSet::from_iter([7]));
    }

    #[test]
    fn who_executes_another_one_is_told_once() {
        let mut dependencies = Dependencies::default();
        dependencies.add_codes(7, [1, 2]);
        dependencies.add_codes(8, [1]);
        dependencies.forget(8);
        assert_eq!(dependencies.take_code(1), FxHashSet::from_iter([7]));
        assert!(dependencies.take_code(1).is_empty());
    }

    #[test]
    fn what_nothing_relies_on_stays_settled() {
        let mut dependencies = Dependencies::default();
        dependencies.watch(1);
        assert!(dependencies.take(Some(1), Some(10)).is_empty());
        assert!(dependencies.is_settled((1, 10)));
        dependencies.add(7, [(1, 10)]);
        dependencies.forget(7);
        assert!(dependencies.take(Some(1), None).is_empty());
    }

    #[test]
    fn a_dictionary_at_the_address_of_a_dead_one_is_another() {
        let mut dependencies = Dependencies::default();
        let namespaces = dependencies.namespaces(1, 2);
        assert_eq!(dependencies.live(namespaces), Some((1, 2)));
        assert_eq!(dependencies.namespaces(1, 2), namespaces);
        dependencies.died(1);
        assert_eq!(dependencies.live(namespaces), None);
        assert_ne!(dependencies.namespaces(1, 2), namespaces);
    }
}
