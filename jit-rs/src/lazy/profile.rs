//! Profiles: what runs have taught about imports. A text file, the same for the same content.

use super::rules::{Decision, Rules};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The first line of a profile.
const HEADER: &str = "clinker-lazy-profile 1";

/// The list that `default` stands for.
pub const DEFAULT: &str = include_str!("../../data/lazy-default.profile");

/// How often the imports of a module by another were deferred, and needed at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deferrals {
    /// Runs in which an import was deferred.
    pub runs: u64,
    /// Runs in which its value was needed before the body that imports it ended.
    pub at_once: u64,
}

/// Microseconds that imports of a module took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// In all runs, with the imports that it caused.
    pub total: u64,
    /// Runs that measured it.
    pub runs: u64,
}

/// A profile.
#[derive(Debug, Default)]
pub struct Profile {
    /// Runs that were recorded.
    pub runs: u64,
    /// Lines of rules, which come first.
    rule_lines: Vec<String>,
    rules: Rules,
    /// By importer and module.
    pub deferrals: BTreeMap<(String, String), Deferrals>,
    /// States that the body of a module changed.
    pub effects: BTreeMap<String, BTreeSet<String>>,
    /// By module.
    pub costs: BTreeMap<String, Cost>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// What is wrong, with the number of the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate();
        match lines.next() {
            Some((_, HEADER)) => {}
            _ => return Err(format!("line 1: expected `{HEADER}`")),
        }
        let mut profile = Self::default();
        for (index, line) in lines {
            let line = line.split('#').next().unwrap_or("");
            let words: Vec<_> = line.split_whitespace().collect();
            profile
                .line(&words)
                .map_err(|error| format!("line {}: {error}", index + 1))?;
        }
        Ok(profile)
    }

    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        let number = |word: &str| {
            word.parse::<u64>()
                .map_err(|_| format!("`{word}` is not a number"))
        };
        match *words {
            [] => {}
            ["runs", runs] => self.runs = number(runs)?,
            ["eager" | "lazy", ..] => {
                self.rules.add(words)?;
                self.rule_lines.push(words.join(" "));
            }
            ["at-once", importer, module, at_once, "of", runs] => {
                let entry = Deferrals {
                    runs: number(runs)?,
                    at_once: number(at_once)?,
                };
                self.deferrals
                    .insert((importer.into(), module.into()), entry);
            }
            ["effect", module, ref names @ ..] if !names.is_empty() => {
                let names = names.iter().map(ToString::to_string);
                self.effects.entry(module.into()).or_default().extend(names);
            }
            ["cost", module, total, "us", "in", runs] => {
                let cost = Cost {
                    total: number(total)?,
                    runs: number(runs)?,
                };
                self.costs.insert(module.into(), cost);
            }
            [word, ..] => return Err(format!("unknown or incomplete entry `{word}`")),
        }
        Ok(())
    }

    /// Adds what another profile has learned. Its rules come after the own ones.
    ///
    /// # Errors
    /// None for a profile that was parsed.
    pub fn merge(&mut self, other: &Self) -> Result<(), String> {
        self.runs += other.runs;
        for line in &other.rule_lines {
            self.rules.add(&line.split(' ').collect::<Vec<_>>())?;
            self.rule_lines.push(line.clone());
        }
        for (key, counts) in &other.deferrals {
            let entry = self.deferrals.entry(key.clone()).or_default();
            entry.runs += counts.runs;
            entry.at_once += counts.at_once;
        }
        for (module, names) in &other.effects {
            let entry = self.effects.entry(module.clone()).or_default();
            entry.extend(names.iter().cloned());
        }
        for (module, cost) in &other.costs {
            let entry = self.costs.entry(module.clone()).or_default();
            entry.total += cost.total;
            entry.runs += cost.runs;
        }
        Ok(())
    }

    /// The text of the profile.
    pub fn text(&self) -> String {
        let mut out = format!("{HEADER}\nruns {}\n", self.runs);
        for line in &self.rule_lines {
            let _ = writeln!(out, "{line}");
        }
        for (module, names) in &self.effects {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let _ = writeln!(out, "effect {module} {}", names.join(" "));
        }
        for ((importer, module), counts) in &self.deferrals {
            let Deferrals { runs, at_once } = counts;
            let _ = writeln!(out, "at-once {importer} {module} {at_once} of {runs}");
        }
        for (module, Cost { total, runs }) in &self.costs {
            let _ = writeln!(out, "cost {module} {total} us in {runs}");
        }
        out
    }

    /// What the profile says about an import.
    pub fn decide(&self, importer: &str, module: &str) -> Option<Decision> {
        if let Some(decision) = self.rules.decide(importer, module) {
            return Some(decision);
        }
        let key = (importer.to_owned(), module.to_owned());
        let pure_cost = |counts: &Deferrals| counts.runs > 0 && counts.at_once == counts.runs;
        let eager =
            self.effects.contains_key(module) || self.deferrals.get(&key).is_some_and(pure_cost);
        eager.then_some(Decision::Eager)
    }

    /// What an import of the module took on average, in microseconds.
    pub fn cost(&self, module: &str) -> Option<u64> {
        let cost = self.costs.get(module)?;
        cost.total.checked_div(cost.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "clinker-lazy-profile 1\n\
        runs 2\n\
        lazy json in app\n\
        effect enc codecs.register sys.path\n\
        at-once app re 2 of 2\n\
        at-once app xml 1 of 2\n\
        cost re 3001 us in 2\n";

    #[test]
    fn text_is_read_and_written_the_same() {
        assert_eq!(Profile::parse(TEXT).unwrap().text(), TEXT);
    }

    #[test]
    fn what_is_eager() {
        let profile = Profile::parse(TEXT).unwrap();
        for (module, expected) in [
            ("re", Some(Decision::Eager)),
            ("xml", None),
            ("enc", Some(Decision::Eager)),
            ("json", Some(Decision::Lazy)),
        ] {
            assert_eq!(profile.decide("app", module), expected, "{module}");
        }
        assert_eq!(profile.decide("other", "re"), None);
        assert_eq!(profile.cost("re"), Some(1500));
    }

    #[test]
    fn runs_add_up() {
        let mut profile = Profile::parse(TEXT).unwrap();
        let other = "clinker-lazy-profile 1\nruns 1\nat-once app re 0 of 1\neffect enc builtins\n";
        profile.merge(&Profile::parse(other).unwrap()).unwrap();
        assert_eq!(profile.runs, 3);
        assert_eq!(profile.decide("app", "re"), None);
        assert!(
            profile
                .text()
                .contains("effect enc builtins codecs.register sys.path\n")
        );
    }

    #[test]
    fn mistakes_name_the_line() {
        assert!(
            Profile::parse("")
                .unwrap_err()
                .starts_with("line 1: expected")
        );
        for line in ["cost re x us in 1", "at-once a b", "effect a", "what"] {
            let error = Profile::parse(&format!("{HEADER}\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 2: "), "{error}");
        }
    }

    #[test]
    fn the_default_list_can_be_read() {
        let profile = Profile::parse(DEFAULT).unwrap();
        assert_eq!(profile.decide("app", "readline"), Some(Decision::Eager));
    }
}
