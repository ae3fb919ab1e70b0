//! A compilation: from a copy of a code object to machine code.
//!
//! Any thread can run it, since it touches nothing of the interpreter: what it needs has been copied, and addresses that the
//! machine code refers to are just numbers to it.

use crate::build::{self, Entry, History};
use crate::codegen::{self, Catch, Exit, Target};
use crate::hir::{self, Function};
use crate::layout;
use crate::memory::Call;
use crate::passes;
use crate::snapshot::Code;
use crate::span::Span;

/// Instructions that pay for entering and leaving.
const WORTH_ENTERING: usize = 24;

/// Why nothing is compiled that would hand over to the interpreter at once.
pub const LEFT_EARLY: &str = "it is left before it has done much";

/// Why nothing is compiled if the compiler has panicked.
pub const PANICKED: &str = "an internal error while it was compiled";

/// Why something is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is hot: if it pays.
    Hot,
    /// The program wants it.
    Forced,
}

/// How far the representation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has been built.
    Built,
    /// Tuples that nobody sees have been removed.
    Replaced,
    /// Values have been numbered.
    Numbered,
    /// Dead code has been removed.
    Pruned,
    /// Numbers that innermost loops carry are values of their own.
    Renewed,
    /// References are counted.
    Counted,
}

/// What machine code is made from.
#[derive(Debug)]
pub struct Job {
    /// The code object.
    pub code: Code,
    /// What to compile of it.
    pub entry: Entry,
    /// What has been learned of it.
    pub history: History,
    /// Why.
    pub wish: Wish,
    /// What to call it when its representation is printed, if it is to be.
    pub dump: Option<String>,
    /// The address of the code object.
    pub id: usize,
}

/// Machine code with what it refers to.
#[derive(Debug)]
pub struct Product {
    /// The machine code.
    pub bytes: Vec<u8>,
    /// Where it calls the runtime.
    pub calls: Vec<Call>,
    /// Whether calls enter it.
    pub is_direct: bool,
    /// What leaving does at each place.
    pub exits: Vec<Exit>,
    /// How many of them are taken before the loop is entered that it begins with.
    pub entry_exits: usize,
    /// How the runtime enters handlers.
    pub catches: Vec<Catch>,
    /// Caches of helpers.
    pub caches: Box<[u64]>,
    /// The `RESUME`s that it is entered by besides the one it was compiled for.
    pub resumes: Vec<u32>,
    /// Why it was made.
    pub wish: Wish,
    /// Where the machine code of instructions is.
    pub spans: Box<[Span]>,
}

impl Stage {
    /// What to call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Built => "as built",
            Self::Replaced => "after scalar replacement",
            Self::Numbered => "after value numbering",
            Self::Pruned => "after dead code",
            Self::Renewed => "after carried numbers",
            Self::Counted => "after reference counts",
        }
    }
}

impl Job {
    /// The representation that machine code can be made of. `watch` sees it at each stage, also those before an error.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn represent(&self, mut watch: impl FnMut(Stage, &Function)) -> Result<Function, String> {
        let mut function = build::build(&self.code, self.entry, &self.history)?;
        watch(Stage::Built, &function);
        let object = passes::objects::Layout {
            class: layout::OBJECT_TYPE as u32,
            inline_values: layout::INLINE_VALUES as u32,
        };
        passes::objects::run(&mut function, object, layout::MAX_FIELDS);
        passes::tuples::run(&mut function, layout::MAX_SPARE_ITEMS);
        watch(Stage::Replaced, &function);
        passes::params::run(&mut function);
        passes::gvn::run(&mut function, layout::INLINE_VALUES as u32);
        watch(Stage::Numbered, &function);
        passes::dce::run(&mut function);
        watch(Stage::Pruned, &function);
        let range = passes::ranges::Layout {
            start: layout::RANGE_ITER_START as u32,
            step: layout::RANGE_ITER_STEP as u32,
            length: layout::RANGE_ITER_LENGTH as u32,
        };
        passes::ranges::run(&mut function, range);
        passes::carried::run(&mut function);
        watch(Stage::Renewed, &function);
        check(&function)?;
        passes::refcount::run(&mut function);
        watch(Stage::Counted, &function);
        check(&function)?;
        if self.wish == Wish::Hot && !is_worth_entering(&function) {
            return Err(LEFT_EARLY.into());
        }
        Ok(function)
    }

    /// Makes the machine code.
    ///
    /// # Errors
    /// Says why it is not made.
    pub fn run(self, target: &Target) -> Result<Product, String> {
        let function = self.represent(|stage, function| {
            if let (Stage::Counted, Some(name)) = (stage, &self.dump) {
                eprintln!("clinker: {name}\n{function}");
            }
        })?;
        let insts = function.blocks.iter().flat_map(|block| &block.insts);
        let count = insts
            .filter(|inst| matches!(inst.op, hir::Op::Call(helper, _) if helper.has_cache()))
            .count();
        let caches = vec![0; count * layout::CACHE_SIZE / 8].into_boxed_slice();
        let mut resumes = function.resumes();
        resumes.retain(|offset| self.code.resumes.contains(offset));
        let address = caches.as_ptr() as u64;
        let mut machine = codegen::compile(
            target,
            function,
            &self.code,
            self.entry,
            address,
            self.id as u64,
        )?;
        for exit in &mut machine.exits {
            let known = self.history.refuted.get(&exit.offset());
            exit.remember(known.copied().unwrap_or(0));
        }
        Ok(Product {
            bytes: machine.bytes,
            calls: machine.calls,
            exits: machine.exits,
            is_direct: machine.is_direct,
            entry_exits: machine.entry_exits,
            catches: machine.catches,
            caches,
            resumes,
            wish: self.wish,
            spans: machine.spans,
        })
    }
}

/// Whether a function does enough to pay for entering and leaving it.
fn is_worth_entering(function: &Function) -> bool {
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    let begins = insts.filter(|inst| matches!(inst.op, hir::Op::At(_)));
    let returns = |block: &hir::BlockData| {
        // An exception that is raised ends it as well.
        matches!(
            block.end,
            hir::End::Return(..) | hir::End::Yield(_) | hir::End::Unreachable
        )
    };
    begins.count() >= WORTH_ENTERING || function.has_loop() || function.blocks.iter().any(returns)
}

fn check(function: &Function) -> Result<(), String> {
    hir::verify(function).map_err(|error| format!("the verifier found a mistake: {error}"))
}
