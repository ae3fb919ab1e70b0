//! Reads the textual form that `print.rs` writes, so that tests of passes are text.

use crate::exceptions::Handler;

use super::{
    Block, CallKind, Comparison, Convention, Element, End, FloatOp, FrameState, Function, Helper,
    Inlined, Inst, IntOp, Leave, Math, Object, Op, Rep, State, Tuple, Type, Value, Yield,
};

/// Reads a function.
///
/// # Errors
/// Names the line that is not understood, and why. What is read may still be wrong: see [`super::verify`].
pub fn parse(text: &str) -> Result<Function, String> {
    let mut parser = Parser::default();
    for (index, line) in text.lines().enumerate() {
        let words = line.trim();
        if !words.is_empty() {
            parser
                .line(words)
                .map_err(|error| format!("line {}: {error}", index + 1))?;
        }
    }
    Ok(parser.function)
}

#[derive(Default)]
struct Parser {
    function: Function,
}

/// What is left of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Takes a prefix, if it comes next.
    fn take(&mut self, prefix: &str) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, prefix: &str) -> Result<(), String> {
        if self.take(prefix) {
            Ok(())
        } else {
            Err(format!("`{prefix}` should come before `{}`", self.0))
        }
    }

    /// Takes characters as long as they fulfill a condition.
    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !belongs(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn number(&mut self) -> Result<u32, String> {
        let digits = self.word(|c| c.is_ascii_digit());
        number(digits)
    }

    fn value(&mut self) -> Result<Value, String> {
        self.expect("v")?;
        Ok(Value(self.number()?))
    }

    fn block(&mut self) -> Result<Block, String> {
        self.expect("b")?;
        Ok(Block(self.number()?))
    }

    /// The end of a block that suspends the frame.
    fn suspension(&mut self, delegates: bool) -> Result<Yield, String> {
        let value = self.value()?;
        self.expect(" @")?;
        let offset = self.number()?;
        self.expect(" [")?;
        let stack = self.values()?;
        self.expect("]")?;
        Ok(Yield {
            value,
            stack,
            offset,
            delegates,
        })
    }

    /// Values, separated by commas; may be none.
    fn values(&mut self) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        while self.0.starts_with('v') {
            values.push(self.value()?);
            if !self.take(", ") {
                break;
            }
        }
        Ok(values)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` should be a number"))
}

fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or("");
    u64::from_str_radix(digits, 16).map_err(|_| format!("`{text}` should be a number like 0x10"))
}

fn ty(text: &str) -> Result<Type, String> {
    Type::named(text).ok_or_else(|| format!("`{text}` is no type"))
}

/// The one of some that is written like that.
fn one_of<T: Copy + std::fmt::Debug>(all: &[T], text: &str) -> Result<T, String> {
    all.iter()
        .copied()
        .find(|one| format!("{one:?}") == text)
        .ok_or_else(|| format!("`{text}` is not known"))
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut rest = Rest(line);
        if line.ends_with(':') && line.starts_with('b') {
            return self.head(&mut rest);
        }
        if self.function.blocks.is_empty() {
            return Err("a block should begin first".into());
        }
        if let Some(end) = self.end(&mut rest)? {
            self.last().end = end;
            return Ok(());
        }
        let inst = self.inst(&mut rest)?;
        self.last().insts.push(inst);
        Ok(())
    }

    fn last(&mut self) -> &mut super::BlockData {
        self.function.blocks.last_mut().expect("a block has begun")
    }

    /// The name and the parameters of a block.
    fn head(&mut self, rest: &mut Rest) -> Result<(), String> {
        let block = rest.block()?;
        if block != self.function.block() {
            return Err(format!("blocks should be numbered in order, not {block}"));
        }
        rest.expect("(")?;
        while rest.0.starts_with('v') {
            let param = self.defined(rest)?;
            self.last().params.push(param);
            rest.take(", ");
        }
        rest.expect(")")?;
        if rest.take(" handles ") {
            let offset = rest.number()?;
            rest.expect(" at ")?;
            self.last().handler = Some(Handler {
                offset,
                depth: rest.number()?,
                lasti: rest.take(" lasti"),
            });
        }
        rest.expect(":")
    }

    /// A value with its representation or type.
    fn defined(&mut self, rest: &mut Rest) -> Result<Value, String> {
        let value = rest.value()?;
        let (rep, known) = if rest.take(": ") {
            let word = rest.word(|c| c.is_alphanumeric() || "_|".contains(c));
            match word {
                "i64" => (Rep::Int, Type::NEVER),
                "f64" => (Rep::Float, Type::NEVER),
                "i1" => (Rep::Bool, Type::NEVER),
                word => (Rep::Object, ty(word)?),
            }
        } else {
            (Rep::Object, Type::OBJECT)
        };
        let index = value.0 as usize;
        if self.function.values.len() <= index {
            let unknown = (Rep::Object, Type::OBJECT);
            self.function.values.resize(index + 1, unknown);
        }
        self.function.values[index] = (rep, known);
        Ok(value)
    }

    fn end(&mut self, rest: &mut Rest) -> Result<Option<End>, String> {
        Ok(Some(if rest.take("Jump ") {
            let target = rest.block()?;
            rest.expect("(")?;
            let values = rest.values()?;
            rest.expect(")")?;
            End::Jump(target, values)
        } else if rest.take("Branch ") {
            let value = rest.value()?;
            rest.expect(", ")?;
            let yes = rest.block()?;
            rest.expect(", ")?;
            End::Branch(value, yes, rest.block()?)
        } else if rest.take("Exit ") {
            let state = self
                .state(rest)?
                .ok_or_else(|| String::from("an exit needs a state"))?;
            End::Exit(state, self.leave(rest)?)
        } else if rest.take("Reraise ") {
            let state = self
                .state(rest)?
                .ok_or_else(|| String::from("raising again needs a state"))?;
            End::Reraise(state, self.leave(rest)?)
        } else if rest.take("Return ") {
            let value = rest.value()?;
            let mut slots = Vec::new();
            while rest.take(" ") {
                let slot = rest.number()?;
                rest.expect(": ")?;
                slots.push((slot, ty(rest.word(|c| c != ' '))?));
            }
            End::Return(value, slots)
        } else if rest.take("YieldFrom ") {
            End::Yield(rest.suspension(true)?)
        } else if rest.take("Yield ") {
            End::Yield(rest.suspension(false)?)
        } else if rest.take("Enter ") {
            let mut resumes = Vec::new();
            while rest.take("@") {
                let offset = rest.number()?;
                rest.expect(" ")?;
                resumes.push((offset, rest.block()?));
                rest.expect(" ")?;
            }
            End::Enter(resumes, rest.block()?)
        } else if rest.take("Unreachable") {
            End::Unreachable
        } else {
            return Ok(None);
        }))
    }

    fn inst(&mut self, rest: &mut Rest) -> Result<Inst, String> {
        let mut result = None;
        if rest.0.starts_with('v') {
            result = Some(self.defined(rest)?);
            rest.expect(" = ")?;
        }
        let name = rest.word(|c| c.is_alphanumeric());
        let operands = if rest.take("(") {
            let operands = rest.word(|c| c != ')');
            rest.expect(")")?;
            operands.split(", ").collect()
        } else {
            Vec::new()
        };
        let op = op(name, &operands)?;
        rest.take(" ");
        let args = rest.values()?;
        rest.take(" ");
        let state = self.state(rest)?;
        let leave = self.leave(rest)?;
        if !rest.0.is_empty() {
            return Err(format!("`{}` is too much", rest.0));
        }
        Ok(Inst {
            op,
            args,
            result,
            state,
            leave,
        })
    }

    fn state(&mut self, rest: &mut Rest) -> Result<Option<State>, String> {
        if !rest.take("@") {
            return Ok(None);
        }
        let offset = rest.number()?;
        rest.expect(" [")?;
        let stack = rest.values()?;
        rest.expect("]")?;
        let (mut dirty, mut unsure) = (Vec::new(), Vec::new());
        while rest.0.starts_with(' ') && rest.0[1..].starts_with(|c: char| c.is_ascii_digit()) {
            rest.take(" ");
            let slot = rest.number()?;
            if rest.take(" if ") {
                unsure.push((slot, rest.value()?));
            } else {
                rest.expect("=")?;
                dirty.push((slot, rest.value()?));
            }
        }
        let mut inlined = Vec::new();
        loop {
            let kind = if rest.take(" in ") {
                CallKind::Call
            } else if rest.take(" init ") {
                CallKind::Class
            } else if rest.take(" operator:") {
                let number = number(rest.word(|c| c.is_ascii_digit()))?;
                rest.expect(" ")?;
                CallKind::Operator(number)
            } else {
                break;
            };
            let callee = rest.number()?;
            rest.expect("@")?;
            let offset = rest.number()?;
            rest.expect("/")?;
            let call = rest.number()?;
            rest.expect(" from ")?;
            inlined.push(Inlined {
                callee,
                base: rest.number()?,
                offset,
                call,
                kind,
            });
        }
        let mut tuples = Vec::new();
        while rest.take(" tuple ") {
            let mut places = vec![rest.number()?];
            rest.expect("=")?;
            while !rest.take("(") {
                places.push(rest.number()?);
                rest.expect("=")?;
            }
            let items = rest.values()?;
            rest.expect(")")?;
            tuples.push(Tuple { places, items });
        }
        let mut objects = Vec::new();
        while rest.take(" object ") {
            let value = rest.value()?;
            rest.expect("=")?;
            let class = rest.value()?;
            rest.expect("(")?;
            let mut fields = Vec::new();
            while !rest.take(")") {
                let offset = rest.number()?;
                rest.expect(":")?;
                fields.push((offset, rest.value()?));
                rest.take(", ");
            }
            objects.push(Object {
                value,
                class,
                fields,
            });
        }
        let is_edge = rest.take(" edge");
        let state = FrameState {
            offset,
            stack,
            dirty,
            unsure,
            inlined,
            tuples,
            objects,
            is_edge,
        };
        let states = &mut self.function.states;
        let known = states.iter().position(|known| *known == state);
        let index = known.unwrap_or_else(|| {
            states.push(state);
            states.len() - 1
        });
        Ok(Some(State(index as u32)))
    }

    fn leave(&mut self, rest: &mut Rest) -> Result<Leave, String> {
        let mut leave = Leave::default();
        if rest.take(" take ") {
            leave.take = rest.values()?;
        }
        if rest.take(" drop ") {
            leave.drop = rest.values()?;
        }
        Ok(leave)
    }
}

fn op(name: &str, operands: &[&str]) -> Result<Op, String> {
    const INTS: [IntOp; 10] = [
        IntOp::Add,
        IntOp::Subtract,
        IntOp::Multiply,
        IntOp::FloorDivide,
        IntOp::Remainder,
        IntOp::And,
        IntOp::Or,
        IntOp::Xor,
        IntOp::LeftShift,
        IntOp::RightShift,
    ];
    const FLOATS: [FloatOp; 5] = [
        FloatOp::Add,
        FloatOp::Subtract,
        FloatOp::Multiply,
        FloatOp::Divide,
        FloatOp::Power,
    ];
    let truth = |text: &str| one_of(&[false, true], text);
    Ok(match (name, operands) {
        ("Null", []) => Op::Null,
        ("Object", [at]) => Op::Object(address(at)?),
        ("Cached", [at]) => Op::Cached(address(at)?),
        ("Int", [value]) => Op::Int(number(value)?),
        ("Float", [value]) => Op::Float(number::<f64>(value)?.to_bits()),
        ("Bool", [value]) => Op::Bool(truth(value)?),
        ("LoadLocal", [slot]) => Op::LoadLocal(number(slot)?),
        ("StoreLocal", [slot, old]) => Op::StoreLocal(number(slot)?, ty(old)?),
        ("TakeLocal", [slot]) => Op::TakeLocal(number(slot)?),
        ("DeleteLocal", [slot, old]) => Op::DeleteLocal(number(slot)?, ty(old)?),
        ("LoadStack", [depth]) => Op::LoadStack(number(depth)?),
        ("TakeStack", [depth]) => Op::TakeStack(number(depth)?),
        ("LoadOperand", [index]) => Op::LoadOperand(number(index)?),
        ("GuardType", [expected]) => Op::GuardType(ty(expected)?),
        ("GuardVersion", [version]) => Op::GuardVersion(number(version)?),
        ("GuardClass", [version]) => Op::GuardClass(number(version)?),
        ("GuardHeapType", []) => Op::GuardHeapType,
        ("Guard", []) => Op::Guard,
        ("GuardKeys", [version]) => Op::GuardKeys(number(version)?),
        ("GuardValues", []) => Op::GuardValues,
        ("GuardNoDict", []) => Op::GuardNoDict,
        ("GuardLazyDict", [offset]) => Op::GuardLazyDict(number(offset)?),
        ("GuardClassKeys", [version]) => Op::GuardClassKeys(number(version)?),
        ("Unmade", []) => Op::Unmade,
        ("GuardSharedKeys", [version]) => Op::GuardSharedKeys(number(version)?),
        ("GuardCStack", []) => Op::GuardCStack,
        ("GuardNoFrameObject", []) => Op::GuardNoFrameObject,
        ("UnboxInt", []) => Op::UnboxInt,
        ("UnboxFloat", []) => Op::UnboxFloat,
        ("UnboxBool", []) => Op::UnboxBool,
        ("BoxInt", []) => Op::BoxInt,
        ("BoxFloat", []) => Op::BoxFloat,
        ("BoxBool", []) => Op::BoxBool,
        ("IntToFloat", []) => Op::IntToFloat,
        ("Renew", []) => Op::Renew,
        ("IntBinary", [operator]) => Op::IntBinary(one_of(&INTS, operator)?),
        ("NumberToFloat", []) => Op::NumberToFloat,
        ("GuardEitherFloat", []) => Op::GuardEitherFloat,
        ("NumberBinary", [operator]) => Op::NumberBinary(one_of(&FLOATS, operator)?),
        ("IntDivide", []) => Op::IntDivide,
        ("IntNegate", []) => Op::IntNegate,
        ("IntCompare", [how]) => Op::IntCompare(one_of(&Comparison::ALL, how)?),
        ("FloatBinary", [operator]) => Op::FloatBinary(one_of(&FLOATS, operator)?),
        ("Math", [function]) => Op::Math(one_of(&Math::ALL, function)?),
        ("GuardBuiltin", [method]) => Op::GuardBuiltin(address(method)?),
        ("FloatNegate", []) => Op::FloatNegate,
        ("FloatCompare", [how]) => Op::FloatCompare(one_of(&Comparison::ALL, how)?),
        ("Not", []) => Op::Not,
        ("Is", []) => Op::Is,
        ("LoadField", [offset]) => Op::LoadField(number(offset)?),
        ("GuardForms", [index]) => Op::GuardForms(number(index)?),
        ("LoadForms", [index]) => Op::LoadForms(number(index)?),
        ("LoadHint", [index]) => Op::LoadHint(number(index)?),
        ("LoadEntry", [index]) => Op::LoadEntry(number(index)?),
        ("LoadWord", [offset]) => Op::LoadWord(number(offset)?),
        ("StoreWord", [offset]) => Op::StoreWord(number(offset)?),
        ("WrappingAdd", []) => Op::WrappingAdd,
        ("GuardNamespace", [builtins, at]) => Op::GuardNamespace(truth(builtins)?, address(at)?),
        ("Namespace", [builtins]) => Op::Namespace(truth(builtins)?),
        ("LoadGlobal", [index]) => Op::LoadGlobal(number(index)?),
        ("ItemIndex", []) => Op::ItemIndex,
        ("ListItem", []) => Op::ListItem,
        ("TupleItem", []) => Op::TupleItem,
        ("SetListItem", []) => Op::SetListItem,
        ("CopyItems", [step]) => Op::CopyItems(number(step)?),
        ("ArrayItem", [element]) => Op::ArrayItem(one_of(&Element::ALL, element)?),
        ("SetArrayItem", [element]) => Op::SetArrayItem(one_of(&Element::ALL, element)?),
        ("SetListFloat", []) => Op::SetListFloat,
        ("PutListFloat", []) => Op::PutListFloat,
        ("Size", []) => Op::Size,
        ("RangeNext", []) => Op::RangeNext,
        ("ListNext", []) => Op::ListNext,
        ("TupleNext", []) => Op::TupleNext,
        ("SyncLocal", [slot]) => Op::SyncLocal(number(slot)?),
        ("LastIndex", []) => Op::LastIndex,
        ("GuardUnshared", []) => Op::GuardUnshared,
        ("LoadCell", []) => Op::LoadCell,
        ("SetInlineValue", [index]) => Op::SetInlineValue(number(index)?),
        ("PutInlineValue", [index]) => Op::PutInlineValue(number(index)?),
        ("PutTupleItem", [index]) => Op::PutTupleItem(number(index)?),
        ("GuardItemReplaceable", []) => Op::GuardItemReplaceable,
        ("PutListItem", []) => Op::PutListItem,
        ("PutField", [offset]) => Op::PutField(number(offset)?),
        ("GuardReplaceable", [offset]) => Op::GuardReplaceable(number(offset)?),
        ("GuardRoom", []) => Op::GuardRoom,
        ("EndInline", []) => Op::EndInline,
        ("SetField", [offset]) => Op::SetField(number(offset)?),
        ("GuardFunction", [version]) => Op::GuardFunction(number(version)?),
        ("CallFunction", [callee]) => Op::CallFunction(number(callee)?),
        ("CallInit", [callee]) => Op::CallInit(number(callee)?),
        ("CallOneOf", [first, count]) => Op::CallOneOf(number(first)?, number(count)?),
        ("BuiltinAddress", [how]) => Op::BuiltinAddress(one_of(&Convention::ALL, how)?),
        ("MethodAddress", [how]) => Op::MethodAddress(one_of(&Convention::ALL, how)?),
        ("MakerAddress", []) => Op::MakerAddress,
        ("CallC", [how, is_bound]) => Op::CallC(one_of(&Convention::ALL, how)?, truth(is_bound)?),
        ("Call", [helper, number]) => {
            let helper = Helper::ALL
                .iter()
                .find(|known| known.name() == *helper)
                .ok_or_else(|| format!("`{helper}` is no helper"))?;
            Op::Call(*helper, address(number)?)
        }
        ("At", [offset]) => Op::At(number(offset)?),
        ("Releases", []) => Op::Releases,
        ("Boundary", []) => Op::Boundary,
        ("Periodic", []) => Op::Periodic,
        ("BackEdge", []) => Op::BackEdge,
        ("IncRef", []) => Op::IncRef,
        ("DecRef", [of]) => Op::DecRef(ty(of)?),
        _ => {
            return Err(format!(
                "`{name}` with {} operands is not known",
                operands.len()
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let text = "\
b0():
    v0: any = LoadStack(0)
    v1 = LoadLocal(2)
    GuardType(int) v1 @3 [v0, v1] 4=v2 take v1 drop v0
    v2: i64 = UnboxInt v1 @3 [v0]
    v3: f64 = Float(-0.0)
    v4: i64 = Int(-5)
    v5: i1 = IntCompare(LessEqual) v2, v4
    Branch v5, b1, b2
b1():
    v6: int|float = Call(binary_op, 0xd) v0, v1 @5 []
    StoreLocal(1, null|str) v6
    v7: float = BoxFloat v3
    Jump b3(v4, v7)
b2():
    Exit @7 [v0] 1=v4 2=v3 take v0
b3(v8: i64, v9: float):
    v10: i1 = Bool(true)
    v11 = Namespace(false)
    GuardKeys(17) v11 @8 []
    v12 = CallInit(0) v0, v1, v9 @9 []
    Return v12 0: any 3: list
b4() handles 57 at 1 lasti:
    v13: any = LoadStack(0)
    Reraise @60 [v13] take v13
b5() handles 9 at 0:
    Unreachable
";
        let function = parse(text).unwrap();
        assert_eq!(function.to_string(), text);
        assert_eq!(function.states.len(), 7);
    }

    #[test]
    fn generators_are_read() {
        let text = "\
b0():
    Enter @2 b2 @11 b3 b1
b1():
    v0: any = LoadStack(0)
    v1: generator = LoadStack(1)
    YieldFrom v1 @7 [v0]
b2():
    v2 = LoadLocal(0)
    Yield v2 @5 []
b3():
    Unreachable
";
        let function = parse(text).unwrap();
        assert_eq!(function.to_string(), text);
        assert_eq!(function.resumes(), [2, 11]);
        assert_eq!(crate::hir::verify(&function), Ok(()));
    }

    #[test]
    fn errors_name_the_line() {
        let line = |text| parse(text).unwrap_err();
        assert_eq!(
            line("b0():\n    v0 = Fly\n"),
            "line 2: `Fly` with 0 operands is not known"
        );
        assert_eq!(
            line("    Unreachable\n"),
            "line 1: a block should begin first"
        );
        assert_eq!(
            line("b0():\n    v0: inr = Null\n"),
            "line 2: `inr` is no type"
        );
        assert_eq!(
            line("b0():\n    IncRef v0 v1\n"),
            "line 2: `v1` is too much"
        );
        assert_eq!(
            line("b1():\n"),
            "line 1: blocks should be numbered in order, not b1"
        );
    }
}
