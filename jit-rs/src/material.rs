//! What a compilation works on: copies of the code object and of functions that it calls, with what is known of them.

use crate::build::{self, Entry};
use crate::code::Code;
use crate::compiler::{Compiler, Place};
use crate::feedback::{Callees, Form};
use crate::hir::Convention;
use crate::job::{Job, Wish};
use crate::layout;
use crate::opcode;
use crate::snapshot::{Callee, Code as Snapshot, Constant, Inlinee, Instruction, Scope, Settled};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry as Known;
use std::sync::Arc;

/// Bytes of machine code beyond which nothing more is compiled.
const MAX_BYTES: usize = 256 << 20;

/// Why something is not compiled without hooks.
const NOT_ENTERED: &str = "without hooks, only functions are entered, and only those that take up to 8 arguments by position, and make \
                           no generator, coroutine or cell";

/// Code units of a function that may be executed in place of a call.
const MAX_INLINED_UNITS: usize = 240;

/// Code units of a function that is not compiled for its size.
const MAX_UNITS: usize = 20_000;

impl Compiler {
    /// What the machine code of an entry is made from.
    ///
    /// # Errors
    /// The reason why it is not compiled.
    pub fn job(&mut self, id: usize, code: Code, place: Place, wish: Wish) -> Result<Job, String> {
        if self.counts.bytes >= MAX_BYTES {
            return Err("the code cache is full".into());
        }
        if layout::HOOKS == 0 && (place.is_loop || !code.takes_positions()) {
            return Err(NOT_ENTERED.into());
        }
        let mut snapshot = code.snapshot(MAX_UNITS)?;
        self.add_feedback(id, &mut snapshot, layout::MAX_PUSHES);
        if snapshot.is_generator && !place.is_loop {
            snapshot.resumes = self.resumes(id, &snapshot, place.offset);
            snapshot.sends = sends(&snapshot, place.offset);
        }
        let entry = Entry::at(&snapshot, place.offset, place.depth, place.is_loop)
            .ok_or("no instruction begins where it is hot")?;
        self.dependencies.add(id, snapshot.variables());
        self.dependencies.add_codes(id, snapshot.inner_codes());
        let known = self.of(id);
        let mut history = known.history.clone();
        history.whole |= wish == Wish::Forced;
        known.unseen.extend(unseen(id, &snapshot));
        Ok(Job {
            code: snapshot,
            entry,
            history,
            wish,
            dump: self
                .dump
                .then(|| format!("{} from {}", code.describe(), entry.offset)),
            id,
        })
    }

    /// What machine code of an entry would be made from now, if it were.
    ///
    /// # Errors
    /// The reason why it would not be compiled.
    pub fn preview(
        &mut self,
        id: usize,
        code: Code,
        place: Place,
        wish: Wish,
    ) -> Result<Job, String> {
        // What is only looked at has not been left anywhere.
        let unseen = self.of(id).unseen.clone();
        let job = self.job(id, code, place, wish);
        self.of(id).unseen = unseen;
        job
    }

    /// Where else a generator has gone on, and no native code is entered yet.
    fn resumes(&mut self, id: usize, snapshot: &Snapshot, offset: u32) -> FxHashSet<u32> {
        let units = self.current(id);
        let is_entered = |at| {
            at == offset
                || units
                    .iter()
                    .any(|unit| unit.offsets().any(|known| known == at))
        };
        let instructions = snapshot.instructions.iter();
        // One that has not been executed is not specialized.
        instructions
            .filter(|resume| {
                resume.opcode == opcode::RESUME && resume.specialized != opcode::RESUME
            })
            .map(|resume| resume.offset)
            .filter(|&at| !is_entered(at))
            .collect()
    }

