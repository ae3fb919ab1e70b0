//! Compiles code objects when they are hot, and again when guesses were wrong.

use crate::background::Background;
use crate::build::History;
use crate::clock::thread_time;
use crate::code::Code;
use crate::codegen::{self, Target};
use crate::dependencies::Dependencies;
use crate::direct::Direct;
use crate::feedback::Feedback;
use crate::job::{LEFT_EARLY, Product, Wish};
use crate::layout;
use crate::memory::{Executable, Memory};
use crate::report::Compilation;
use crate::span::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often an exit must have been taken to be dropped together with another one.
pub(crate) const SUSPICIOUS: u32 = layout::MAX_EXITS as u32 / 8;

/// How often it is tried again to compile what was left early: more has been executed then.
const MAX_EARLY: u32 = 3;

/// What compiling in the background may take of a processor from the start, and which part of the time that passes: a program that ends
/// soon is not to pay for what only a long one earns. What is hotter asks more often, so it comes first.
const ALLOWANCE: Duration = Duration::from_millis(100);
const SHARE: f64 = 0.1;

unsafe extern "C" {
    fn _PyEvalHooks_InstallEntry(code: *const c_void, offset: c_int, entry: *const c_void)
    -> c_int;
    fn _PyEvalHooks_RemoveEntry(code: *const c_void, offset: c_int);
    fn _PyEvalHooks_RemoveEntries(code: *const c_void);
}

/// Where native code is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The `RESUME` or `JUMP_BACKWARD`, in code units.
    pub offset: u32,
    /// The height of the value stack after it.
    pub depth: u32,
    /// Whether it is a `JUMP_BACKWARD`.
    pub is_loop: bool,
}

/// What has become of something that is hot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has machine code.
    Installed,
    /// It is being compiled.
    Pending,
    /// It is to be asked for again later, since compiling has taken too much time by now.
    Postponed,
}

/// Something that is being compiled in the background.
#[derive(Debug)]
struct Pending {
    ticket: u64,
    id: usize,
    code: Code,
    place: Place,
    /// The instrumentation that it is compiled for.
    version: u64,
}

/// Machine code of one entry, with what it refers to.
#[derive(Debug)]
pub struct Unit {
    /// Where it is entered.
    pub place: Place,
    /// Others in whose place it is entered: where a generator goes on.
    pub resumes: Vec<u32>,
    /// The code.
    pub machine: Executable,
    /// What leaving does at each place.
    pub exits: Vec<codegen::Exit>,
    /// How many of them are taken before the loop is entered that it begins with.
    entry_exits: usize,
    /// What its handlers get.
    _catches: Vec<codegen::Catch>,
    /// Why it was made.
    pub wish: Wish,
    /// What helpers have learned.
    _caches: Box<[u64]>,
    /// Where the code of instructions is.
    pub spans: Box<[Span]>,
    /// Whether calls enter it.
    is_direct: bool,
}

impl Unit {
    /// The instructions in whose place it is entered.
    pub fn offsets(&self) -> impl Iterator<Item = u32> {
        [self.place.offset]
            .into_iter()
            .chain(self.resumes.iter().copied())
    }
}

/// What is known of a code object.
#[derive(Debug, Default)]
pub struct Compiled {
    /// Its machine code, also what is not entered any more.
    pub units: Vec<Unit>,
    /// Microseconds that compiling took.
    pub microseconds: u64,
    /// How many of the units, from the first, the interpreter must not enter any more.
    pub(crate) outdated: usize,
    /// What its machine code has taught.
    pub history: History,
    /// How often it was compiled again with fewer guesses.
    pub refutations: u32,
    /// Where native code is left since nothing had been executed there, as far as it has not turned out to matter.
    /// With the code objects, which are others in what is executed in place of calls.
    pub(crate) unseen: FxHashSet<(usize, u32)>,
    /// How often that did turn out.
    pub discoveries: u32,
    /// How often a guess in what is executed in place of a call was dropped, by where the call is.
    pub(crate) inner_refutations: FxHashMap<u32, u32>,
    /// Where it cannot be compiled.
    refused: FxHashSet<u32>,
    /// How often it has been found there that native code would be left early.
    early: FxHashMap<u32, u32>,
    /// Why the last try at an entry was refused.
    pub refusals: Vec<(Place, String)>,
    /// What the interpreter has told of it.
    pub feedback: Arc<Feedback>,
    /// What calls of its functions enter.
    pub(crate) calls: Direct,
    /// How often machine code that has been freed was left where, as far as that has not been told.
    pub left: FxHashMap<u32, u32>,
}

