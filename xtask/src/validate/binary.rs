//! Compares the dynamic symbols and needed libraries of two interpreters.

use super::Check;
use crate::build::{Built, archive};
use crate::error::{Context, Result};
use crate::readelf::readelf;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::path::Path;

/// Libraries that come with the C library and compiler.
const SYSTEM: &[&str] = &[
    "libc.so",
    "libm.so",
    "libpthread.so",
    "libdl.so",
    "librt.so",
    "libgcc_s.so",
    "ld-linux",
];

/// The checks of the executable.
pub fn checks(built: &Built, pristine: &Built) -> Vec<Check> {
    let symbols = dynamic_symbols(&built.python);
    vec![
        Check::made("no Rust symbol", symbols.map(|symbols| no_rust(&symbols))),
        Check::made("exported symbols", exported(built, pristine)),
        Check::made("needed libraries", needed(built, pristine)),
    ]
}

fn no_rust(symbols: &BTreeSet<String>) -> Check {
    let rust: Vec<_> = symbols
        .iter()
        .filter(|name| is_rust(name))
        .cloned()
        .collect();
    Check::of(
        "no Rust symbol",
        &rust,
        format!("none of {} dynamic symbols", symbols.len()),
    )
}

/// Whether a symbol is mangled by Rust (legacy names end in a hash) or belongs to its runtime.
fn is_rust(name: &str) -> bool {
    let hash = name
        .strip_suffix('E')
        .and_then(|name| name.rsplit_once("17h"))
        .map(|(_, hash)| hash);
    let legacy = name.starts_with("_ZN")
        && hash.is_some_and(|hash| {
            hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    legacy || name.starts_with("_R") || name.starts_with("rust_") || name.starts_with("__rust")
}

/// Every symbol of the pristine build is still exported; what is exported besides is declared in a header.
fn exported(built: &Built, pristine: &Built) -> Result<Check> {
    let ours = dynamic_symbols(&built.python)?;
    let stock = dynamic_symbols(&pristine.python)?;
    let mut problems: Vec<_> = stock
        .difference(&ours)
        .map(|name| format!("{name} is gone"))
        .collect();
    let added: Vec<_> = ours.difference(&stock).collect();
    let declared = words_of_headers(&built.source_tree.join("Include"))?;
    let undeclared = added
        .iter()
        .filter(|name| !declared.contains(**name) && !archive::SYMBOLS.contains(&name.as_str()));
    problems.extend(undeclared.map(|name| format!("{name} is declared in no header")));
    let names: Vec<_> = added.iter().map(|name| name.as_str()).collect();
    let found = match names.len() {
        0 => "the same as pristine".into(),
        count => format!("{count} more than pristine: {}", names.join(" ")),
    };
    Ok(Check::of("exported symbols", &problems, found))
}

/// Symbols that an executable defines for others.
fn dynamic_symbols(file: &Path) -> Result<BTreeSet<String>> {
    let data = std::fs::read(file).doing("read", file)?;
    let elf = object::File::parse(data.as_slice()).doing("read the symbols of", file)?;
    let defined = elf
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition());
    Ok(defined
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .collect())
}

fn words_of_headers(folder: &Path) -> Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.doing("list", folder)?;
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "h")
        {
            let text = std::fs::read(entry.path()).doing("read", entry.path())?;
            let text = String::from_utf8_lossy(&text);
            let split = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            words.extend(split.map(str::to_owned));
        }
    }
    Ok(words)
}

fn needed(built: &Built, pristine: &Built) -> Result<Check> {
    let ours = needed_libraries(&built.python)?;
    let stock = needed_libraries(&pristine.python)?;
    let foreign = |name: &&String| !SYSTEM.iter().any(|system| name.starts_with(system));
    let problems: Vec<_> = ours
        .difference(&stock)
        .filter(foreign)
        .map(|name| format!("needs {name}"))
        .collect();
    let names: Vec<_> = ours.iter().map(String::as_str).collect();
    Ok(Check::of("needed libraries", &problems, names.join(" ")))
}

fn needed_libraries(file: &Path) -> Result<BTreeSet<String>> {
    let text = readelf(&["-dW"], file)?;
    let lines = text.lines().filter(|line| line.contains("(NEEDED)"));
    let names =
        lines.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()));
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::is_rust;

    #[test]
    fn knows_rust_symbols_from_those_of_c() {
        assert!(is_rust("_ZN4core9panicking5panic17h0123456789abcdefE"));
        assert!(is_rust("_RNvCs1_4test"));
        assert!(is_rust("rust_eh_personality"));
        assert!(!is_rust("PyObject_Call"));
        assert!(!is_rust("_Py_Dealloc"));
        assert!(!is_rust("_ZN3foo3barEv"));
    }
}
