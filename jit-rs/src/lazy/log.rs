//! The event log: what was deferred where, what was resolved by whom, and what it cost.

use super::effects::{self, State};
use super::profile::{Cost, Deferrals, Profile};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// A place in the program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Site {
    /// Name of the file, empty if there is none.
    pub file: String,
    /// Line, 0 if there is none.
    pub line: i32,
    /// Whether it is in the body of a module.
    #[serde(skip)]
    pub in_body: bool,
}

/// How a deferred import was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// Who needed the value.
    pub trigger: Site,
    /// Whether the import succeeded.
    pub ok: bool,
    /// Microseconds without the resolutions inside.
    pub self_us: u64,
    /// Microseconds in all.
    pub cumulative_us: u64,
}

/// An import statement that was deferred.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Declaration {
    /// The absolute name of the module.
    pub module: String,
    /// The names that are taken from it.
    pub names: BTreeSet<String>,
    /// `__name__` of the namespace.
    pub importer: String,
    /// Where the statement is.
    pub site: Site,
    /// In the order of time.
    pub resolutions: Vec<Resolution>,
    #[serde(skip)]
    at_once: bool,
}

impl Declaration {
    /// Whether its value was needed, and was there.
    pub fn is_resolved(&self) -> bool {
        self.resolutions.iter().any(|resolution| resolution.ok)
    }
}

/// An import that was done at once though a mode asks to defer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoneNow {
    /// The absolute name of the module.
    pub module: String,
    /// `__name__` of the namespace.
    pub importer: String,
    /// Where the statement is.
    pub site: Site,
    /// `try`, `star`, `rule` or `filter`.
    pub reason: &'static str,
}

#[derive(Debug)]
struct Running {
    lazy: usize,
    trigger: Site,
    start: Instant,
    inside: Duration,
}

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    /// Statements that were deferred, in the order of time.
    pub declarations: Vec<Declaration>,
    /// Statements that were not.
    pub done_now: Vec<DoneNow>,
    /// Modules whose body was executed.
    pub executed: BTreeSet<String>,
    /// Submodules that are not bound in their parent since the name was taken.
    pub not_bound: BTreeSet<String>,
    /// States that the bodies of modules changed.
    pub effects: BTreeMap<String, BTreeSet<String>>,
    lazies: HashMap<usize, (Site, String)>,
    running: HashMap<u64, Vec<Running>>,
    state: Option<State>,
}

impl Log {
    /// A statement, or one of its names, is deferred.
    pub fn deferred(&mut self, lazy: usize, importer: &str, module: &str, name: &str, site: Site) {
        let full = if name.is_empty() {
            module.to_owned()
        } else {
            format!("{module}.{name}")
        };
        self.lazies.insert(lazy, (site.clone(), full));
        if importer.is_empty() {
            // A submodule of what the statement imports: it counts for the statement.
            return;
        }
        let mut known = self.declarations.iter_mut().rev();
        let known = known.find(|known| known.module == module && known.site == site);
        let declaration = match known {
            Some(known) => known,
            None => {
                self.declarations.push(Declaration {
                    module: module.into(),
                    importer: importer.into(),
                    site,
                    ..Declaration::default()
                });
                self.declarations.last_mut().expect("just pushed")
            }
        };
        if !name.is_empty() {
            declaration.names.insert(name.into());
        }
    }

    /// A statement is executed now.
    pub fn done_now(&mut self, done: DoneNow) {
        self.done_now.push(done);
    }

    /// A resolution begins.
    pub fn resolving(&mut self, thread: u64, lazy: usize, trigger: Site) {
        self.running.entry(thread).or_default().push(Running {
            lazy,
            trigger,
            start: Instant::now(),
            inside: Duration::ZERO,
        });
    }

    /// It ends.
    pub fn resolved(&mut self, thread: u64, lazy: usize, ok: bool) {
        let Some(stack) = self.running.get_mut(&thread) else {
            return;
        };
        let Some(at) = stack.iter().rposition(|running| running.lazy == lazy) else {
            return;
        };
        let running = stack.remove(at);
        let all = running.start.elapsed();
        if let Some(outer) = stack.last_mut() {
            outer.inside += all;
        }
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let resolution = Resolution {
            trigger: running.trigger,
            ok,
            self_us: us(all.saturating_sub(running.inside)),
            cumulative_us: us(all),
        };
        let Some(index) = self.declaration_of(lazy) else {
            return;
        };
        let declaration = &mut self.declarations[index];
        let own_body =
            resolution.trigger.in_body && resolution.trigger.file == declaration.site.file;
        let unfinished =
            declaration.importer != "__main__" && !self.executed.contains(&declaration.importer);
        declaration.at_once |= ok && (own_body || unfinished);
        declaration.resolutions.push(resolution);
    }