impl Compiled {
    /// Its machine code is entered no more. The code object lives.
    pub(crate) fn retire(&mut self, id: usize) {
        self.outdate();
        // SAFETY: the code object lives.
        unsafe { _PyEvalHooks_RemoveEntries(id as *const c_void) };
    }
}

impl Compiled {
    /// Calls enter no machine code for now, or what there is again.
    pub(crate) fn let_calls_enter(&self, enter: bool) {
        let mut current = self.units[self.outdated..].iter();
        match current.rfind(|unit| unit.is_direct) {
            Some(unit) if enter => self.calls.set(unit.machine.address() as u64),
            _ => self.calls.clear(),
        }
    }

    /// None of its machine code is entered any more.
    fn outdate(&mut self) {
        self.calls.clear();
        self.outdated = self.units.len();
        // Of what is compiled next it is found out again: code objects of functions that are inlined come and go.
        self.unseen.clear();
    }

    /// If it is the entry at a loop that a guess keeps from being used, and there is other machine code, as that of the loop around it: that
    /// one is entered there no more. Native code of the code object has just been left, so it lives.
    pub(crate) fn give_up_entry(&mut self, id: usize, offset: u32) -> bool {
        let current = &self.units[self.outdated..];
        let refutes =
            |exit: &codegen::Exit| exit.refuted() == Some((offset, layout::MAX_EXITS as u32));
        let unused = current
            .iter()
            .position(|unit| unit.exits[..unit.entry_exits].iter().any(refutes));
        let Some(unused) = unused.filter(|_| current.len() > 1) else {
            return false;
        };
        let place = current[unused].place.offset;
        if current[unused].is_direct {
            self.calls.clear();
        }
        self.refused.insert(place);
        let reason = "a guess keeps it from being used, and there is other machine code";
        self.refusals.push((current[unused].place, reason.into()));
        self.units.swap(self.outdated, self.outdated + unused);
        self.outdated += 1;
        // SAFETY: the code object lives, and the entry is there: it has just been used.
        unsafe { _PyEvalHooks_RemoveEntry(id as *const c_void, place as c_int) };
        true
    }
}

/// The compiler.
pub struct Compiler {
    /// Made when something is compiled first: most short programs compile nothing.
    target: Option<Target>,
    pub(crate) dump: bool,
    /// What is known of a code object at first.
    fresh: History,
    pub(crate) codes: FxHashMap<usize, Compiled>,
    /// The code objects of functions that are called, by their versions.
    pub(crate) functions: FxHashMap<u32, usize>,
    /// What machine code relies on.
    pub(crate) dependencies: Dependencies,
    memory: Memory,
    /// Machine code of code objects that have died, which may still be returning.
    pub(crate) dead: Vec<Compiled>,
    pub(crate) counts: Compilation,
    /// How much had been compiled when it was last looked for what is entered no more.
    pub(crate) reclaimed: u64,
    start: Instant,
    background: Option<Background>,
    pending: Vec<Pending>,
    ticket: u64,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Compiler {
    /// A compiler that knows this of all code objects at first. With `dump`, it prints what it compiles.
    pub fn new(dump: bool, fresh: History) -> Self {
        Self {
            target: None,
            dump,
            fresh,
            codes: FxHashMap::default(),
            functions: FxHashMap::default(),
            dependencies: Dependencies::default(),
            memory: Memory::default(),
            dead: Vec::new(),
            counts: Compilation::default(),
            reclaimed: 0,
            start: Instant::now(),
            background: None,
            pending: Vec::new(),
            ticket: 0,
        }
    }

    /// What machine code is made for.
    ///
    /// # Errors
    /// If this machine is not supported.
    fn target(&mut self) -> Result<Target, String> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        crate::runtime::check()?;
        Ok(self.target.insert(Target::new()?).clone())
    }

    /// What has been done.
    pub fn counts(&self) -> &Compilation {
        &self.counts
    }

    /// Compiles what follows the `RESUME` or, for a loop, `JUMP_BACKWARD` at an offset, and lets the interpreter enter there.
    /// `depth` is the height of the value stack then.
    ///
    /// # Errors
    /// The reason why it was not done, which has been counted.
    pub fn compile(
        &mut self,
        id: usize,
        code: Code,
        place: Place,
        wish: Wish,
    ) -> Result<(), String> {
        self.reclaim();
        let start = thread_time();
        let result = self.job(id, code, place, wish);
        let result = result.and_then(|job| {
            let product = job.run(&self.target()?)?;
            self.install(id, place, product)
        });
        self.took(id, (thread_time() - start).as_micros() as u64);
        if let Err(reason) = &result {
            self.refuse(id, place, reason.clone());
        }
        result
    }

