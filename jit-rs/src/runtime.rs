//! Addresses of the C side that machine code holds.

use crate::hir::{Helper, Type};
use crate::layout;
use rustc_hash::FxHashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::LazyLock;

unsafe extern "C" {
    fn clinker_helper(name: *const c_char) -> *const c_void;
    fn clinker_helper_at(index: usize, name: *mut *const c_char) -> *const c_void;
    fn clinker_class(kind: c_int) -> *const c_void;
    fn clinker_object(which: c_int) -> *const c_void;
    fn clinker_uncompiled(count: c_int) -> *const c_void;
    fn clinker_c_recursion_limit() -> c_int;
}

/// The addresses of the helpers that exist: the C side compares a name with all that it has.
static HELPERS: LazyLock<FxHashMap<&'static str, u64>> = LazyLock::new(|| {
    let names = Helper::ALL.iter().map(|helper| helper.name());
    names.filter_map(|name| Some((name, find(name)?))).collect()
});

/// The address of a function of `src/c/`, by its name without `clinker_`.
///
/// # Panics
/// If there is none: [`check`] has made sure that helpers exist.
pub fn helper(name: &str) -> u64 {
    let known = HELPERS.get(name).copied();
    known
        .or_else(|| find(name))
        .unwrap_or_else(|| panic!("the C side has no clinker_{name}"))
}

fn find(name: &str) -> Option<u64> {
    let name = CString::new(name).ok()?;
    // SAFETY: the function compares the name with those it knows.
    let address = unsafe { clinker_helper(name.as_ptr()) };
    (!address.is_null()).then_some(address as u64)
}

/// The functions of `src/c/` that machine code calls, with their addresses.
pub fn helpers() -> impl Iterator<Item = (u64, String)> {
    (0..).map_while(|index| {
        let mut name = std::ptr::null();
        // SAFETY: the function sets the name, to a string that stays, if it gives an address.
        unsafe {
            let address = clinker_helper_at(index, &mut name);
            (!address.is_null()).then(|| {
                let name = CStr::from_ptr(name).to_string_lossy();
                (address as u64, format!("clinker_{name}"))
            })
        }
    })
}

/// Checks that all helpers exist.
///
/// # Errors
/// Names one that does not.
pub fn check() -> Result<(), String> {
    match Helper::ALL
        .iter()
        .find(|helper| !HELPERS.contains_key(helper.name()))
    {
        Some(helper) => Err(format!("the archive lacks clinker_{}", helper.name())),
        None => Ok(()),
    }
}

/// The class that a type stands for.
///
/// # Panics
/// If it does not stand for one.
pub fn class(ty: Type) -> u64 {
    // SAFETY: the function looks into a table.
    let class = unsafe { clinker_class(ty.bit()) };
    assert!(!class.is_null(), "{ty} stands for no class");
    class as u64
}

fn object(which: c_int) -> u64 {
    // SAFETY: the callers below pass the numbers that the function knows.
    unsafe { clinker_object(which) as u64 }
}

/// None.
pub fn none() -> u64 {
    object(0)
}

/// True.
pub fn true_object() -> u64 {
    object(1)
}

/// False.
pub fn false_object() -> u64 {
    object(2)
}

/// `AssertionError`.
pub fn assertion_error() -> u64 {
    object(3)
}

/// `list.append`.
pub fn list_append() -> u64 {
    object(4)
}

/// `len`.
pub fn len() -> u64 {
    object(7)
}

/// `isinstance`.
pub fn isinstance() -> u64 {
    object(8)
}

/// `type`.
pub fn type_class() -> u64 {
    object(9)
}

/// The name `super`.
pub fn super_name() -> u64 {
    object(12)
}

/// The method definition of `next`, or 0.
pub fn next_method() -> u64 {
    object(17)
}

/// The name of an exception that handlers drop, by its number: `enum clinker_quiet`.
pub fn quiet_name(quiet: usize) -> u64 {
    assert!(quiet < layout::QUIETS);
    object((layout::QUIET_NAMES + quiet) as c_int)
}

/// What is in the place of an item that was removed from a set.
pub fn set_dummy() -> u64 {
    object(14)
}

/// The first of the strings of one ASCII character.
pub fn ascii() -> u64 {
    object(15)
}

/// The tuple without items, which is immortal.
pub fn empty_tuple() -> u64 {
    object(18)
}

/// `types.BuiltinFunctionType`.
pub fn builtin_class() -> u64 {
    object(11)
}

/// `types.MethodDescriptorType`.
pub fn descriptor_class() -> u64 {
    object(16)
}

/// `types.MethodType`.
pub fn method_class() -> u64 {
    object(10)
}

/// `NotImplemented`.
pub fn not_implemented() -> u64 {
    object(13)
}

/// What is called with so many arguments in place of native code that cannot be entered, as that code would be: the calling frame, the
/// function, the thread state, and the arguments.
///
/// # Panics
/// If they are more than [`layout::MAX_DIRECT`].
pub fn uncompiled(arguments: usize) -> u64 {
    assert!(arguments <= layout::MAX_DIRECT, "too many arguments");
    // SAFETY: the function looks into a table that has so many.
    unsafe { clinker_uncompiled(arguments as c_int) as u64 }
}

/// How deep C code may call itself: `Py_C_RECURSION_LIMIT`.
pub fn c_recursion_limit() -> i32 {
    // SAFETY: the function gives a constant.
    unsafe { clinker_c_recursion_limit() }
}

/// The variable where the runtime leaves what a function returns to native code.
pub fn returned() -> u64 {
    object(6)
}

/// The first of the small ints.
pub fn small_ints() -> u64 {
    object(5)
}
