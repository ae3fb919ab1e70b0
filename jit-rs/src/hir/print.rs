//! The textual form, for people and golden tests.

use super::{
    Block, CallKind, End, FrameState, Function, Inlined, Inst, Leave, Op, Rep, Type, Value,
};
use std::fmt;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Display for Rep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "object",
            Self::Int => "i64",
            Self::Float => "f64",
            Self::Bool => "i1",
        })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(address) => write!(f, "Object({address:#x})"),
            Self::Cached(address) => write!(f, "Cached({address:#x})"),
            Self::GuardNamespace(builtins, address) => {
                write!(f, "GuardNamespace({builtins}, {address:#x})")
            }
            Self::GuardBuiltin(method) => write!(f, "GuardBuiltin({method:#x})"),
            Self::Float(bits) => write!(f, "Float({:?})", f64::from_bits(*bits)),
            Self::StoreLocal(slot, ty) => write!(f, "StoreLocal({slot}, {ty})"),
            Self::DeleteLocal(slot, ty) => write!(f, "DeleteLocal({slot}, {ty})"),
            Self::GuardType(ty) => write!(f, "GuardType({ty})"),
            Self::DecRef(ty) => write!(f, "DecRef({ty})"),
            Self::Call(helper, number) => write!(f, "Call({}, {number:#x})", helper.name()),
            op => write!(f, "{op:?}"),
        }
    }
}

/// Values, separated by commas.
struct List<'a>(&'a [Value]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for value in self.0 {
            write!(f, "{separator}{value}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for FrameState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} [{}]", self.offset, List(&self.stack))?;
        for (slot, value) in &self.dirty {
            write!(f, " {slot}={value}")?;
        }
        for (slot, bound) in &self.unsure {
            write!(f, " {slot} if {bound}")?;
        }
        for inlined in &self.inlined {
            let Inlined {
                callee,
                base,
                offset,
                call,
                kind,
            } = inlined;
            match kind {
                CallKind::Call => write!(f, " in")?,
                CallKind::Class => write!(f, " init")?,
                CallKind::Operator(number) => write!(f, " operator:{number}")?,
            }
            write!(f, " {callee}@{offset}/{call} from {base}")?;
        }
        for tuple in &self.tuples {
            let places: Vec<String> = tuple.places.iter().map(u32::to_string).collect();
            write!(f, " tuple {}=({})", places.join("="), List(&tuple.items))?;
        }
        for object in &self.objects {
            write!(f, " object {}={}(", object.value, object.class)?;
            for (index, (offset, value)) in object.fields.iter().enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                write!(f, "{comma}{offset}:{value}")?;
            }
            write!(f, ")")?;
        }
        if self.is_edge {
            write!(f, " edge")?;
        }
        Ok(())
    }
}

impl fmt::Display for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.take.is_empty() {
            write!(f, " take {}", List(&self.take))?;
        }
        if !self.drop.is_empty() {
            write!(f, " drop {}", List(&self.drop))?;
        }
        Ok(())
    }
}

impl Function {
    fn defined(&self, value: Value) -> String {
        match (self.rep(value), self.ty(value)) {
            (Rep::Object, Type::OBJECT) => format!("{value}"),
            (Rep::Object, ty) => format!("{value}: {ty}"),
            (rep, _) => format!("{value}: {rep}"),
        }
    }

    fn inst(&self, f: &mut fmt::Formatter<'_>, inst: &Inst) -> fmt::Result {
        f.write_str("    ")?;
        if let Some(result) = inst.result {
            write!(f, "{} = ", self.defined(result))?;
        }
        write!(f, "{}", inst.op)?;
        if !inst.args.is_empty() {
            write!(f, " {}", List(&inst.args))?;
        }
        if let Some(state) = inst.state {
            write!(f, " {}", self.state(state))?;
        }
        writeln!(f, "{}", inst.leave)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, block) in self.blocks.iter().enumerate() {
            let params: Vec<String> = block.params.iter().map(|&v| self.defined(v)).collect();
            write!(f, "{}({})", Block(index as u32), params.join(", "))?;
            if let Some(handler) = block.handler {
                write!(f, " handles {} at {}", handler.offset, handler.depth)?;
                f.write_str(if handler.lasti { " lasti" } else { "" })?;
            }
            writeln!(f, ":")?;
            for inst in &block.insts {
                self.inst(f, inst)?;
            }
            match &block.end {
                End::Jump(target, args) => writeln!(f, "    Jump {target}({})", List(args))?,
                End::Branch(value, yes, no) => writeln!(f, "    Branch {value}, {yes}, {no}")?,
                End::Exit(state, leave) => writeln!(f, "    Exit {}{leave}", self.state(*state))?,
                End::Reraise(state, leave) => {
                    writeln!(f, "    Reraise {}{leave}", self.state(*state))?;
                }
                End::Return(value, slots) => {
                    write!(f, "    Return {value}")?;
                    for (slot, ty) in slots {
                        write!(f, " {slot}: {ty}")?;
                    }
                    writeln!(f)?;
                }
                End::Yield(end) => {
                    let how = if end.delegates { "YieldFrom" } else { "Yield" };
                    let (at, stack) = (end.offset, List(&end.stack));
                    writeln!(f, "    {how} {} @{at} [{stack}]", end.value)?;
                }
                End::Enter(resumes, other) => {
                    write!(f, "    Enter")?;
                    for (offset, block) in resumes {
                        write!(f, " @{offset} {block}")?;
                    }
                    writeln!(f, " {other}")?;
                }
                End::Unreachable => writeln!(f, "    Unreachable")?,
            }
        }
        Ok(())
    }
}
