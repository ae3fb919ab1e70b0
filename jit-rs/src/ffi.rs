//! The functions of `include/clinker.h`, which says what each of them does and when it is called.

use crate::client::{self, Client};
use crate::code::{Code, Line, Text};
use crate::feedback::{ClassCall, Feedback, MathCall, OperatorCall};
use crate::hir::{Convention, Math, Type};
use crate::options::Options;
use std::ffi::{c_char, c_int, c_void};

#[unsafe(no_mangle)]
extern "C" fn clinker_start(
    value: *const c_char,
    length: usize,
    text: Text,
    line: Line,
    error: *mut c_char,
    capacity: usize,
) -> c_int {
    // SAFETY: the glue hands over a string of this length, which lives during the call.
    let value = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), length) };
    let started = Options::parse(&String::from_utf8_lossy(value))
        .and_then(|options| client::start(options, text, line));
    // SAFETY: the glue hands over room for `capacity` bytes, which is not empty.
    unsafe { status(started, error, capacity) }
}

/// How a start ends for the glue: 0, or -1 with a message that is terminated by a zero.
///
/// # Safety
/// `error` must have room for `capacity` bytes, at least one, and nobody else may use it during the call.
pub unsafe fn status(result: Result<(), String>, error: *mut c_char, capacity: usize) -> c_int {
    let Err(message) = result else {
        return 0;
    };
    // SAFETY: the caller promises the room.
    let room = unsafe { std::slice::from_raw_parts_mut(error.cast::<u8>(), capacity) };
    let length = message.floor_char_boundary(capacity - 1);
    room[..length].copy_from_slice(&message.as_bytes()[..length]);
    room[length] = 0;
    -1
}

#[unsafe(no_mangle)]
extern "C" fn clinker_code_attached(code: *const c_void, shadow: *const c_void) {
    // SAFETY: the hook hands over a code object and its record; `clinker_code_death` ends the use of both.
    let value = unsafe { Code::new(code, shadow) };
    client::with(|client| client.attached(code as usize, value));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_code_death(code: *const c_void) {
    client::with(|client| client.death(code as usize));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_instrumented(code: *const c_void, tell: extern "C" fn(*const c_void)) {
    for id in client::with(|client| client.instrumented(code as usize)) {
        tell(id as *const c_void);
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_period() -> u32 {
    client::with(|client| client.period())
}

#[unsafe(no_mangle)]
extern "C" fn clinker_hot(code: *const c_void, offset: u32, depth: u32, is_loop: c_int) -> u32 {
    client::with(|client| client.hot(code as usize, offset, depth, is_loop != 0))
}

#[unsafe(no_mangle)]
extern "C" fn clinker_refuted(code: u64, offset: u64) {
    client::with(|client| client.refuted(code as usize, offset as u32));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_reached(code: u64, offset: u64) {
    client::with(|client| client.reached(code as usize, offset as u32));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_specialized(code: *const c_void, missed: c_int, failed: c_int) {
    client::with(|client| client.specialized(code as usize, missed != 0, failed != 0));
}

fn learn(code: *const c_void, add: impl FnOnce(&mut Feedback, Code)) {
    client::with(|client| client.learn(code as usize, add));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_calls_special(code: *const c_void, offset: u32, version: u32) {
    learn(code, |feedback, _| {
        feedback.classes.remove(&offset);
        feedback.specials.insert(offset, version);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw(code: *const c_void, offset: u32, kinds: *const [c_int; 3]) {
    // SAFETY: the glue hands over an array of three.
    let kinds = unsafe { *kinds };
    let types = kinds.map(|kind| match kind {
        ..0 => Type::NEVER,
        kind => Type::from_bit(kind),
    });
    learn(code, |feedback, _| feedback.saw(offset, types));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_math(
    code: *const c_void,
    offset: u32,
    which: c_int,
    method: *const c_void,
    kind: c_int,
) {
    let call = MathCall {
        function: Math::ALL[which as usize],
        method: method as u64,
    };
    learn(code, |feedback, _| {
        feedback.math.insert(offset, call);
        feedback.saw(offset, [Type::from_bit(kind), Type::NEVER, Type::NEVER]);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_class(
    code: *const c_void,
    offset: u32,
    class: u32,
    init: *const c_void,
    version: u32,
) {
    let call = ClassCall {
        class,
        init: init as u64,
        version,
    };
    learn(code, |feedback, _| {
        feedback.specials.remove(&offset);
        feedback.classes.insert(offset, call);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_dies_unseen_at(code: *const c_void, offset: u32, class: u32) {
    learn(code, |feedback, _| {
        feedback.unseen_deaths.insert(offset, class);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_namespaces(
    code: *const c_void,
    globals: *const c_void,
    builtins: *const c_void,
) {
    client::with(|client| {
        client.saw_namespaces(code as usize, globals as u64, builtins as u64);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_variable(code: *const c_void, offset: u32, value: *const c_void) {
    learn(code, |feedback, _| {
        feedback.variables.insert(offset, value as u64);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_method(
    code: *const c_void,
    version: u32,
    method: *const c_void,
    globals: *const c_void,
    builtins: *const c_void,
) {
    let method = (version, method as u64);
    client::with(|client| {
        client.saw_method(code as usize, method, globals as u64, builtins as u64);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_descriptor(
    code: *const c_void,
    version: u32,
    method: *const c_void,
    flags: c_int,
    function: *const c_void,
) {
    let Some(convention) = Convention::of(flags as usize) else {
        return;
    };
    let (method, known) = ((version, method as u64), (convention, function as u64));
    learn(code, |feedback, _| {
        feedback.descriptors.insert(method, known);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_invalidate(
    dictionary: *const c_void,
    name: *const c_void,
    tell: extern "C" fn(*const c_void),
) {
    let address = |object: *const c_void| (!object.is_null()).then_some(object as u64);
    let (dictionary, name) = (address(dictionary), address(name));
    // Without the lock: marking frames boxes numbers.
    for id in client::with(|client| client.take_dependents(dictionary, name)) {
        tell(id as *const c_void);
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_dictionary_died(dictionary: *const c_void) {
    client::with(|client| client.dictionary_died(dictionary as u64));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_function(code: *const c_void, version: u32) {
    client::with(|client| client.saw_function(code as usize, version));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_operator(
    code: *const c_void,
    offset: u32,
    left: u32,
    right: u32,
    method: *const c_void,
    version: u32,
) {
    let call = OperatorCall {
        left,
        right,
        method: method as u64,
        version,
    };
    learn(code, |feedback, _| {
        feedback.operators.insert(offset, call);
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_callee(code: *const c_void, offset: u32, version: u32) {
    learn(code, |feedback, _| feedback.saw_callee(offset, version));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_saw_form(code: *const c_void, offset: u32, opcode: u8) {
    learn(code, |feedback, code| {
        feedback.saw_form(offset, code.form(offset, opcode))
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_is_enabled() -> c_int {
    client::with(|client| client.compiler.is_some() && !client.paused).into()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_forking() {
    client::with(Client::forking);
}

#[unsafe(no_mangle)]
extern "C" fn clinker_forked_child() {
    client::with(Client::forked);
}

#[unsafe(no_mangle)]
extern "C" fn clinker_finalize() {
    client::finish();
}