    /// Adds the functions that a code object calls, as far as their versions tell.
    fn add_callees(&mut self, id: usize, snapshot: &mut Snapshot) {
        if layout::HOOKS == 0 {
            // Functions that are entered have no version, and the frames of others are the interpreter's affair.
            return;
        }
        let feedback = Arc::clone(&self.of(id).feedback);
        for (index, call) in snapshot.instructions.iter().enumerate() {
            let special = || feedback.specials.get(&call.offset).copied();
            let class = || Some(feedback.classes.get(&call.offset)?.version);
            let version = match call.specialized {
                opcode::CALL_PY_EXACT_ARGS
                | opcode::CALL_PY_GENERAL
                | opcode::CALL_BOUND_METHOD_EXACT_ARGS
                | opcode::CALL_BOUND_METHOD_GENERAL => Some(snapshot.cache32(call, 1)),
                opcode::CALL_ALLOC_AND_ENTER_INIT | opcode::BINARY_SUBSCR_GETITEM => special(),
                opcode::CALL_NON_PY_GENERAL | opcode::CALL => class(),
                opcode::CALL_KW => class().or_else(special),
                opcode::BINARY_OP | opcode::COMPARE_OP | opcode::STORE_SUBSCR => {
                    let operator = feedback.operators.get(&call.offset);
                    operator.map(|operator| operator.version)
                }
                opcode::LOAD_ATTR_PROPERTY => Some(snapshot.cache32(call, 3)),
                _ => None,
            };
            let Some(version) = version else {
                continue;
            };
            let mut callee = |version| {
                let known = self.functions.get(&version).copied();
                let entry = |id, count| self.of(id).calls.address(count);
                let callee = Code::callee(version, known, entry)?;
                if let Known::Vacant(unknown) = snapshot.parameters.entry(callee.code) {
                    unknown.insert(Arc::new(Code::of(&callee).parameters(version)?));
                }
                Some(callee)
            };
            let seen = feedback.callees.get(&call.offset);
            let seen = seen.map_or(&[][..], Callees::told_apart);
            if seen.len() > 1 {
                let callees = seen.iter().filter_map(|&version| callee(version));
                snapshot.alternatives.insert(call.start, callees.collect());
                continue;
            }
            let Some(callee) = callee(version) else {
                continue;
            };
            if call.opcode == opcode::CALL_KW {
                let Some(keywords) = keywords(snapshot, index) else {
                    continue;
                };
                snapshot.keywords.insert(call.start, keywords);
            }
            snapshot.callees.insert(call.start, callee);
        }
    }

    /// Adds what is known of a code object to a copy of it. Functions that it calls may be executed in place of the call, one in
    /// the other to a depth.
    fn add_feedback(&mut self, id: usize, snapshot: &mut Snapshot, depth: usize) {
        self.add_callees(id, snapshot);
        snapshot.inlinees = self.inlinees(id, snapshot, depth);
        snapshot.feedback = Arc::clone(&self.of(id).feedback);
        snapshot.settled = self.settled(snapshot);
        snapshot.class_constants = class_constants(snapshot);
        snapshot.functions = self.functions_found(snapshot);
        snapshot.methods = methods(snapshot);
    }

    /// The functions that accesses to attributes find.
    fn functions_found(&self, snapshot: &Snapshot) -> FxHashMap<(u32, u64), (u64, u64)> {
        let functions = snapshot.feedback.functions.iter();
        functions
            .filter_map(|(&function, &namespaces)| {
                Some((function, self.dependencies.live(namespaces)?))
            })
            .collect()
    }

    /// The globals that are relied on, and the attributes of modules that are loaded at once.
    fn settled(&mut self, snapshot: &Snapshot) -> FxHashMap<u32, Settled> {
        let mut all = FxHashMap::default();
        let namespaces = snapshot.feedback.namespaces;
        let namespaces = namespaces.and_then(|namespaces| self.dependencies.live(namespaces));
        let Some((globals, builtins)) = namespaces else {
            return all;
        };
        let mut module = None;
        for load in &snapshot.instructions {
            let before = snapshot.feedback.variables.get(&load.offset);
            let before = before.copied().unwrap_or(0);
            let found = match (load.specialized, module) {
                (opcode::LOAD_GLOBAL_MODULE | opcode::LOAD_GLOBAL_BUILTIN, _) => {
                    Code::settled(globals, Some(builtins), snapshot.name_of(load), before)
                }
                (opcode::LOAD_ATTR_MODULE, Some((object, dictionary))) => {
                    let found = Code::settled(dictionary, None, snapshot.name_of(load), before);
                    let scope = Scope::Module(object, dictionary);
                    found.map(|(settled, inner)| (Settled { scope, ..settled }, inner))
                }
                _ => None,
            };
            module = None;
            let Some((settled, dictionary)) = found else {
                continue;
            };
            let name = snapshot.name_of(load);
            let dependencies = &mut self.dependencies;
            let mut dictionaries = settled.scope.dictionaries();
            if !dictionaries.all(|dictionary| dependencies.is_settled((dictionary, name))) {
                continue;
            }
            all.insert(load.start, settled);
            if let Some(dictionary) = dictionary {
                dependencies.watch(dictionary);
                module = Some((settled.object.address, dictionary));
            }
        }
        all
    }