    fn declaration_of(&self, lazy: usize) -> Option<usize> {
        let (site, full) = self.lazies.get(&lazy)?;
        let part_of = |whole: &str, part: &str| {
            let rest = whole.strip_prefix(part);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.declarations.iter().rposition(|declaration| {
            let module = &declaration.module;
            declaration.site == *site && (part_of(module, full) || part_of(full, module))
        })
    }

    /// The body of a module was executed.
    pub fn executed(&mut self, module: &str) {
        self.executed.insert(module.into());
    }

    /// What the states are now that the body of `owner` has run for a while.
    pub fn effects(&mut self, owner: &str, state: &State) {
        if let Some(before) = self.state.replace(*state)
            && !owner.is_empty()
            && owner != "__main__"
        {
            for name in effects::changes(&before, state) {
                let entry = self.effects.entry(owner.into()).or_default();
                entry.insert(name.into());
            }
        }
    }

    /// What this run has taught.
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::default();
        profile.runs = 1;
        profile.effects.clone_from(&self.effects);
        for declaration in &self.declarations {
            let key = (declaration.importer.clone(), declaration.module.clone());
            let entry = profile.deferrals.entry(key).or_default();
            *entry = Deferrals {
                runs: 1,
                at_once: entry.at_once.max(u64::from(declaration.at_once)),
            };
            let first = declaration
                .resolutions
                .iter()
                .find(|resolution| resolution.ok);
            if let Some(first) = first {
                let module = declaration.module.clone();
                let cost = profile.costs.entry(module).or_default();
                *cost = Cost {
                    total: cost.total.max(first.cumulative_us),
                    runs: 1,
                };
            }
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(file: &str, line: i32, in_body: bool) -> Site {
        Site {
            file: file.into(),
            line,
            in_body,
        }
    }

    #[test]
    fn names_of_a_statement_are_one_declaration() {
        let mut log = Log::default();
        log.deferred(1, "app", "a", "", site("f", 1, true));
        log.deferred(2, "app", "a", "x", site("f", 1, true));
        log.deferred(3, "app", "a", "y", site("f", 1, true));
        assert_eq!(log.declarations.len(), 1);
        log.resolving(0, 3, site("g", 7, false));
        log.resolved(0, 3, true);
        assert!(log.declarations[0].is_resolved());
        assert_eq!(log.declarations[0].resolutions[0].trigger.line, 7);
    }

    #[test]
    fn a_submodule_counts_for_its_statement() {
        let mut log = Log::default();
        log.deferred(1, "", "a.b", "", site("f", 1, true));
        log.deferred(2, "app", "a.b", "", site("f", 1, true));
        log.resolving(0, 1, Site::default());
        log.resolved(0, 1, true);
        assert_eq!(log.declarations.len(), 1);
        assert!(log.declarations[0].is_resolved());
    }

    #[test]
    fn nested_costs() {
        let mut log = Log::default();
        log.deferred(1, "app", "a", "", site("f", 1, true));
        log.deferred(2, "a", "b", "", site("a", 1, true));
        log.resolving(0, 1, Site::default());
        log.resolving(0, 2, site("a", 2, true));
        std::thread::sleep(Duration::from_millis(5));
        log.resolved(0, 2, true);
        log.resolved(0, 1, true);
        let outer = &log.declarations[0].resolutions[0];
        assert!(outer.cumulative_us >= 5000 && outer.self_us < outer.cumulative_us);
        // The body of the importer needed it itself.
        let profile = log.profile();
        assert_eq!(profile.deferrals[&("a".into(), "b".into())].at_once, 1);
    }

    #[test]
    fn changed_states_belong_to_the_module_that_ran() {
        let mut log = Log::default();
        let mut state = [0; 12];
        log.effects("", &state);
        state[5] = 1;
        log.effects("enc", &state);
        log.effects("other", &state);
        let names: Vec<_> = log.effects["enc"].iter().collect();
        assert_eq!(names, ["codecs.register"]);
        assert_eq!(log.effects.len(), 1);
    }
}
