//! The bytecode, with what the compiler knows of each instruction.

use crate::feedback::Form;
use crate::hir::Type;
use crate::history::History;
use crate::opcode;
use crate::snapshot::{self, Code};
use serde::Serialize;

/// An instruction.
#[derive(Serialize)]
pub struct Instruction {
    start: u32,
    offset: u32,
    opcode: &'static str,
    specialized: &'static str,
    /// The words of the inline cache.
    cache: Vec<u16>,
    /// Whether it has not been executed often enough to be specialized.
    unseen: bool,
    notes: Vec<String>,
}

/// The instructions of a code object, of which a history is known. `name` tells that of others.
pub fn instructions(
    code: &Code,
    history: &History,
    name: &impl Fn(u64) -> String,
) -> Vec<Instruction> {
    let instructions = code.instructions.iter();
    let one = |instruction: &snapshot::Instruction| Instruction {
        start: instruction.start,
        offset: instruction.offset,
        opcode: opcode::name(instruction.opcode),
        specialized: opcode::name(instruction.specialized),
        cache: code.units[instruction.offset as usize + 1..instruction.next as usize].into(),
        unseen: code.is_unseen(instruction),
        notes: notes(code, history, instruction, name),
    };
    instructions.map(one).collect()
}

fn notes(
    code: &Code,
    history: &History,
    instruction: &snapshot::Instruction,
    name: &impl Fn(u64) -> String,
) -> Vec<String> {
    let mut notes = Vec::new();
    let (start, offset) = (instruction.start, instruction.offset);
    let feedback = &code.feedback;
    if let Some(types) = feedback.seen.get(&offset) {
        let types = types.iter().filter(|&&ty| ty != Type::NEVER);
        let types: Vec<String> = types.map(ToString::to_string).collect();
        notes.push(format!("operands seen: {}", types.join(", ")));
    }
    if let Some(call) = feedback.math.get(&offset) {
        notes.push(format!("calls math.{:?}", call.function).to_lowercase());
    }
    if let Some(call) = feedback.classes.get(&offset) {
        let (class, init) = (call.class, call.version);
        notes.push(format!(
            "makes an object of the class of version {class}, whose __init__ has version {init}"
        ));
    }
    if let Some(version) = feedback.specials.get(&offset) {
        notes.push(format!("calls a special method of version {version}"));
    }
    if matches!(instruction.opcode, opcode::LOAD_ATTR | opcode::STORE_ATTR) {
        notes.extend(code.forms(instruction).iter().map(form));
    }
    if let Some(callee) = code.callees.get(&start) {
        let how = if code.inlinees.contains_key(&start) {
            ", which may be executed in place of the call"
        } else {
            ""
        };
        notes.push(format!("calls {}{how}", name(callee.code)));
    }
    if let Some(times) = history.refuted.get(&start) {
        let times = if *times == 1 {
            "once".into()
        } else {
            format!("{times} times")
        };
        notes.push(format!("guesses were wrong too often: dropped {times}"));
    }
    if history.unexpected.contains(&start) {
        notes.push("variables were guessed wrong too often: not guessed".into());
    }
    notes
}

fn form(form: &Form) -> String {
    let mut text = format!(
        "form {}: type version {}",
        opcode::name(form.opcode),
        form.version
    );
    let parts = [
        ("index", u64::from(form.index)),
        ("keys version", form.keys.into()),
    ];
    for (what, value) in parts {
        if value != 0 {
            text += &format!(", {what} {value}");
        }
    }
    if form.value != 0 {
        text += &format!(", value at {:#x}", form.value);
    }
    text
}