    fn took(&mut self, id: usize, microseconds: u64) {
        self.counts.microseconds += microseconds;
        self.of(id).microseconds += microseconds;
    }

    /// A thread of the program has waited for so long.
    pub fn paused(&mut self, pause: Duration) {
        let longest = &mut self.counts.longest_pause;
        *longest = (*longest).max(pause.as_micros() as u64);
    }

    /// The time that has been spent, with what that suggests for what has been begun.
    fn expected(&self) -> Duration {
        let spent = self.counts.microseconds;
        let each = spent / self.counts.compiled.max(1);
        Duration::from_micros(spent + each * self.pending.len() as u64)
    }

    /// Has something compiled in the background that is hot.
    ///
    /// # Errors
    /// The reason why it cannot be done, which has been counted.
    pub fn compile_soon(
        &mut self,
        id: usize,
        code: Code,
        place: Place,
    ) -> Result<Progress, String> {
        let is_here = |pending: &Pending| pending.id == id && pending.place == place;
        if self.pending.iter().any(is_here) {
            return Ok(Progress::Pending);
        }
        if self.expected() > ALLOWANCE + self.start.elapsed().mul_f64(SHARE) {
            return Ok(Progress::Postponed);
        }
        let background = match self.background.take() {
            Some(background) => background,
            None => match self.target().map(Background::start) {
                Ok(Ok(background)) => background,
                // Without another thread, this one does it, or says why it cannot be done.
                _ => {
                    return self
                        .compile(id, code, place, Wish::Hot)
                        .map(|()| Progress::Installed);
                }
            },
        };
        self.reclaim();
        let start = thread_time();
        let job = self.job(id, code, place, Wish::Hot);
        self.took(id, (thread_time() - start).as_micros() as u64);
        let job = job.inspect_err(|reason| self.refuse(id, place, reason.clone()));
        let result = job.map(|job| {
            self.ticket += 1;
            self.pending.push(Pending {
                ticket: self.ticket,
                id,
                code,
                place,
                version: job.code.version,
            });
            background.add(self.ticket, job);
            Progress::Pending
        });
        self.background = Some(background);
        result
    }

    /// Installs what has been compiled in the background; gives the code objects and the places.
    pub fn collect(&mut self) -> Vec<(usize, Place)> {
        let finished = self.background.as_ref().map(Background::finished);
        let mut installed = Vec::new();
        for done in finished.into_iter().flatten() {
            let place = |pending: &Pending| pending.ticket == done.ticket;
            // What it was made from may be gone or outdated.
            let Some(index) = self.pending.iter().position(place) else {
                continue;
            };
            let pending = self.pending.swap_remove(index);
            let id = pending.id;
            self.took(id, done.microseconds);
            if pending.code.version() != pending.version {
                continue;
            }
            let result = done
                .product
                .and_then(|product| self.install(id, pending.place, product));
            match result {
                Ok(()) => installed.push((id, pending.place)),
                Err(reason) => {
                    let place = pending.place;
                    let compiled = self.of(id);
                    let early = compiled.early.entry(place.offset).or_default();
                    *early += 1;
                    if reason != LEFT_EARLY || *early > MAX_EARLY {
                        compiled.refused.insert(place.offset);
                    }
                    self.refuse(id, place, reason);
                }
            }
        }
        installed
    }

    /// What is being compiled for a code object will not be installed.
    pub fn drop_pending(&mut self, id: usize) {
        self.pending.retain(|pending| pending.id != id);
    }

    /// Before a fork: ends the thread. What it has not finished is begun again when it is hot.
    pub fn stop_background(&mut self) {
        self.pending.clear();
        if let Some(background) = self.background.take() {
            background.stop();
        }
    }

    /// Whether it has turned out that an entry cannot be compiled, or not be used.
    pub fn is_refused(&mut self, id: usize, place: Place) -> bool {
        self.of(id).refused.contains(&place.offset)
    }

    /// An entry is not compiled, for a reason.
    pub fn refuse(&mut self, id: usize, place: Place, reason: String) {
        let refusals = &mut self.of(id).refusals;
        refusals.retain(|(refused, _)| *refused != place);
        refusals.push((place, reason.clone()));
        *self.counts.refused.entry(reason).or_default() += 1;
    }

