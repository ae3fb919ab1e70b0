//! What `clinker.jit.inspect` shows of a code object, as JSON: `python/inspector.py` makes a page of it.
//!
//! Looking changes nothing: nothing is compiled, and counters stay. Addresses and sizes of machine code are in bytes,
//! places in bytecode in code units.

mod machine;
mod note;

use crate::client::{self, Client, Live};
use crate::code::{Code, Text};
use crate::compiler::{Compiled, Compiler, Place, Unit};
use crate::control::{self, Sink};
use crate::hir::{Function, Origin};
use crate::history::Handlers;
use crate::job::{self, PANICKED, Wish};
use crate::options::Mode;
use crate::profile::Loop;
use crate::runtime;
use crate::snapshot::Code as Snapshot;
use machine::Machine;
use note::Instruction;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A code object.
#[derive(Serialize)]
struct Inspection {
    /// What is compiled by itself: a word of `-X jit`.
    mode: &'static str,
    /// Why the code object is not compiled, whatever its entries are.
    hindrance: Option<String>,
    calls: u64,
    loops: Vec<Loop>,
    /// What compiling it has taken by now.
    microseconds: u64,
    lessons: Lessons,
    /// The address of the first instruction.
    address: u64,
    instructions: Vec<Instruction>,
    /// Why there are none.
    unreadable: Option<String>,
    entries: Vec<Entry>,
    /// Machine code that is not entered any more.
    retired: Vec<Machine>,
    /// Names of addresses.
    symbols: BTreeMap<String, String>,
}

/// What machine code has taught.
#[derive(Serialize)]
struct Lessons {
    /// How often it was compiled again with fewer guesses.
    refutations: u32,
    /// How often it was compiled again since something was executed that had not been.
    discoveries: u32,
    /// Whether no guess is made any more.
    generic: bool,
    /// Whether what has not been executed is compiled as well.
    whole: bool,
    /// Handlers that are compiled, unless all are.
    handlers: Option<Vec<u32>>,
}

/// Where native code is or could be entered.
#[derive(Serialize)]
struct Entry {
    offset: u32,
    is_loop: bool,
    /// Whether another thread is compiling it.
    pending: bool,
    /// Why the last try to compile it was refused.
    refusal: Option<String>,
    machine: Option<Machine>,
    /// The representation of what would be compiled now, at each stage that it gets to.
    stages: Vec<Stage>,
    /// Why nothing would be compiled now.
    reason: Option<String>,
}

/// The representation at a stage.
#[derive(Serialize)]
struct Stage {
    title: &'static str,
    text: String,
    /// Where each line comes from.
    origins: Vec<Origin>,
}

impl Client {
    fn inspect(&mut self, id: usize, start: u32) -> Option<Inspection> {
        let hindrance = if self.paused {
            Some("compiling is paused".into())
        } else {
            self.admit(id).err()
        };
        let Self {
            live,
            compiler,
            options,
            text,
            line,
            ..
        } = self;
        let Live { code, wanted, .. } = *live.get(&id)?;
        let wish = match options.mode {
            Mode::Count | Mode::Manual => Wish::Forced,
            _ if wanted => Wish::Forced,
            _ => Wish::Hot,
        };
        let mode = options.mode.word();
        let compiler = compiler.as_mut()?;
        let start = control::start(start);
        let job = compiler.preview(id, code, start, wish);
        let mut names = FxHashMap::default();
        if let Ok(job) = &job {
            name_callees(&job.code, *text, &mut names);
        }
        let name = |id: u64| {
            let known = live.get(&(id as usize));
            let known = known.map(|live| describe(live.code, *text));
            known
                .or_else(|| names.get(&id).cloned())
                .unwrap_or("?".into())
        };
        let (instructions, unreadable) = match &job {
            Ok(job) => (note::instructions(&job.code, &job.history, &name), None),
            Err(reason) => (Vec::new(), Some(reason.clone())),
        };
        let entries = places(compiler, id, start);
        let entries = entries
            .into_iter()
            .map(|place| entry(compiler, id, code, place, wish, &name))
            .collect();
        let known = compiler.of(id);
        let (retired, _) = known.units.split_at(known.outdated);
        Some(Inspection {
            mode,
            hindrance,
            calls: code.entries(),
            loops: code.loops(*line),
            microseconds: known.microseconds,
            lessons: lessons(known),
            address: job.map_or(0, |job| job.code.address),
            instructions,
            unreadable,
            retired: retired
                .iter()
                .map(|unit| Machine::new(unit, id, &name))
                .collect(),
            entries,
            symbols: runtime::helpers()
                .map(|(address, name)| (format!("{address:#x}"), name))
                .collect(),
        })
    }
}

