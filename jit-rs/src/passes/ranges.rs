//! Keeps what a loop needs of the iterator of its range in registers.
//!
//! If a loop runs no other code, nobody else changes the iterator, so each round knows what the one before has put there. It still puts
//! it there, so that whoever leaves has nothing to do; but it does not wait for that to come back from memory.

use crate::graph::Dominance;
use crate::hir::{Block, End, Function, Inst, Leave, Op, Rep, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// What the layout of the iterators is: offsets in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The next int.
    pub start: u32,
    /// What is added to it.
    pub step: u32,
    /// How many are left.
    pub length: u32,
}

/// Runs the pass.
pub fn run(function: &mut Function, layout: Layout) {
    let loops = function.loops();
    if loops.is_empty() {
        return;
    }
    let dominance = Dominance::new(&function.dominators());
    let mut headers: Vec<Block> = loops.keys().copied().collect();
    headers.sort_unstable();
    let ranges = headers.into_iter().filter_map(|header| {
        Range::of(function, header, &loops[&header], &dominance, layout.length)
    });
    let ranges: Vec<Range> = ranges.collect();
    for range in ranges {
        range.keep(function, layout);
    }
}

/// A loop that counts through a range.
struct Range {
    header: Block,
    /// Where it is entered, and where it goes on to the next round.
    entries: Vec<usize>,
    jumps: Vec<usize>,
    /// The place of the iterator among the parameters of the header.
    place: usize,
    iterator: Value,
    /// The block of the `RangeNext`, and what that gives.
    next: (usize, Value),
    /// How many ints are left, as the header reads it.
    left: Value,
}

impl Range {
    /// The range of a loop, if nothing but the loop sees the iterator.
    fn of(
        function: &Function,
        header: Block,
        body: &FxHashSet<Block>,
        dominance: &Dominance,
        length: u32,
    ) -> Option<Self> {
        let insts = body.iter().flat_map(|block| {
            let insts = function.blocks[block.0 as usize].insts.iter();
            insts.map(|inst| (block.0 as usize, inst))
        });
        let mut all = insts.clone();
        if all.any(|(_, inst)| inst.op.runs_code() || inst.op == Op::Releases) {
            return None;
        }
        let mut nexts = insts.clone().filter(|(_, inst)| inst.op == Op::RangeNext);
        let (block, next) = nexts.next()?;
        let iterator = next.args[0];
        let mut uses = insts.filter(|(_, inst)| inst.args.contains(&iterator));
        let params = &function.blocks[header.0 as usize].params;
        let place = params.iter().position(|param| *param == iterator)?;
        let mut reads = uses.by_ref().filter(|(_, inst)| inst.op != Op::RangeNext);
        let (reader, read) = reads.next()?;
        let is_alone = nexts.next().is_none()
            && reads.next().is_none()
            && read.op == Op::LoadWord(length)
            && reader == header.0 as usize;
        let to_header = |index: &usize| matches!(function.blocks[*index].end, End::Jump(target, _) if target == header);
        let edges = (0..function.blocks.len()).filter(to_header);
        let (jumps, entries): (Vec<usize>, Vec<usize>) =
            edges.partition(|index| body.contains(&Block(*index as u32)));
        let goes_on = |index: &usize| {
            let is_same = matches!(&function.blocks[*index].end,
                                   End::Jump(_, args) if args[place] == iterator);
            is_same && dominance.dominates(block, *index)
        };
        (is_alone && jumps.iter().all(goes_on)).then_some(Self {
            header,
            entries,
            jumps,
            place,
            iterator,
            next: (block, next.result?),
            left: read.result?,
        })
    }

    fn keep(self, function: &mut Function, layout: Layout) {
        let words = [layout.start, layout.step, layout.length];
        let params = words.map(|_| function.value(Rep::Int, Type::NEVER));
        for &entry in &self.entries {
            let loaded = words.map(|_| function.value(Rep::Int, Type::NEVER));
            let data = &mut function.blocks[entry];
            let End::Jump(_, args) = &mut data.end else {
                unreachable!("it leads to the header");
            };
            let iterator = args[self.place];
            args.extend(loaded);
            let loads = words.iter().zip(loaded);
            let loads =
                loads.map(|(word, result)| inst(Op::LoadWord(*word), &[iterator], Some(result)));
            data.insts.extend(loads);
        }
        let [start, step, length] = params;
        let results = [(); 3].map(|()| function.value(Rep::Int, Type::NEVER));
        let [less, next, left] = results;
        let data = &mut function.blocks[self.next.0];
        let is_next = |inst: &Inst| inst.result == Some(self.next.1);
        let at = data.insts.iter().position(is_next).expect("it is there");
        let steps = [
            inst(Op::Int(-1), &[], Some(less)),
            inst(Op::WrappingAdd, &[start, step], Some(next)),
            inst(Op::WrappingAdd, &[length, less], Some(left)),
            inst(Op::StoreWord(layout.start), &[next, self.iterator], None),
            inst(Op::StoreWord(layout.length), &[left, self.iterator], None),
        ];
        data.insts.splice(at..=at, steps);
        for &jump in &self.jumps {
            if let End::Jump(_, args) = &mut function.blocks[jump].end {
                args.extend([next, step, left]);
            }
        }
        let header = &mut function.blocks[self.header.0 as usize];
        header.insts.retain(|inst| inst.result != Some(self.left));
        header.params.extend(params);
        let same = [(self.next.1, start), (self.left, length)];
        function.rename(&FxHashMap::from_iter(same));
    }
}

fn inst(op: Op, args: &[Value], result: Option<Value>) -> Inst {
    Inst {
        op,
        args: args.to_vec(),
        result,
        state: None,
        leave: Leave::default(),
    }
}
