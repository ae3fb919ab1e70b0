//! Passes over the high-level intermediate representation.

mod boxes;
pub mod carried;
pub mod dce;
mod deaths;
pub mod gvn;
pub mod objects;
pub mod params;
pub mod ranges;
pub mod refcount;
pub mod tuples;

use crate::hir::Value;
use rustc_hash::FxHashMap;

/// What has come into the place of a value, in one step or several.
fn resolve(same: &FxHashMap<Value, Value>, mut value: Value) -> Value {
    while let Some(&other) = same.get(&value) {
        value = other;
    }
    value
}

#[cfg(test)]
mod tests {
    use crate::hir::{Function, parse, verify};

    /// Runs a pass over each function of a file, and compares what it makes of it with what follows there.
    fn check(file: &str, run: fn(&mut Function)) {
        for case in file.split("===\n") {
            let (title, text) = case.split_once('\n').expect("a case has a title");
            let (before, after) = text
                .split_once("---\n")
                .unwrap_or_else(|| panic!("{title}: nothing to compare with"));
            let mut function = parse(before).unwrap_or_else(|error| panic!("{title}: {error}"));
            verify(&function).unwrap_or_else(|error| panic!("{title}: before: {error}"));
            run(&mut function);
            verify(&function).unwrap_or_else(|error| panic!("{title}: after: {error}"));
            assert_eq!(function.to_string(), after, "{title}");
        }
    }

    #[test]
    fn values_are_numbered() {
        let file = include_str!("../../tests/golden/passes/gvn.hir");
        check(file, |function| super::gvn::run(function, 32));
    }

    #[test]
    fn tuples_are_replaced() {
        let file = include_str!("../../tests/golden/passes/tuples.hir");
        check(file, |function| super::tuples::run(function, 4));
    }

    #[test]
    fn objects_are_replaced() {
        let file = include_str!("../../tests/golden/passes/objects.hir");
        const LAYOUT: super::objects::Layout = super::objects::Layout {
            class: 8,
            inline_values: 24,
        };
        check(file, |function| super::objects::run(function, LAYOUT, 4));
    }

    #[test]
    fn dead_code_goes() {
        check(
            include_str!("../../tests/golden/passes/dce.hir"),
            super::dce::run,
        );
    }

    #[test]
    fn parameters_are_replaced() {
        let file = include_str!("../../tests/golden/passes/params.hir");
        check(file, super::params::run);
    }

    #[test]
    fn ranges_are_kept() {
        let file = include_str!("../../tests/golden/passes/ranges.hir");
        const LAYOUT: super::ranges::Layout = super::ranges::Layout {
            start: 16,
            step: 24,
            length: 32,
        };
        check(file, |function| super::ranges::run(function, LAYOUT));
    }

    #[test]
    fn carried_numbers_are_renewed() {
        let file = include_str!("../../tests/golden/passes/carried.hir");
        check(file, super::carried::run);
    }

    #[test]
    fn references_are_counted() {
        let file = include_str!("../../tests/golden/passes/refcount.hir");
        check(file, super::refcount::run);
    }
}