    fn inlinees(
        &mut self,
        id: usize,
        snapshot: &Snapshot,
        depth: usize,
    ) -> FxHashMap<u32, Arc<Inlinee>> {
        let mut inlinees = FxHashMap::default();
        if depth == 0 {
            return inlinees;
        }
        // One copy of each, however often it is called.
        let mut copies = FxHashMap::default();
        for (&start, callee) in &snapshot.callees {
            let copy = copies.entry(callee.code).or_insert_with(|| {
                let callee_id = callee.code as usize;
                (callee_id != id)
                    .then(|| self.inlinee(callee_id, callee, snapshot.version, depth - 1))?
            });
            if let Some(inlinee) = copy {
                inlinees.insert(start, Arc::clone(inlinee));
            }
        }
        inlinees
    }

    fn inlinee(
        &mut self,
        id: usize,
        callee: &Callee,
        version: u64,
        depth: usize,
    ) -> Option<Arc<Inlinee>> {
        let mut code = Code::of(callee).snapshot(MAX_INLINED_UNITS).ok()?;
        // It may have to be instrumented first.
        if code.version != version {
            return None;
        }
        self.add_feedback(id, &mut code, depth);
        let history = self.of(id).history.clone();
        build::inlinee(code, history).map(Arc::new)
    }
}

/// The instructions of a code object of which nothing is known, and of what is executed in place of its calls.
fn unseen(id: usize, snapshot: &Snapshot) -> FxHashSet<(usize, u32)> {
    let instructions = snapshot.instructions.iter();
    let own = instructions.filter(|instruction| snapshot.is_unseen(instruction));
    let own = own.map(|instruction| (id, instruction.start));
    let inner = snapshot
        .inlinees
        .iter()
        .flat_map(|(start, inlinee)| unseen(snapshot.callees[start].code as usize, &inlinee.code));
    own.chain(inner).collect()
}

/// What classes have as attributes that are variables of modules.
fn class_constants(snapshot: &Snapshot) -> FxHashMap<(u32, u64), Constant> {
    let pairs = snapshot.instructions.windows(2);
    let constant = |pair: &[Instruction]| {
        let [global, access] = pair else { return None };
        let class = snapshot.settled.get(&global.start)?;
        let is_known = class.is_class && access.specialized == opcode::LOAD_ATTR_CLASS;
        let found = is_known.then(|| (snapshot.cache32(access, 1), snapshot.cache64(access, 5)))?;
        Some((found, Code::class_constant(class.object.address, found)?))
    };
    pairs.filter_map(constant).collect()
}

/// The methods of built-in types that accesses to attributes find.
fn methods(snapshot: &Snapshot) -> FxHashMap<u64, (Convention, u64)> {
    let is_access = |access: &&Instruction| access.opcode == opcode::LOAD_ATTR;
    let found = |access: &Instruction| {
        let name = snapshot.name_of(access);
        let forms = snapshot.forms(access);
        let method = move |form: &Form| {
            let seen = snapshot
                .feedback
                .descriptors
                .get(&(form.version, form.value));
            let method = seen.copied().or_else(|| Code::method(form, name));
            Some((form.value, method?))
        };
        let methods = forms.into_iter().filter(Form::is_method);
        methods.filter_map(move |form| method(&form))
    };
    let accesses = snapshot.instructions.iter().filter(is_access);
    accesses.flat_map(found).collect()
}

/// The keywords of a call, which are the constant that is loaded before it.
fn keywords(snapshot: &Snapshot, call: usize) -> Option<Vec<u64>> {
    let load = snapshot.instructions.get(call.checked_sub(1)?)?;
    let constant = snapshot.constants.get(load.oparg as usize)?;
    (load.opcode == opcode::LOAD_CONST)
        .then(|| Code::keywords(constant))
        .flatten()
}

/// The `SEND`s of the loops that send on, as far as native code is entered by their `RESUME`: when such a generator is resumed, the
/// runtime resumes what it sends to, and enters its own native code when that has ended.
fn sends(snapshot: &Snapshot, offset: u32) -> FxHashSet<u32> {
    let is_entered = |resume: u32| resume == offset || snapshot.resumes.contains(&resume);
    let threes = snapshot.instructions.windows(3);
    threes
        .filter(|three| {
            three[0].opcode == opcode::SEND
                && three[1].opcode == opcode::YIELD_VALUE
                && is_entered(three[2].offset)
        })
        .map(|three| three[0].start)
        .collect()
}
