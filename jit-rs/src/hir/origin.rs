//! Which instruction of Python each line of the textual form belongs to, for people who read it.

use super::{End, Function, Inst, Op, State};
use serde::Serialize;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Origin {
    /// The instruction that it is a part of, by its offset.
    pub at: Option<u32>,
    /// The instruction where it leaves to the interpreter if a guess is wrong.
    pub guess: Option<u32>,
}

impl Function {
    /// One for each line of the textual form.
    pub fn origins(&self) -> Vec<Origin> {
        let mut origins = Vec::new();
        for block in &self.blocks {
            origins.push(Origin::default());
            let mut at = None;
            for inst in &block.insts {
                let state = inst.state.map(|state| self.state(state).offset);
                at = match inst.op {
                    Op::At(offset) => Some(offset),
                    _ => at.or(state),
                };
                let guess = state.filter(|_| guesses(inst));
                origins.push(Origin { at, guess });
            }
            let offset = |state: State| Some(self.state(state).offset);
            origins.push(Origin {
                at: at.or_else(|| match &block.end {
                    End::Exit(state, _) | End::Reraise(state, _) => offset(*state),
                    End::Yield(end) => Some(end.offset),
                    _ => None,
                }),
                guess: None,
            });
        }
        origins
    }
}

fn guesses(inst: &Inst) -> bool {
    inst.op.leaves() && inst.op.guesses() && !inst.op.raises()
}

#[cfg(test)]
mod tests {
    use crate::hir::parse;

    #[test]
    fn one_for_each_line() {
        let text = "\
b0(v0):
    At(4)
    GuardType(int) v0 @3 [v0]
    v1 = Cached(0xffff10)
    Boundary @7 []
    At(7)
    Jump b1()
b1():
    Periodic @9 []
    Exit @9 []
";
        let function = parse(text).expect("it is right");
        assert_eq!(function.to_string(), text);
        let found: Vec<_> = function
            .origins()
            .iter()
            .map(|origin| (origin.at, origin.guess))
            .collect();
        let expected = [
            (None, None),
            (Some(4), None),
            (Some(4), Some(3)),
            (Some(4), None),
            (Some(4), None),
            (Some(7), None),
            (Some(7), None),
            (None, None),
            (Some(9), None),
            (Some(9), None),
        ];
        assert_eq!(found, expected);
    }
}