/// What to call a code object.
fn describe(code: Code, text: Text) -> String {
    let place = code.place(text);
    format!("{} ({}:{})", place.name, place.file, place.line)
}

/// Finds names for the functions that are called, which live now; those that only old machine code refers to may be gone.
fn name_callees(code: &Snapshot, text: Text, names: &mut FxHashMap<u64, String>) {
    for callee in code.callees.values() {
        names.insert(callee.code, describe(Code::of(callee), text));
    }
    for inlinee in code.inlinees.values() {
        name_callees(&inlinee.code, text, names);
    }
}

/// The entries of a code object: where it has machine code, where that was refused or is being made, and the start.
fn places(compiler: &mut Compiler, id: usize, start: Place) -> Vec<Place> {
    let mut places = vec![start];
    places.extend(compiler.current(id).iter().map(|unit| unit.place));
    places.extend(compiler.of(id).refusals.iter().map(|(place, _)| *place));
    places.extend(compiler.pending(id));
    places.sort_by_key(|place| (place.offset, place.is_loop));
    places.dedup();
    places
}

fn entry(
    compiler: &mut Compiler,
    id: usize,
    code: Code,
    place: Place,
    wish: Wish,
    name: &impl Fn(u64) -> String,
) -> Entry {
    let last = |units: &[Unit]| units.iter().rposition(|unit| unit.place == place);
    let current = compiler.current(id);
    let unit = last(current).map(|index| &current[index]);
    // What was made on demand is compared with what would be made on demand.
    let wish = unit.map_or(wish, |unit| unit.wish);
    let machine = unit.map(|unit| Machine::new(unit, id, name));
    let (stages, result) = stages(compiler, id, code, place, wish);
    let refusals = &compiler.of(id).refusals;
    let refusal = refusals.iter().find(|(refused, _)| *refused == place);
    Entry {
        offset: place.offset,
        is_loop: place.is_loop,
        refusal: refusal.map(|(_, reason)| reason.clone()),
        pending: compiler.pending(id).any(|pending| pending == place),
        machine,
        stages,
        reason: result.err(),
    }
}

/// The stages of what would be compiled now, and whether it would be.
fn stages(
    compiler: &mut Compiler,
    id: usize,
    code: Code,
    place: Place,
    wish: Wish,
) -> (Vec<Stage>, Result<(), String>) {
    let mut stages = Vec::new();
    let watch = |stage: job::Stage, function: &Function| {
        stages.push(Stage {
            title: stage.title(),
            text: function.to_string(),
            origins: function.origins(),
        });
    };
    let result = compiler.preview(id, code, place, wish).and_then(|job| {
        // A mistake in the compiler is something to look at, and no reason to turn it off.
        let represent = AssertUnwindSafe(|| job.represent(watch).map(|_| ()));
        catch_unwind(represent).unwrap_or_else(|_| Err(PANICKED.into()))
    });
    (stages, result)
}

fn lessons(known: &Compiled) -> Lessons {
    Lessons {
        refutations: known.refutations,
        discoveries: known.discoveries,
        generic: known.history.generic,
        whole: known.history.whole,
        handlers: match &known.history.handlers {
            Handlers::All => None,
            Handlers::Reached(offsets) => {
                let mut offsets: Vec<u32> = offsets.iter().copied().collect();
                offsets.sort_unstable();
                Some(offsets)
            }
        },
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_inspect(code: *const c_void, start: u32, sink: Sink, context: *mut c_void) {
    let text = client::with(|client| {
        let inspection = client.inspect(code as usize, start)?;
        serde_json::to_string(&inspection).ok()
    });
    control::pour(text.as_deref().unwrap_or("null"), sink, context);
}
