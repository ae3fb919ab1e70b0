//! The one state of the archive, from `-X jit` to the end of the interpreter.

use crate::build::{Handlers, History};
use crate::clock::thread_time;
use crate::code::{Code, Line, Text};
use crate::compiler::{Compiler, Place, Progress};
use crate::feedback::Feedback;
use crate::heat::Heat;
use crate::job::Wish;
use crate::layout;
use crate::log::Log;
use crate::options::{Mode, Options, Report};
use crate::perf;
use crate::profile::{Counts, Profile};
use crate::report;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

unsafe extern "C" {
    fn clinker_leave_all();
}

/// Executions after which what a program asked for is compiled again, if nothing else is compiled.
pub const WANTED_PERIOD: u32 = 64;

/// Calls until a function is compiled by itself where nobody counts what its loops do.
const UNLOOPED_PERIOD: u32 = 200;

/// Executions until it is asked again whether something has been compiled.
const PENDING_PERIOD: u32 = 100;

/// Calls of a function after which it is compiled as a whole when one of its loops is hot.
const CALLED_OFTEN: u64 = 32;

/// Why something is not compiled that `allow=` and `deny=` do not let.
pub const EXCLUDED: &str = "allow= or deny= excludes it";

/// What the hook returns of an instruction that is not to be counted any more.
pub const STOP_COUNTING: u32 = layout::EVAL_STOP_COUNTING as u32;

/// What is known of a live code object beyond its counters. Each code object that runs has it: it is small.
#[derive(Debug)]
pub struct Live {
    /// The code object.
    pub code: Code,
    /// Whether it must not be compiled.
    pub suppressed: bool,
    /// Whether it is to be compiled whatever the mode is.
    pub wanted: bool,
    hot: bool,
    heat: Heat,
    specialized: u32,
    missed: u32,
    failed: u32,
    compiled: u32,
}

/// A started archive.
#[derive(Debug)]
pub struct Client {
    /// What it was asked for.
    pub options: Options,
    /// Whether nothing is compiled for now.
    pub paused: bool,
    /// The code objects that have their shadow record, by address.
    pub live: FxHashMap<usize, Live>,
    /// None if nothing is compiled.
    pub compiler: Option<Compiler>,
    /// Gives the text of a string.
    pub text: Text,
    /// Gives the line of an instruction.
    pub line: Line,
    profile: Profile,
    log: Option<Log>,
}

/// Where the archive is in its life.
#[derive(Debug)]
enum State {
    /// Not asked for, or the interpreter has ended.
    Off,
    /// Registered with the hooks.
    On(Box<Client>),
    /// A panic turned it off; told at the end.
    Failed(String),
}

static STATE: Mutex<State> = Mutex::new(State::Off);

/// Runs `act` on the client, if there is one. A panic in it turns the archive off.
pub fn with<T: Default>(act: impl FnOnce(&mut Client) -> T) -> T {
    // A panic is caught below before it could poison the lock.
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let State::On(client) = &mut *state else {
        return T::default();
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(client)));
    result.unwrap_or_else(|panic| {
        let cause = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown".into());
        // Nobody is told any more when what machine code relies on changes. What runs of it is still used until it is left.
        if let State::On(client) = std::mem::replace(&mut *state, State::Failed(cause)) {
            let mut client = std::mem::ManuallyDrop::new(client);
            if let Some(compiler) = &mut client.compiler {
                compiler.close();
                // SAFETY: the GIL is held, as in all calls of the interpreter.
                unsafe { clinker_leave_all() };
            }
        }
        T::default()
    })
}

/// Starts the archive.
///
/// # Errors
/// If the log cannot be written.
pub fn start(options: Options, text: Text, line: Line) -> Result<(), String> {
    let mut fresh = History::default();
    if matches!(options.mode, Mode::Sync | Mode::Warm) {
        fresh.handlers = Handlers::All;
    }
    // What is compiled before it runs first has not been executed.
    fresh.whole = options.mode == Mode::Sync;
    let compiler = (options.mode != Mode::Count).then(|| Compiler::new(options.dump, fresh));
    let log = options.log.as_deref().map(Log::open).transpose()?;
    let client = Client {
        options,
        log,
        paused: false,
        text,
        line,
        live: FxHashMap::default(),
        profile: Profile::default(),
        compiler,
    };
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = State::On(Box::new(client));
    Ok(())
}

/// Ends it, with its report.
pub fn finish() {
    with(|client| {
        client.report();
        if let Some(compiler) = &mut client.compiler {
            compiler.close();
        }
    });
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let State::Failed(cause) = &*state {
        eprintln!("clinker: turned off after an internal error: {cause}");
    }
    let ended = std::mem::replace(&mut *state, State::Off);
    if layout::HOOKS == 0 {
        // Without hooks, it is an exit function that ends it, which a program can call from native code.
        std::mem::forget(ended);
    }
}

