//! The arguments of a call of a Python function, put into the places of its parameters, as `initialize_locals()` of `Python/ceval.c`
//! does it. Calls that raise there are left to that.

use super::Builder;
use crate::hir::{Comparison, Helper, IntOp, Op, Type, Value};
use crate::layout;
use crate::snapshot::{Callee, Parameters};
use std::ops::Range;

/// Where a parameter gets its value from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// From an argument.
    Given(usize),
    /// From the defaults of the function, by how far it is from their end.
    Default(usize),
    /// From its defaults of keywords, by the place there, and the name.
    KeywordDefault(u32, u64),
    /// It is a tuple of arguments.
    Rest(Range<usize>),
    /// It is a dictionary of names and arguments.
    Keywords(Vec<(u64, usize)>),
}

/// The sources of the parameters of a function, in the order of their slots.
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Matches so many arguments, the last of which have keywords, with parameters; none if that raises, or a default is not known.
    fn new(parameters: &Parameters, given: usize, keywords: &[u64]) -> Option<Self> {
        let positional = given - keywords.len();
        let placed = positional.min(parameters.positional);
        if positional > placed && !parameters.takes_rest {
            return None;
        }
        let mut sources: Vec<Option<Source>> = (0..parameters.names.len())
            .map(|place| (place < placed).then_some(Source::Given(place)))
            .collect();
        let mut others = Vec::new();
        for (index, &keyword) in keywords.iter().enumerate() {
            let mut named = parameters.names.iter();
            let place = named.position(|&name| name == keyword);
            match place.filter(|&place| place >= parameters.positional_only) {
                Some(place) if sources[place].is_none() => {
                    sources[place] = Some(Source::Given(positional + index));
                }
                None if parameters.takes_keywords => others.push((keyword, positional + index)),
                _ => return None,
            }
        }
        let mut sources = sources
            .into_iter()
            .enumerate()
            .map(|(place, source)| {
                source.or_else(|| match place.checked_sub(parameters.positional) {
                    None => Some(Source::Default(parameters.positional - place)),
                    Some(keyword) => {
                        let default = parameters.keyword_defaults[keyword]?;
                        Some(Source::KeywordDefault(default, parameters.names[place]))
                    }
                })
            })
            .collect::<Option<Vec<Source>>>()?;
        if parameters.takes_rest {
            sources.push(Source::Rest(placed..positional));
        }
        if parameters.takes_keywords {
            sources.push(Source::Keywords(others));
        }
        Some(Self(sources))
    }

    /// Whether the first parameter gets the first argument.
    pub(super) fn takes_self(&self) -> bool {
        self.0.first() == Some(&Source::Given(0))
    }
}

