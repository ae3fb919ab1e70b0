//! What programs ask of the compiler by `clinker.jit`: the functions of `include/clinker_control.h`.

use crate::build::History;
use crate::client::{self, Client, EXCLUDED, Live, WANTED_PERIOD};
use crate::compiler::{Compiler, Place, Unit};
use crate::ffi::status;
use crate::job::Wish;
use crate::options::Mode;
use serde::Serialize;
use std::ffi::{CStr, c_char, c_int, c_void};

/// What `clinker.jit` is made of.
const SOURCES: [(&str, &str); 5] = [
    ("jit.py", include_str!("python/jit.py")),
    ("inspector.py", include_str!("python/inspector.py")),
    ("inspector.html", include_str!("python/inspector.html")),
    ("inspector.css", include_str!("python/inspector.css")),
    ("inspector.js", include_str!("python/inspector.js")),
];

unsafe extern "C" {
    fn clinker_entry(code: *const c_void, offset: u32) -> *const c_void;
    fn clinker_recount(code: *const c_void, period: u32);
    fn _PyEvalHooks_InstallEntry(code: *const c_void, offset: c_int, entry: *const c_void)
    -> c_int;
    fn _PyEvalHooks_RemoveEntries(code: *const c_void);
}

/// `clinker_sink` of the header.
pub type Sink = extern "C" fn(context: *mut c_void, text: *const c_char, length: usize);

/// An exit that was taken.
#[derive(Serialize)]
struct Exit {
    name: String,
    file: String,
    line: c_int,
    opcode: u8,
    count: u32,
}

impl Unit {
    /// Whether the interpreter enters it.
    pub fn is_entered(&self, id: usize) -> bool {
        self.offsets().any(|offset| {
            // SAFETY: machine code belongs to a live code object.
            let entry = unsafe { clinker_entry(id as *const c_void, offset) };
            entry == self.machine.address().cast()
        })
    }
}

impl Client {
    fn prepare(&mut self, auto: bool) {
        if self.compiler.is_none() {
            self.compiler = Some(Compiler::new(self.options.dump, History::default()));
            self.options.mode = Mode::Manual;
        }
        if auto && self.options.mode == Mode::Manual {
            self.options.mode = Mode::Auto;
            self.recount();
        }
    }

    /// Lets everything that is not compiled count from its start again.
    fn recount(&self) {
        for &id in self.live.keys() {
            // SAFETY: these code objects live.
            unsafe { clinker_recount(id as *const c_void, self.period()) };
        }
    }

    fn compile_now(&mut self, id: usize, offset: u32) -> Result<(), String> {
        self.admit(id)?;
        let by_itself = self.options.mode != Mode::Manual;
        let Client { live, compiler, .. } = self;
        let (Some(live), Some(compiler)) = (live.get_mut(&id), compiler) else {
            return Err("the compiler does not know the code object".into());
        };
        live.wanted = true;
        if !by_itself {
            // When guesses are dropped, it has to become hot again.
            // SAFETY: the code object lives.
            unsafe { clinker_recount(id as *const c_void, WANTED_PERIOD) };
        }
        let place = start(offset);
        compiler.compile(id, live.code, place, Wish::Forced)?;
        self.installed(id);
        Ok(())
    }

    /// Whether a code object may be compiled.
    pub fn admit(&self, id: usize) -> Result<(), String> {
        let live = self.live.get(&id);
        let live = live.ok_or("the compiler does not know the code object")?;
        if live.suppressed {
            return Err("it is suppressed".into());
        }
        if !self.options.filter.is_empty()
            && !self.options.filter.admits(&live.code.place(self.text))
        {
            return Err(EXCLUDED.into());
        }
        Ok(())
    }

    fn exits(&mut self) -> Vec<Exit> {
        let mut rows = Vec::new();
        let Some(compiler) = &mut self.compiler else {
            return rows;
        };
        for (&id, &Live { code, .. }) in &self.live {
            let place = code.place(self.text);
            for (offset, news) in compiler.of(id).news() {
                rows.push(Exit {
                    name: place.name.clone(),
                    file: place.file.clone(),
                    line: (self.line)(id as *const c_void, 2 * offset as c_int),
                    opcode: code.opcode(offset),
                    count: news,
                });
            }
        }
        rows.sort_by(|one, other| {
            (&one.file, one.line, &one.name).cmp(&(&other.file, other.line, &other.name))
        });
        rows
    }
}

