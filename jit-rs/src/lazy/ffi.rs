//! The functions of `include/clinker_lazy.h`, which says what each of them does and when it is called.

use super::client;
use super::effects::State;
use super::log::Site;
use super::options::Options;
use super::rules::Decision;
use crate::ffi::status;
use std::ffi::{c_char, c_int};

/// `clinker_text_view`
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    data: *const c_char,
    length: usize,
}

impl Text {
    fn get(&self) -> Option<&str> {
        if self.data.is_null() {
            return None;
        }
        // SAFETY: the glue hands over `length` bytes, which live during the call.
        let bytes = unsafe { std::slice::from_raw_parts(self.data.cast::<u8>(), self.length) };
        Some(std::str::from_utf8(bytes).unwrap_or("?"))
    }

    fn or_empty(&self) -> &str {
        self.get().unwrap_or("")
    }
}

/// `clinker_site`
#[repr(C)]
#[derive(Clone, Copy)]
struct Place {
    file: Text,
    line: c_int,
    depth: c_int,
}

impl Place {
    fn site(&self) -> Site {
        Site {
            file: self.file.or_empty().into(),
            line: self.line,
            in_body: self.depth == 1,
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_start(
    report: Text,
    profile: Text,
    filter: Text,
    error: *mut c_char,
    capacity: usize,
) -> c_int {
    let started = Options::read(report.get(), profile.get(), filter.get()).map(client::start);
    // SAFETY: the glue hands over room for `capacity` bytes, which is not empty.
    unsafe { status(started, error, capacity) }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_wants_effects() -> c_int {
    c_int::from(client::with(|client| client.wants_effects()))
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_decide(importer: Text, module: Text) -> c_int {
    let decision = client::with(|client| client.decide(importer.or_empty(), module.or_empty()));
    match decision {
        None => 0,
        Some(Decision::Lazy) => 1,
        Some(Decision::Eager) => 2,
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_done_now(importer: Text, module: Text, site: Place, reason: c_int) {
    let reason = usize::try_from(reason).unwrap_or(usize::MAX);
    client::with(|client| {
        client.done_now(importer.or_empty(), module.or_empty(), site.site(), reason)
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_deferred(
    lazy: usize,
    importer: Text,
    module: Text,
    attribute: Text,
    site: Place,
) {
    client::with(|client| {
        let (importer, module) = (importer.or_empty(), module.or_empty());
        client
            .log
            .deferred(lazy, importer, module, attribute.or_empty(), site.site());
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_resolving(thread: u64, lazy: usize, site: Place) {
    client::with(|client| client.log.resolving(thread, lazy, site.site()));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_resolved(thread: u64, lazy: usize, ok: c_int) {
    client::with(|client| client.log.resolved(thread, lazy, ok != 0));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_executed(module: Text) {
    client::with(|client| client.log.executed(module.or_empty()));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_submodule(module: Text, bound: c_int) {
    client::with(|client| {
        if bound == 0 {
            client.log.not_bound.insert(module.or_empty().into());
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_effects(owner: Text, state: *const State) {
    // SAFETY: the glue hands over CLINKER_EFFECTS numbers, as many as a `State` has.
    let state = unsafe { &*state };
    client::with(|client| client.log.effects(owner.or_empty(), state));
}

#[unsafe(no_mangle)]
extern "C" fn clinker_lazy_finalize() {
    client::finish();
}