    /// The entries of a code object that are being compiled.
    pub fn pending(&self, id: usize) -> impl Iterator<Item = Place> {
        let mine = self.pending.iter().filter(move |pending| pending.id == id);
        mine.map(|pending| pending.place)
    }

    /// Lets the interpreter enter machine code.
    fn install(&mut self, id: usize, place: Place, product: Product) -> Result<(), String> {
        let Product {
            mut bytes,
            calls,
            is_direct,
            exits,
            entry_exits,
            catches,
            caches,
            mut resumes,
            wish,
            spans,
        } = product;
        let machine = self.memory.add(&mut bytes, &calls);
        let machine = machine.map_err(|error| error.to_string())?;
        let install = |offset: u32| {
            // SAFETY: the machine code has the signature of an entry, and lives until the code object dies.
            unsafe {
                _PyEvalHooks_InstallEntry(
                    id as *const c_void,
                    offset as c_int,
                    machine.address().cast(),
                )
            }
        };
        if install(place.offset) == 0 {
            return Err("the interpreter takes no more entries for the code object".into());
        }
        self.counts.compiled += 1;
        resumes.retain(|&offset| install(offset) != 0);
        self.counts.bytes += machine.size();
        let compiled = self.of(id);
        if is_direct {
            compiled.calls.set(machine.address() as u64);
        }
        compiled.units.push(Unit {
            place,
            resumes,
            machine,
            exits,
            entry_exits,
            _catches: catches,
            _caches: caches,
            wish,
            spans,
            is_direct,
        });
        compiled.refusals.retain(|(refused, _)| *refused != place);
        Ok(())
    }

    /// What is known of a code object.
    pub fn of(&mut self, id: usize) -> &mut Compiled {
        self.codes.entry(id).or_insert_with(|| Compiled {
            history: self.fresh.clone(),
            ..Compiled::default()
        })
    }

    /// The machine code of a code object that fits what is known now: of each entry the last, none of before a guess was dropped.
    pub fn current(&mut self, id: usize) -> &[Unit] {
        let compiled = self.of(id);
        &compiled.units[compiled.outdated..]
    }

    /// The instrumentation of a code object changes; the interpreter has removed its entries. Gives those in whose machine code it is executed
    /// in place of calls.
    pub fn instrumented(&mut self, id: usize) -> FxHashSet<usize> {
        self.drop_pending(id);
        if let Some(compiled) = self.codes.get_mut(&id) {
            compiled.outdate();
        }
        self.dependencies.take_code(id)
    }

    /// Machine code of a living code object relies on what is about to change: it is entered no more.
    pub(crate) fn invalidated(&mut self, id: usize) {
        self.drop_pending(id);
        if let Some(compiled) = self.codes.get_mut(&id) {
            compiled.retire(id);
            self.counts.invalidated += 1;
        }
    }

    /// Forgets what was learned of a code object. Its machine code stays for a while, since it may be running.
    pub fn forget(&mut self, id: usize) {
        self.drop_pending(id);
        let fresh = self.fresh.clone();
        let compiled = self.of(id);
        compiled.outdate();
        compiled.history = fresh;
        compiled.refutations = 0;
        compiled.unseen.clear();
        compiled.inner_refutations.clear();
        compiled.discoveries = 0;
        compiled.refused.clear();
        compiled.early.clear();
        compiled.refusals.clear();
    }

    /// A handler at an offset was reached too often to leave it to the interpreter: the same.
    pub fn reached(&mut self, id: usize, offset: u32) {
        let Some(compiled) = self.codes.get_mut(&id) else {
            return;
        };
        let handlers = &mut compiled.history.handlers;
        // Exits of old machine code go on to count.
        if !handlers.add(offset) {
            return;
        }
        self.counts.handlers += 1;
        let exits = compiled.units.iter().flat_map(|unit| &unit.exits);
        for (offset, times) in exits.filter_map(codegen::Exit::reached) {
            if times >= SUSPICIOUS {
                handlers.add(offset);
            }
        }
        compiled.retire(id);
        self.drop_pending(id);
    }

    /// The interpreter ends, and with it the machine code; finalizers still run what is left of it.
    pub fn close(&mut self) {
        // The death of a code object that has machine code is told. Others, which are only called by machine code, may be dead.
        for (&id, compiled) in &mut self.codes {
            if !compiled.units.is_empty() {
                compiled.retire(id);
            }
        }
    }

    /// A code object dies.
    pub fn death(&mut self, id: usize) {
        self.drop_pending(id);
        self.dependencies.forget(id);
        if let Some(compiled) = self.codes.remove(&id) {
            self.dead.push(compiled);
        }
        self.bury();
    }
}
