//! Rules about modules: `eager` or `lazy`, a pattern of names, and perhaps a pattern of importers.
//!
//! A pattern without `*` and `?` stands for a module and all below it; these are found in a trie of the parts of names. With
//! them it is a glob for whole names, in which `*` stands for any characters, dots included. The first rule that matches
//! decides.

use std::collections::HashMap;

/// What a rule, or the whole policy, says about an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Import at once.
    Eager,
    /// Defer.
    Lazy,
}

/// Names of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Tree(String),
    Glob(String),
}

impl Pattern {
    fn new(text: &str) -> Self {
        if text.contains(['*', '?']) {
            Self::Glob(text.into())
        } else {
            Self::Tree(text.into())
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Tree(root) => name
                .strip_prefix(root.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            Self::Glob(glob) => glob_matches(glob, name),
        }
    }
}

/// Whether a glob matches a whole name.
pub fn glob_matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut g, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(b'?') => {
                g += 1;
                n += 1;
            }
            Some(&byte) if byte == name[n] => {
                g += 1;
                n += 1;
            }
            _ => {
                // Let the last star take one character more.
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                g = at + 1;
                n = taken + 1;
            }
        }
    }
    glob[g..].iter().all(|&byte| byte == b'*')
}

#[derive(Debug, Clone)]
struct Rule {
    decision: Decision,
    module: Pattern,
    importer: Option<Pattern>,
}

#[derive(Debug, Default)]
struct Node {
    rules: Vec<usize>,
    children: HashMap<String, Node>,
}

/// An ordered list of rules.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    tree: Node,
    globs: Vec<usize>,
}

impl Rules {
    /// Reads a file of rules: one a line, `#` begins a comment.
    ///
    /// # Errors
    /// What is wrong, with the number of the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("");
            let words: Vec<_> = line.split_whitespace().collect();
            if !words.is_empty() {
                rules
                    .add(&words)
                    .map_err(|error| format!("line {}: {error}", index + 1))?;
            }
        }
        Ok(rules)
    }

    /// Adds the words of one rule.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn add(&mut self, words: &[&str]) -> Result<(), String> {
        let (decision, module, importer) = match *words {
            [decision, module] => (decision, module, None),
            [decision, module, "in", importer] => (decision, module, Some(importer)),
            _ => {
                return Err(
                    "expected `eager MODULE` or `lazy MODULE`, perhaps with `in IMPORTER`".into(),
                );
            }
        };
        let decision = match decision {
            "eager" => Decision::Eager,
            "lazy" => Decision::Lazy,
            other => {
                return Err(format!(
                    "unknown word `{other}`, expected `eager` or `lazy`"
                ));
            }
        };
        let index = self.rules.len();
        let module = Pattern::new(module);
        match &module {
            Pattern::Glob(_) => self.globs.push(index),
            Pattern::Tree(root) => {
                let mut node = &mut self.tree;
                for part in root.split('.') {
                    node = node.children.entry(part.into()).or_default();
                }
                node.rules.push(index);
            }
        }
        self.rules.push(Rule {
            decision,
            module,
            importer: importer.map(Pattern::new),
        });
        Ok(())
    }

    /// What the first rule that matches says.
    pub fn decide(&self, importer: &str, module: &str) -> Option<Decision> {
        let mut first = usize::MAX;
        let mut node = &self.tree;
        for part in module.split('.') {
            let Some(child) = node.children.get(part) else {
                break;
            };
            node = child;
            first = first.min(self.first(&node.rules, importer));
        }
        let globs: Vec<_> = self
            .globs
            .iter()
            .copied()
            .take_while(|&index| index < first)
            .filter(|&index| self.rules[index].module.matches(module))
            .collect();
        first = first.min(self.first(&globs, importer));
        self.rules.get(first).map(|rule| rule.decision)
    }

    fn first(&self, candidates: &[usize], importer: &str) -> usize {
        candidates
            .iter()
            .copied()
            .find(|&index| {
                let pattern = &self.rules[index].importer;
                pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(importer))
            })
            .unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, name, expected) in [
            ("*", "", true),
            ("a.*", "a.b.c", true),
            ("a.*", "a", false),
            ("*_plugin", "x_plugin_plugin", true),
            ("*_plugin", "x_plugins", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.b.*.d", "a.b.b.c.d", true),
        ] {
            assert_eq!(glob_matches(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn a_plain_name_is_the_module_and_all_below() {
        let rules = Rules::parse("eager a.b").unwrap();
        assert_eq!(rules.decide("", "a.b"), Some(Decision::Eager));
        assert_eq!(rules.decide("", "a.b.c"), Some(Decision::Eager));
        assert_eq!(rules.decide("", "a"), None);
        assert_eq!(rules.decide("", "a.bc"), None);
    }

    #[test]
    fn the_first_that_matches_decides() {
        let rules = Rules::parse("lazy a.b.*\neager a # all of it\nlazy a.b").unwrap();
        assert_eq!(rules.decide("", "a.b.c"), Some(Decision::Lazy));
        assert_eq!(rules.decide("", "a.b"), Some(Decision::Eager));
    }

    #[test]
    fn importers() {
        let rules = Rules::parse("lazy json in app.*\neager json in app").unwrap();
        assert_eq!(rules.decide("app.cli", "json"), Some(Decision::Lazy));
        assert_eq!(rules.decide("app", "json"), Some(Decision::Eager));
        assert_eq!(rules.decide("other", "json"), None);
    }

    #[test]
    fn mistakes_name_the_line() {
        assert_eq!(
            Rules::parse("\n# x\nslow a").unwrap_err(),
            "line 3: unknown word `slow`, expected `eager` or `lazy`"
        );
        assert!(
            Rules::parse("eager")
                .unwrap_err()
                .starts_with("line 1: expected")
        );
        assert!(
            Rules::parse("eager a for b")
                .unwrap_err()
                .starts_with("line 1: expected")
        );
    }
}