impl Client {
    /// A code object has its shadow record.
    pub fn attached(&mut self, id: usize, code: Code) {
        self.live.insert(
            id,
            Live {
                code,
                suppressed: false,
                wanted: false,
                hot: false,
                heat: Heat::new(Instant::now()),
                specialized: 0,
                missed: 0,
                failed: 0,
                compiled: 0,
            },
        );
    }

    /// Entries or trips until something is hot.
    pub fn period(&self) -> u32 {
        match (layout::HOOKS, self.options.mode, self.options.after) {
            (0, Mode::Auto, None) => UNLOOPED_PERIOD,
            _ => self.options.period(),
        }
    }

    /// A code object dies: what was counted is kept if somebody will want to know.
    pub fn death(&mut self, id: usize) {
        if let Some(compiler) = &mut self.compiler {
            if let Some(live) = self.live.get(&id) {
                compiler.functions.remove(&live.code.function_version());
            }
            compiler.death(id);
        }
        if let Some(live) = self.live.remove(&id)
            && (live.hot || self.options.report != Report::None)
        {
            self.keep(live);
        }
    }

    /// The instrumentation of a code object changes; its entries have been removed. Gives others whose machine code is to be left, which is
    /// entered no more.
    pub fn instrumented(&mut self, id: usize) -> Vec<usize> {
        let Some(compiler) = &mut self.compiler else {
            return Vec::new();
        };
        let dependents = compiler.instrumented(id);
        self.invalidate(dependents)
    }

    /// What machine code relies on is about to change: it is entered no more. Gives the code objects that live.
    fn invalidate(&mut self, dependents: FxHashSet<usize>) -> Vec<usize> {
        let live = dependents
            .into_iter()
            .filter(|id| self.live.contains_key(id));
        let live: Vec<usize> = live.collect();
        if let Some(compiler) = &mut self.compiler {
            live.iter().for_each(|&id| compiler.invalidated(id));
        }
        live
    }

    /// The interpreter reported the instruction at an offset as hot, with the height of the value stack after it. Returns
    /// the number of executions until the next report, 0 for the longest there is, or [`STOP_COUNTING`].
    pub fn hot(&mut self, id: usize, offset: u32, depth: u32, is_loop: bool) -> u32 {
        let start = thread_time();
        let period = self.compile_hot(id, offset, depth, is_loop);
        if let Some(compiler) = &mut self.compiler {
            compiler.paused(thread_time() - start);
        }
        period
    }

    fn compile_hot(&mut self, id: usize, offset: u32, depth: u32, is_loop: bool) -> u32 {
        let period = self.period();
        let Some(live) = self.live.get_mut(&id) else {
            return 0;
        };
        live.hot = true;
        let Some(compiler) = &mut self.compiler else {
            // Once is enough: counting goes on without reports.
            return 0;
        };
        let mut new = compiler.collect();
        let period = match self.options.mode {
            Mode::Manual if live.wanted => WANTED_PERIOD,
            Mode::Manual => return 0,
            _ => period,
        };
        if live.suppressed {
            return 0;
        }
        if self.paused {
            return period;
        }
        if self.options.in_background() && !live.heat.report(Instant::now()) {
            return period;
        }
        let mut place = Place {
            offset,
            depth,
            is_loop,
        };
        if !self.options.filter.is_empty()
            && !self.options.filter.admits(&live.code.place(self.text))
        {
            compiler.refuse(id, place, EXCLUDED.into());
            return STOP_COUNTING;
        }
        // The loops of a function that is called often are over soon.
        if let (true, CALLED_OFTEN.., Some(start)) =
            (is_loop, live.code.entries(), live.code.start())
            && !compiler
                .current(id)
                .iter()
                .any(|unit| unit.place.offset == start)
        {
            place = Place {
                offset: start,
                depth: 0,
                is_loop: false,
            };
        }
        let result = if new.contains(&(id, place)) {
            Ok(Progress::Installed)
        } else if compiler.is_refused(id, place) {
            Err("it has been refused".into())
        } else if self.options.in_background() {
            compiler.compile_soon(id, live.code, place)
        } else {
            let wish = match self.options.mode {
                Mode::Manual => Wish::Forced,
                _ => Wish::Hot,
            };
            let compiled = compiler.compile(id, live.code, place, wish);
            compiled.map(|()| {
                new.push((id, place));
                Progress::Installed
            })
        };
        for (id, _) in new {
            self.installed(id);
        }
        match result {
            Ok(Progress::Installed | Progress::Postponed) => period,
            Ok(Progress::Pending) => period.min(PENDING_PERIOD),
            // To count on would cost a short function a tenth of its time.
            Err(_) => STOP_COUNTING,
        }
    }

    /// Machine code was made for a code object: keeps the records of that.
    pub fn installed(&mut self, id: usize) {
        let (Some(live), Some(compiler)) = (self.live.get_mut(&id), &mut self.compiler) else {
            return;
        };
        live.compiled += 1;
        if let Some(log) = &mut self.log {
            log.add(&live.code.place(self.text));
        }
        if let (true, Some(unit)) = (self.options.perf, compiler.of(id).units.last()) {
            perf::tell(&unit.machine, &live.code.place(self.text));
        }
    }