/// Where a function starts, by its `RESUME`.
pub fn start(offset: u32) -> Place {
    Place {
        offset,
        depth: 0,
        is_loop: false,
    }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_source(name: *const c_char, length: *mut usize) -> *const c_char {
    // SAFETY: the caller hands over a string that is terminated by a zero.
    let name = unsafe { CStr::from_ptr(name) };
    let found = SOURCES
        .iter()
        .find(|(known, _)| name.to_bytes() == known.as_bytes());
    let Some((_, source)) = found else {
        return std::ptr::null();
    };
    // SAFETY: the caller hands over the address of a number.
    unsafe { *length = source.len() };
    source.as_ptr().cast()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_prepare(auto: c_int, error: *mut c_char, capacity: usize) -> c_int {
    let prepared = client::with(|client| {
        client.prepare(auto != 0);
        Some(Ok(()))
    });
    // SAFETY: the caller hands over room for `capacity` bytes, which is not empty.
    unsafe { status(answer(prepared), error, capacity) }
}

/// What a call gave; nothing if the client is gone.
fn answer<T>(result: Option<Result<T, String>>) -> Result<T, String> {
    result.unwrap_or_else(|| Err("the compiler has been turned off".into()))
}

#[unsafe(no_mangle)]
extern "C" fn clinker_pause(value: c_int) -> c_int {
    client::with(|client| std::mem::replace(&mut client.paused, value != 0)).into()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_is_paused() -> c_int {
    client::with(|client| client.paused).into()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_set_period(period: u32) {
    client::with(|client| {
        client.options.after = Some(period);
        client.recount();
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_compiles_by_itself() -> c_int {
    client::with(|client| !matches!(client.options.mode, Mode::Count | Mode::Manual)).into()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_compile(
    code: *const c_void,
    offset: u32,
    error: *mut c_char,
    capacity: usize,
) -> c_int {
    let result = client::with(|client| Some(client.compile_now(code as usize, offset)));
    // SAFETY: the caller hands over room for `capacity` bytes, which is not empty.
    unsafe { status(answer(result), error, capacity) }
}

#[unsafe(no_mangle)]
extern "C" fn clinker_want(code: *const c_void) -> c_int {
    client::with(|client| {
        let admitted = client.admit(code as usize).is_ok();
        if let Some(live) = client.live.get_mut(&(code as usize)) {
            live.wanted = admitted;
        }
        admitted
    })
    .into()
}

#[unsafe(no_mangle)]
extern "C" fn clinker_suppress(code: *const c_void, value: c_int) {
    client::with(|client| {
        if let Some(live) = client.live.get_mut(&(code as usize)) {
            live.suppressed = value != 0;
        }
        if let (true, Some(compiler)) = (value != 0, &mut client.compiler) {
            compiler.drop_pending(code as usize);
            compiler.of(code as usize).let_calls_enter(false);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_forget(code: *const c_void) {
    client::with(|client| {
        if let Some(compiler) = &mut client.compiler {
            compiler.forget(code as usize);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_live(index: usize) -> *const c_void {
    let find = |client: &mut Client| client.live.keys().nth(index).copied();
    client::with(find).map_or(std::ptr::null(), |id| id as *const c_void)
}

#[unsafe(no_mangle)]
extern "C" fn clinker_detach_all() {
    client::with(|client| {
        for &id in client.live.keys() {
            if let Some(compiler) = &mut client.compiler {
                compiler.drop_pending(id);
                compiler.of(id).let_calls_enter(false);
            }
            // SAFETY: these code objects live.
            unsafe { _PyEvalHooks_RemoveEntries(id as *const c_void) };
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn clinker_attach_all() {
    client::with(|client| {
        let Some(compiler) = &mut client.compiler else {
            return;
        };
        for (&id, live) in &client.live {
            if live.suppressed {
                continue;
            }
            compiler.of(id).let_calls_enter(true);
            for unit in compiler.current(id) {
                for offset in unit.offsets() {
                    // SAFETY: the code object and its machine code live.
                    unsafe {
                        _PyEvalHooks_InstallEntry(
                            id as *const c_void,
                            offset as c_int,
                            unit.machine.address().cast(),
                        )
                    };
                }
            }
        }
    });
}

/// The machine code of a code object: that of the unit of an index, counted among those that are entered.
#[unsafe(no_mangle)]
extern "C" fn clinker_native_code(
    code: *const c_void,
    index: usize,
    offset: *mut u32,
    size: *mut usize,
) -> *const u8 {
    let id = code as usize;
    let found = client::with(|client| {
        let units = &client.compiler.as_mut()?.of(id).units;
        let unit = units.iter().filter(|unit| unit.is_entered(id)).nth(index)?;
        Some((
            unit.place.offset,
            unit.machine.size(),
            unit.machine.address() as usize,
        ))
    });
    let Some((at, bytes, address)) = found else {
        return std::ptr::null();
    };
    // SAFETY: the caller hands over the addresses of two numbers.
    unsafe {
        *offset = at;
        *size = bytes;
    }
    address as *const u8
}

#[unsafe(no_mangle)]
extern "C" fn clinker_microseconds(code: *const c_void) -> u64 {
    client::with(|client| match &mut client.compiler {
        None => 0,
        Some(compiler) if code.is_null() => compiler.counts().microseconds,
        Some(compiler) => compiler.of(code as usize).microseconds,
    })
}

/// Hands a text over.
pub fn pour(text: &str, sink: Sink, context: *mut c_void) {
    sink(context, text.as_ptr().cast(), text.len());
}

#[unsafe(no_mangle)]
extern "C" fn clinker_statistics(sink: Sink, context: *mut c_void) {
    let text = client::with(|client| client.statistics().ok());
    pour(text.as_deref().unwrap_or("null"), sink, context);
}

#[unsafe(no_mangle)]
extern "C" fn clinker_exits(sink: Sink, context: *mut c_void) {
    let text = client::with(|client| serde_json::to_string(&client.exits()).ok());
    pour(text.as_deref().unwrap_or("[]"), sink, context);
}

#[unsafe(no_mangle)]
extern "C" fn clinker_hir(code: *const c_void, offset: u32, sink: Sink, context: *mut c_void) {
    let id = code as usize;
    let text = client::with(|client| {
        let code = client.live.get(&id)?.code;
        let compiler = client.compiler.as_mut()?;
        let job = compiler.preview(id, code, start(offset), Wish::Forced);
        let represented = job.and_then(|job| job.represent(|_, _| ()));
        Some(represented.map_or_else(|reason| reason, |function| function.to_string()))
    });
    pour(text.as_deref().unwrap_or_default(), sink, context);
}
