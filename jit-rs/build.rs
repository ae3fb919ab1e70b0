//! Reads the layouts of the CPython that the archive is built for. Its C side is compiled by CPython's own make, see `c.mk`.
//!
//! `CLINKER_INCLUDE` names the header directories of a configured CPython. Without headers (`cargo test`, `cargo clippy`)
//! only the parts that do not touch the interpreter are compiled.

use object::{Object, ObjectSection, ObjectSymbol};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Bytes of a name, and of a whole entry, of `clinker_layout` in `src/c/layout.c`.
const NAME: usize = 56;
const ENTRY: usize = 64;

/// Headers in the place of those that a CPython without hooks does not have.
const STOCK: &str = "src/stock";

/// The probe, and the headers of ours that it includes.
const PROBE: &str = "src/c/layout.c";
const HEADERS: [&str; 4] = [
    "include/clinker.h",
    "src/c/iterators.h",
    "src/c/runtime.h",
    "src/stock/pycore_evalhooks.h",
];

fn main() {
    println!("cargo::rerun-if-env-changed=CLINKER_INCLUDE");
    println!("cargo::rerun-if-changed={PROBE}");
    for header in HEADERS {
        println!("cargo::rerun-if-changed={header}");
    }
    let Some(include) = std::env::var_os("CLINKER_INCLUDE") else {
        return;
    };
    let include: Vec<PathBuf> = std::env::split_paths(&include).collect();
    for folder in &include {
        // The layouts are those of all headers: a structure changes with those in it. The build tree has one, and much else.
        let header = folder.join("pyconfig.h");
        let watched = if header.exists() { &header } else { folder };
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!("cargo::rustc-cfg=clinker_headers");
    let layout = probe(&include);
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("layout.rs"), layout).expect("OUT_DIR can be written");
    std::fs::write(out.join("opcode.rs"), opcodes(&include)).expect("OUT_DIR can be written");
}

/// Turns `opcode_ids.h` into Rust constants.
fn opcodes(include: &[PathBuf]) -> String {
    let header = include
        .iter()
        .map(|folder| folder.join("opcode_ids.h"))
        .find(|header| header.exists())
        .expect("the headers of CPython include opcode_ids.h");
    let header = std::fs::read_to_string(header).expect("the header can be read");
    let mut constants = String::new();
    let mut names = String::new();
    for line in header.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["#define", name, number] = words[..]
            && let Ok(number) = number.parse::<u8>()
        {
            writeln!(constants, "pub const {name}: u8 = {number};").expect("writing to a string");
            if name != "HAVE_ARGUMENT" && name != "MIN_INSTRUMENTED_OPCODE" {
                writeln!(names, "    ({number}, {name:?}),").expect("writing to a string");
            }
        }
    }
    format!("{constants}const NAMES: &[(u8, &str)] = &[\n{names}];\n")
}

/// Compiles the probe and turns the table in its object file into Rust constants.
fn probe(include: &[PathBuf]) -> String {
    let objects = cc::Build::new()
        .includes(include)
        .include("include")
        // After those of the interpreter.
        .include(STOCK)
        .define("Py_BUILD_CORE", None)
        .std("c11")
        .warnings(false)
        .file(PROBE)
        .compile_intermediates();
    let table = table(&objects[0]);
    let mut text = String::new();
    for entry in table.chunks_exact(ENTRY) {
        let name = entry[..NAME].split(|&byte| byte == 0).next().unwrap_or(b"");
        let name = std::str::from_utf8(name).expect("names are ASCII");
        let value = u64::from_ne_bytes(entry[NAME..].try_into().expect("eight bytes"));
        writeln!(text, "pub const {name}: usize = {value};").expect("writing to a string");
    }
    text
}

fn table(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).expect("the compiler wrote the object file");
    let object = object::File::parse(&*bytes).expect("the compiler writes object files");
    let symbol = object
        .symbols()
        .find(|symbol| {
            symbol
                .name()
                .is_ok_and(|name| name.trim_start_matches('_') == "clinker_layout")
        })
        .expect("src/c/layout.c defines clinker_layout");
    let section = symbol.section_index().expect("the table is in a section");
    let section = object
        .section_by_index(section)
        .expect("the section exists");
    let data = section.data().expect("the section has data");
    let start = symbol.address() as usize;
    data[start..start + symbol.size() as usize].to_vec()
}