impl Builder<'_> {
    /// Where the parameters of a function get their values from in the current call, which passes so many arguments.
    pub(super) fn sources(&self, callee: Callee, given: usize) -> Option<Sources> {
        let keywords = self.code.keywords.get(&self.instruction.start);
        let keywords = keywords.map_or(&[][..], Vec::as_slice);
        Sources::new(&self.code.parameters[&callee.code], given, keywords)
    }

    /// The values of the parameters of a function that has been guarded. Tuples and dictionaries are new and empty: they are filled by
    /// `fill()`, after which nothing may leave to before the call.
    pub(super) fn place(
        &mut self,
        function: Value,
        sources: &Sources,
        given: &[Value],
    ) -> Vec<Value> {
        let defaults = self.defaults(function, sources);
        let values = sources.0.iter().zip(defaults);
        values
            .map(|(source, default)| match (source, default) {
                (_, Some(default)) => default,
                (Source::Given(index), _) => given[*index],
                (Source::Rest(items), _) => self.new_tuple(items.len()),
                _ => {
                    let ty = Type::DICT | Type::NULL;
                    let dict = self.call_value(Helper::NewKeywords, 0, &[], ty);
                    self.require_object(dict);
                    self.learn(dict, Type::DICT);
                    dict
                }
            })
            .collect()
    }

    /// Puts arguments into new tuples and dictionaries.
    pub(super) fn fill(&mut self, sources: &Sources, placed: &[Value], given: &[Value]) {
        for (source, &container) in sources.0.iter().zip(placed) {
            match source {
                Source::Rest(items) => self.fill_tuple(container, &given[items.clone()]),
                Source::Keywords(others) => {
                    for &(name, index) in others {
                        let args = [given[index], container];
                        self.call(Helper::PutKeyword, name, &args, Type::NEVER);
                    }
                }
                _ => {}
            }
        }
    }

    /// The defaults that parameters get: another function with the version of the one that was seen may have other ones.
    fn defaults(&mut self, function: Value, sources: &Sources) -> Vec<Option<Value>> {
        let most = sources.0.iter().filter_map(|source| match source {
            Source::Default(from_end) => Some(*from_end),
            _ => None,
        });
        let defaults = most
            .max()
            .map(|most| self.positional_defaults(function, most));
        let needs_keywords = |source: &Source| matches!(source, Source::KeywordDefault(..));
        let keywords = sources.0.iter().any(needs_keywords).then(|| {
            let load = Op::LoadField(layout::FUNCTION_KEYWORD_DEFAULTS as u32);
            self.guarded(load, &[function], Type::DICT)
        });
        let mut default = |source: &Source| match source {
            Source::Default(from_end) => {
                let (defaults, size) = defaults?;
                let index = self.index_from_end(size, *from_end);
                Some(self.value(Op::TupleItem, &[defaults, index], Type::OBJECT))
            }
            Source::KeywordDefault(index, name) => {
                let name = self.object(*name, Type::STR);
                Some(self.guarded(Op::LoadEntry(*index), &[keywords?, name], Type::OBJECT))
            }
            _ => None,
        };
        sources.0.iter().map(&mut default).collect()
    }

    /// The defaults of a function, which are so many at least, and their number.
    fn positional_defaults(&mut self, function: Value, least: usize) -> (Value, Value) {
        let load = Op::LoadField(layout::FUNCTION_DEFAULTS as u32);
        let defaults = self.guarded(load, &[function], Type::TUPLE);
        let size = self.value(Op::Size, &[defaults], Type::NEVER);
        let first = self.index_from_end(size, least);
        let zero = self.value(Op::Int(0), &[], Type::NEVER);
        let not_less = Op::IntCompare(Comparison::GreaterEqual);
        let are_there = self.value(not_less, &[first, zero], Type::NEVER);
        self.guard(Op::Guard, &[are_there]);
        (defaults, size)
    }

    fn index_from_end(&mut self, size: Value, distance: usize) -> Value {
        let distance = self.value(Op::Int(distance as i64), &[], Type::NEVER);
        let subtract = Op::IntBinary(IntOp::Subtract);
        self.guarded(subtract, &[size, distance], Type::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `def f(one, /, two, *, three, four=…)`, with or without `*args` and `**kwargs`.
    fn parameters(takes_rest: bool, takes_keywords: bool) -> Parameters {
        Parameters {
            names: vec![1, 2, 3, 4],
            positional: 2,
            positional_only: 1,
            keyword_defaults: vec![None, Some(0)],
            takes_rest,
            takes_keywords,
        }
    }

    fn sources(parameters: &Parameters, given: usize, keywords: &[u64]) -> Option<Vec<Source>> {
        Sources::new(parameters, given, keywords).map(|sources| sources.0)
    }

    #[test]
    fn keywords_find_their_places() {
        let plain = parameters(false, false);
        let default = Source::KeywordDefault(0, 4);
        let expected = [0, 2, 1].map(Source::Given);
        assert_eq!(
            sources(&plain, 3, &[3, 2]),
            Some([&expected[..], std::slice::from_ref(&default)].concat())
        );
        let expected = [
            Source::Given(0),
            Source::Default(1),
            Source::Given(1),
            default,
        ];
        assert_eq!(sources(&plain, 2, &[3]), Some(expected.to_vec()));
    }

    #[test]
    fn what_raises_has_no_sources() {
        let plain = parameters(false, false);
        let calls: [(usize, &[u64]); 5] = [
            (3, &[]),     // One is too much.
            (2, &[]),     // `three` is missing.
            (3, &[2, 1]), // `one` has no keyword.
            (4, &[3, 2]), // `two` is given twice.
            (3, &[3, 9]), // 9 is not known.
        ];
        for (given, keywords) in calls {
            assert_eq!(sources(&plain, given, keywords), None);
        }
    }

    #[test]
    fn the_rest_is_collected() {
        let all = parameters(true, true);
        let expected = [
            Source::Given(0),
            Source::Given(1),
            Source::Given(5),
            Source::KeywordDefault(0, 4),
            Source::Rest(2..4),
            Source::Keywords(vec![(1, 4), (9, 6)]),
        ];
        assert_eq!(sources(&all, 7, &[1, 3, 9]), Some(expected.to_vec()));
        let expected = [
            Source::Given(0),
            Source::Default(1),
            Source::Given(1),
            Source::KeywordDefault(0, 4),
            Source::Rest(1..1),
            Source::Keywords(vec![]),
        ];
        assert_eq!(sources(&all, 2, &[3]), Some(expected.to_vec()));
    }
}
