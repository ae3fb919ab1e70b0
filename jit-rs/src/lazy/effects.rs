//! The states of the interpreter that the import of a module can change, and others rely on.

/// Their names, in the order in which `src/c/lazy.c` reads them.
pub const NAMES: [&str; 12] = [
    "sys.path",
    "sys.meta_path",
    "sys.path_hooks",
    "warnings.filters",
    "builtins",
    "codecs.register",
    "atexit.register",
    "signal.signal",
    "logging",
    "copyreg",
    "sys.hooks",
    "os.environ",
];

/// The numbers that stand for them at one moment.
pub type State = [u64; NAMES.len()];

/// The states that differ.
pub fn changes(before: &State, after: &State) -> impl Iterator<Item = &'static str> {
    let pairs = before.iter().zip(after).zip(NAMES);
    pairs
        .filter(|((before, after), _)| before != after)
        .map(|(_, name)| name)
        .collect::<Vec<_>>()
        .into_iter()
}
