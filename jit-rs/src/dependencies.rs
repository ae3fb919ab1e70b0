//! What machine code relies on without asking: variables of modules that hold a function, a class or a module, and that functions which are
//! executed in place of calls are not instrumented. A watcher of the dictionaries tells when a variable is about to change (`src/c/watch.c`),
//! and the hooks tell of instrumentation: the machine code is entered no more then, and left where it runs.

use rustc_hash::{FxHashMap, FxHashSet};

/// A variable of a module: the addresses of the dictionary and the name.
pub type Variable = (u64, u64);

/// Where a code object looks up the names of globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespaces {
    /// The address of the dictionary of globals, and a number of its own: an address is used again.
    globals: (u64, u64),
    /// The same for builtins.
    builtins: (u64, u64),
}

/// The watched dictionaries, and who relies on their variables.
#[derive(Debug, Default)]
pub struct Dependencies {
    /// The number of each dictionary that lives.
    dictionaries: FxHashMap<u64, u64>,
    count: u64,
    /// The code objects in whose machine code another one is executed in place of calls.
    around: FxHashMap<usize, FxHashSet<usize>>,
    /// The code objects whose machine code relies on a variable.
    dependents: FxHashMap<Variable, FxHashSet<usize>>,
    /// Variables that have changed after something had relied on them: nothing does any more.
    unsettled: FxHashSet<Variable>,
}

impl Dependencies {
    /// A code object looks up names in two dictionaries, which are watched.
    pub fn namespaces(&mut self, globals: u64, builtins: u64) -> Namespaces {
        let mut number = |dictionary| {
            let count = &mut self.count;
            let number = self.dictionaries.entry(dictionary).or_insert_with(|| {
                *count += 1;
                *count
            });
            (dictionary, *number)
        };
        Namespaces {
            globals: number(globals),
            builtins: number(builtins),
        }
    }

    /// The dictionaries, if they still live.
    pub fn live(&self, namespaces: Namespaces) -> Option<(u64, u64)> {
        let lives = |(address, number)| self.dictionaries.get(&address) == Some(&number);
        let Namespaces { globals, builtins } = namespaces;
        (lives(globals) && lives(builtins)).then_some((globals.0, builtins.0))
    }

    /// Whether a variable can be relied on.
    pub fn is_settled(&self, variable: Variable) -> bool {
        !self.unsettled.contains(&variable)
    }

    /// The dictionary of a module that is relied on is watched as well.
    pub fn watch(&mut self, dictionary: u64) {
        self.namespaces(dictionary, dictionary);
    }

    /// Machine code of a code object relies on variables.
    pub fn add(&mut self, id: usize, variables: impl IntoIterator<Item = Variable>) {
        for variable in variables {
            self.dependents.entry(variable).or_default().insert(id);
        }
    }

    /// In the machine code of a code object others are executed in place of calls.
    pub fn add_codes(&mut self, id: usize, inner: impl IntoIterator<Item = usize>) {
        for inner in inner {
            self.around.entry(inner).or_default().insert(id);
        }
    }

    /// Takes out the code objects in whose machine code another one is executed in place of calls.
    pub fn take_code(&mut self, inner: usize) -> FxHashSet<usize> {
        self.around.remove(&inner).unwrap_or_default()
    }

    /// Takes out the code objects that rely on a variable which is about to change: of all in a dictionary, or of all, if `None` is in its place.
    pub fn take(&mut self, dictionary: Option<u64>, name: Option<u64>) -> FxHashSet<usize> {
        let is_meant = |&(of, named): &Variable| {
            dictionary.is_none_or(|dictionary| of == dictionary)
                && name.is_none_or(|name| named == name)
        };
        let changed: Vec<Variable> = match (dictionary, name) {
            (Some(dictionary), Some(name)) => vec![(dictionary, name)],
            _ => self.dependents.keys().copied().filter(is_meant).collect(),
        };
        let mut dependents = FxHashSet::default();
        for variable in changed {
            if let Some(ids) = self.dependents.remove(&variable) {
                self.unsettled.insert(variable);
                dependents.extend(ids);
            }
        }
        dependents
    }

    /// A dictionary has died.
    pub fn died(&mut self, dictionary: u64) {
        self.dictionaries.remove(&dictionary);
        self.unsettled.retain(|&(of, _)| of != dictionary);
    }

    /// A code object has died.
    pub fn forget(&mut self, id: usize) {
        let is_left = |ids: &mut FxHashSet<usize>| {
            ids.remove(&id);
            !ids.is_empty()
        };
        self.around.remove(&id);
        self.dependents.retain(|_, ids| is_left(ids));
        self.around.retain(|_, ids| is_left(ids));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_relies_on_a_variable_is_told_once() {
        let mut dependencies = Dependencies::default();
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
