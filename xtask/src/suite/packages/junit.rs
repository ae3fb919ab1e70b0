//! The cases of a run, from the JUnit file that pytest writes.

use crate::process::Finished;
use crate::suite::Counts;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It does not exist.
    Missing,
    /// It passed.
    Passed,
    /// It was skipped, or failed as expected.
    Skipped,
    /// It failed, or something around it.
    Failed,
}

/// Results by the name of the case; cases that share one are counted with the worst.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    ended: BTreeMap<String, Ended>,
}

/// A case that ended differently.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The case.
    pub case: String,
    /// In the first mode.
    pub wanted: Ended,
    /// In the other.
    pub found: Ended,
}

impl Cases {
    /// Reads a file.
    pub fn read(junit: &str) -> Result<Self, roxmltree::Error> {
        let document = roxmltree::Document::parse(junit)?;
        let mut cases = Self::default();
        for case in document.descendants() {
            if !case.has_tag_name("testcase") {
                continue;
            }
            let part = |name| case.attribute(name).unwrap_or_default();
            let has = |tag| case.children().any(|child| child.has_tag_name(tag));
            let ended = if has("failure") || has("error") {
                Ended::Failed
            } else if has("skipped") {
                Ended::Skipped
            } else {
                Ended::Passed
            };
            let name = format!("{}::{}", part("classname"), part("name"));
            let known = cases.ended.entry(name).or_insert(ended);
            *known = ended.max(*known);
        }
        Ok(cases)
    }

    /// A run that ended before there was any result.
    pub fn broken(finished: &Finished) -> Self {
        let last = finished.output.lines().last().unwrap_or_default();
        let name = format!("(the whole suite, {}: {last})", finished.status);
        Self {
            ended: BTreeMap::from([(name, Ended::Failed)]),
        }
    }

    /// The cases that ended differently in `other`.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let of = |cases: &Self, case: &String| *cases.ended.get(case).unwrap_or(&Ended::Missing);
        let new = other
            .ended
            .keys()
            .filter(|case| !self.ended.contains_key(*case));
        let differences = self.ended.keys().chain(new).map(|case| Difference {
            case: case.clone(),
            wanted: of(self, case),
            found: of(other, case),
        });
        differences.filter(|one| one.wanted != one.found).collect()
    }

    /// A case that was to differ and does not.
    pub fn unchanged(&self, case: &str) -> Difference {
        let ended = *self.ended.get(case).unwrap_or(&Ended::Missing);
        Difference {
            case: format!("{case} (packages.toml says that it differs)"),
            wanted: ended,
            found: ended,
        }
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        let of = |ended| self.ended.values().filter(|one| **one == ended).count() as u64;
        Counts {
            passed: of(Ended::Passed),
            failed: of(Ended::Failed),
            skipped: of(Ended::Skipped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_compared_by_name_and_result() {
        let read = |text: &str| Cases::read(&format!("<testsuite>{text}</testsuite>")).unwrap();
        let first = read(
            "<testcase classname='t' name='a'/><testcase classname='t' name='b'><skipped/></testcase>\
             <testcase classname='t' name='c'/><testcase classname='t' name='c'><error/></testcase>",
        );
        let other = read(
            "<testcase classname='t' name='a'><failure/></testcase>\
             <testcase classname='t' name='b'><skipped/></testcase><testcase classname='t' name='d'/>",
        );
        let differences = first.differences(&other);
        let found: Vec<_> = differences
            .iter()
            .map(|one| (one.case.as_str(), one.wanted, one.found))
            .collect();
        assert_eq!(
            found,
            [
                ("t::a", Ended::Passed, Ended::Failed),
                ("t::c", Ended::Failed, Ended::Missing),
                ("t::d", Ended::Missing, Ended::Passed),
            ]
        );
        assert_eq!(first.counts().to_string(), "1 passed, 1 failed, 1 skipped");
        assert!(first.differences(&first).is_empty());
    }
}