    /// Native code was left often since a guess was wrong.
    pub fn refuted(&mut self, id: usize, offset: u32) {
        if let Some(compiler) = &mut self.compiler {
            compiler.refuted(id, offset);
        }
    }

    /// Native code was left often for a handler at an offset.
    pub fn reached(&mut self, id: usize, offset: u32) {
        if let Some(compiler) = &mut self.compiler {
            compiler.reached(id, offset);
        }
    }

    /// The interpreter tells something of an instruction, which is kept if the code object lives.
    pub fn learn(&mut self, id: usize, add: impl FnOnce(&mut Feedback, Code)) {
        if let (Some(live), Some(compiler)) = (self.live.get(&id), &mut self.compiler) {
            add(Arc::make_mut(&mut compiler.of(id).feedback), live.code);
        }
    }

    /// The functions with a version have a code object, of whose death will be told if it has run by now.
    pub fn saw_function(&mut self, id: usize, version: u32) {
        if let (true, Some(compiler)) = (self.live.contains_key(&id), &mut self.compiler) {
            compiler.functions.insert(version, id);
        }
    }

    /// A code object looks up the names of globals in these dictionaries, which are watched.
    pub fn saw_namespaces(&mut self, id: usize, globals: u64, builtins: u64) {
        if let (true, Some(compiler)) = (self.live.contains_key(&id), &mut self.compiler) {
            let namespaces = Some(compiler.dependencies.namespaces(globals, builtins));
            let compiled = compiler.of(id);
            if compiled.feedback.namespaces != namespaces {
                Arc::make_mut(&mut compiled.feedback).namespaces = namespaces;
            }
        }
    }

    /// An access to an attribute finds a function of a class with a version, which looks up globals in these dictionaries.
    pub fn saw_method(&mut self, id: usize, method: (u32, u64), globals: u64, builtins: u64) {
        if let (true, Some(compiler)) = (self.live.contains_key(&id), &mut self.compiler) {
            let namespaces = compiler.dependencies.namespaces(globals, builtins);
            let feedback = &mut compiler.of(id).feedback;
            Arc::make_mut(feedback).functions.insert(method, namespaces);
        }
    }

    /// Variables of modules are about to change: the code objects whose machine code is to be left, which is entered no more.
    pub fn take_dependents(&mut self, dictionary: Option<u64>, name: Option<u64>) -> Vec<usize> {
        let Some(compiler) = &mut self.compiler else {
            return Vec::new();
        };
        let dependents = compiler.dependencies.take(dictionary, name);
        self.invalidate(dependents)
    }

    /// A watched dictionary has died.
    pub fn dictionary_died(&mut self, dictionary: u64) {
        if let Some(compiler) = &mut self.compiler {
            compiler.dependencies.died(dictionary);
        }
    }

    /// The specializing interpreter tried an instruction.
    pub fn specialized(&mut self, id: usize, missed: bool, failed: bool) {
        if let Some(live) = self.live.get_mut(&id) {
            live.missed += u32::from(missed);
            live.failed += u32::from(failed);
            live.specialized += u32::from(!failed);
        }
    }

    /// Before a fork.
    pub fn forking(&mut self) {
        if let Some(compiler) = &mut self.compiler {
            compiler.stop_background();
        }
    }

    /// In the child of a fork: the parent reports.
    pub fn forked(&mut self) {
        self.options.report = Report::None;
        // The map is the parent's.
        self.options.perf = false;
    }

    fn keep(&mut self, live: Live) {
        let counts = self.counted(&live);
        self.profile.add(live.code.place(self.text), counts);
    }

    fn counted(&self, live: &Live) -> Counts {
        Counts {
            entries: live.code.entries(),
            loops: live.code.loops(self.line),
            specialized: live.specialized.into(),
            missed: live.missed.into(),
            failed: live.failed.into(),
            hot: live.hot,
            compiled: live.compiled.into(),
        }
    }

    /// What has been counted by now, as JSON.
    pub fn statistics(&self) -> serde_json::Result<String> {
        let mut profile = self.profile.clone();
        for live in self.live.values() {
            profile.add(live.code.place(self.text), self.counted(live));
        }
        report::json(&profile, self.compiler.as_ref().map(Compiler::counts))
    }

    fn report(&mut self) {
        if self.options.report == Report::None {
            return;
        }
        for (_, live) in std::mem::take(&mut self.live) {
            self.keep(live);
        }
        let compilation = self.compiler.as_ref().map(Compiler::counts);
        match &self.options.report {
            Report::None => {}
            Report::Print => eprint!("{}", report::text(&self.profile, compilation)),
            Report::Write(file) => {
                let written = report::json(&self.profile, compilation)
                    .map_err(std::io::Error::from)
                    .and_then(|text| std::fs::write(file, text + "\n"));
                if let Err(error) = written {
                    eprintln!(
                        "clinker: cannot write the statistics to {}: {error}",
                        file.display()
                    );
                }
            }
        }
    }
}
