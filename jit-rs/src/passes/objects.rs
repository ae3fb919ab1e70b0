//! Removes objects of classes that programs define and that nobody sees: scalar replacement after escape analysis.
//!
//! An object that a function makes which is executed in place of a call, and whose attributes others of them read, is not made: what was
//! put into the attributes takes the place of what is read from them. Where native code is left meanwhile, it is made from that
//! ([`Object`]). It has to be of a class without a finalizer (`Helper::NewObject` tells).

use super::boxes;
use super::deaths::{Deaths, Place};
use super::resolve;
use crate::hir::{End, Function, Helper, Inst, Object, Op, Rep, State, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// What the layout of objects is, in bytes from their address.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Where their type stands.
    pub class: u32,
    /// Where inline values begin.
    pub inline_values: u32,
}

/// Runs the pass, on objects of so many attributes at most.
pub fn run(function: &mut Function, layout: Layout, max_fields: usize) {
    let mut made = candidates(function);
    if made.is_empty() {
        return;
    }
    loop {
        let walk = Walk::new(function, &made, layout);
        let refused = walk.check(max_fields);
        if refused.is_empty() {
            break;
        }
        made.retain(|object, _| !refused.contains(object));
    }
    if !made.is_empty() {
        replace(function, &made, layout);
    }
}

/// An object that may be removed.
#[derive(Debug, Clone, Copy)]
struct Made {
    class: Value,
    version: u32,
}

/// The objects of classes without a finalizer.
fn candidates(function: &Function) -> FxHashMap<Value, Made> {
    let insts = function.blocks.iter().flat_map(|block| &block.insts);
    let made = insts.filter_map(|inst| match inst.op {
        Op::Call(Helper::NewObject, version) if version != 0 => {
            let class = inst.args[0];
            let version = version as u32;
            Some((inst.result?, Made { class, version }))
        }
        _ => None,
    });
    made.collect()
}

/// What an object has by now: the offsets of its attributes in the order in which they were set.
#[derive(Debug, Clone, Default)]
struct Fields {
    values: Vec<(u32, Value)>,
    /// Whether code has run since its class was known to be what it was.
    is_stale: bool,
}

impl Fields {
    fn get(&self, offset: u32) -> Option<Value> {
        let mut values = self.values.iter();
        values
            .find(|(known, _)| *known == offset)
            .map(|(_, value)| *value)
    }

    fn set(&mut self, offset: u32, value: Value) {
        let mut values = self.values.iter_mut();
        match values.find(|(known, _)| *known == offset) {
            Some((_, known)) => *known = value,
            None => self.values.push((offset, value)),
        }
    }
}

/// The objects that there are by now.
type Objects = FxHashMap<Value, Fields>;

/// What an instruction does with an object.
enum Use {
    /// Puts a value into a place of it.
    Put(u32, Value),
    /// Reads a place.
    Load(u32),
    /// Asks for its class.
    Class,
    /// Asks whether it is another value.
    Is(Value),
    /// Asks for what is true.
    Known,
    /// Something that others keep to.
    Guard(Op),
    /// The end of a function that has it for a parameter, or its own.
    End,
    /// Something else.
    Escape,
}

fn use_of(inst: &Inst, argument: usize, layout: Layout) -> Use {
    match (inst.op, argument) {
        (Op::PutInlineValue(index), 1) => Use::Put(layout.inline_values + 8 * index, inst.args[0]),
        (Op::PutField(offset), 1) => Use::Put(offset, inst.args[0]),
        (Op::LoadField(offset), _) if offset == layout.class => Use::Class,
        (Op::LoadField(offset), _) => Use::Load(offset),
        (Op::Is, _) => Use::Is(inst.args[1 - argument]),
        (Op::GuardValues | Op::GuardNoDict | Op::GuardLazyDict(_) | Op::GuardReplaceable(_), _) => {
            Use::Known
        }
        (Op::GuardVersion(version), _) => Use::Guard(Op::GuardClass(version)),
        (Op::GuardSharedKeys(version), _) => Use::Guard(Op::GuardClassKeys(version)),
        (Op::EndInline | Op::Releases, _) => Use::End,
        _ => Use::Escape,
    }
}

/// Goes through the blocks, each after the one that it sees the values of.
struct Walk<'a> {
    function: &'a Function,
    made: &'a FxHashMap<Value, Made>,
    layout: Layout,
    deaths: Deaths,
    refused: FxHashSet<Value>,
}

impl<'a> Walk<'a> {
    fn new(function: &'a Function, made: &'a FxHashMap<Value, Made>, layout: Layout) -> Self {
        Self {
            function,
            made,
            layout,
            deaths: Deaths::of(function),
            refused: FxHashSet::default(),
        }
    }

    /// The objects that something needs.
    fn check(mut self, max_fields: usize) -> FxHashSet<Value> {
        let mut at_end: Vec<Objects> = Vec::new();
        for (index, parent) in self.function.parents().into_iter().enumerate() {
            let mut objects = parent.map_or_else(Objects::default, |parent| at_end[parent].clone());
            let block = &self.function.blocks[index];
            for (position, inst) in block.insts.iter().enumerate() {
                self.inst(inst, (index, position), &mut objects);
            }
            self.refused.extend(block.end.values());
            let large = objects
                .iter()
                .filter(|(_, fields)| fields.values.len() > max_fields);
            self.refused.extend(large.map(|(object, _)| *object));
            at_end.push(objects);
        }
        let in_tuples = self.function.states.iter();
        let in_tuples = in_tuples.flat_map(|state| &state.tuples);
        let in_tuples = in_tuples.flat_map(|tuple| tuple.items.iter().copied());
        self.refused.extend(in_tuples);
        self.refused.retain(|object| self.made.contains_key(object));
        self.refused
    }

    fn inst(&mut self, inst: &Inst, place: Place, objects: &mut Objects) {
        if let Some(object) = inst.result.filter(|result| self.made.contains_key(result)) {
            objects.insert(object, Fields::default());
            return;
        }
        for (argument, value) in inst.args.iter().enumerate() {
            if let Some(fields) = objects.get_mut(value) {
                let is_fine = match use_of(inst, argument, self.layout) {
                    Use::Put(offset, new) => {
                        let old = fields.get(offset);
                        fields.set(offset, new);
                        // What it releases otherwise may die.
                        old.is_none_or(|old| self.function.ty(old).is(Type::SCALAR))
                    }
                    Use::Load(offset) => fields.get(offset).is_some(),
                    Use::Is(_) | Use::Class | Use::Known | Use::Guard(_) | Use::End => true,
                    Use::Escape => false,
                };
                if !is_fine || !self.dies_alone(*value, objects, place) {
                    self.refused.insert(*value);
                }
            }
        }
    }

    /// Whether one of the attributes of an object at most may die with it: it would release the first one first.
    fn dies_alone(&self, object: Value, objects: &Objects, place: Place) -> bool {
        let end = self.deaths.last_use(object).unwrap_or(place);
        let values = objects[&object].values.iter();
        let dying = values.filter(|(_, value)| self.deaths.may_die(self.function, *value, end));
        dying.count() < 2
    }
}

/// What takes the place of the objects.
struct Replace<'a> {
    made: &'a FxHashMap<Value, Made>,
    layout: Layout,
    same: FxHashMap<Value, Value>,
    /// The states in which objects have these attributes.
    states: FxHashMap<(State, Vec<Object>), State>,
    /// What has been put into attributes.
    items: FxHashSet<Value>,
}

fn replace(function: &mut Function, made: &FxHashMap<Value, Made>, layout: Layout) {
    let mut replace = Replace {
        made,
        layout,
        same: FxHashMap::default(),
        states: FxHashMap::default(),
        items: FxHashSet::default(),
    };
    let mut at_end: Vec<Objects> = Vec::new();
    for (index, parent) in function.parents().into_iter().enumerate() {
        let mut objects = parent.map_or_else(Objects::default, |parent| at_end[parent].clone());
        let insts = std::mem::take(&mut function.blocks[index].insts);
        let mut kept = Vec::with_capacity(insts.len());
        for inst in insts {
            replace.inst(function, inst, &mut objects, &mut kept);
        }
        let mut end = std::mem::replace(&mut function.blocks[index].end, End::Unreachable);
        for value in end.values_mut() {
            replace.rename(value);
        }
        if let End::Exit(state, _) | End::Reraise(state, _) = &mut end {
            *state = replace.state(function, *state, &objects);
        }
        let block = &mut function.blocks[index];
        block.insts = kept;
        block.end = end;
        at_end.push(objects);
    }
    for object in made.keys() {
        function.values[object.0 as usize] = (Rep::Object, Type::NULL);
    }
    for state in &mut function.states {
        state.values_mut().for_each(|value| replace.rename(value));
    }
    boxes::sink(function, &replace.items);
}

impl Replace<'_> {
    fn rename(&self, value: &mut Value) {
        *value = resolve(&self.same, *value);
    }

    fn inst(
        &mut self,
        function: &mut Function,
        mut inst: Inst,
        objects: &mut Objects,
        kept: &mut Vec<Inst>,
    ) {
        if let Some(object) = inst.result.filter(|result| self.made.contains_key(result)) {
            inst.op = Op::Unmade;
            inst.args.clear();
            objects.insert(object, Fields::default());
            kept.push(inst);
            return;
        }
        inst.args.iter_mut().for_each(|value| self.rename(value));
        let mut args = inst.args.iter().enumerate();
        let object = args.find(|(_, value)| objects.contains_key(value));
        if let Some((argument, &object)) = object
            && !matches!(inst.op, Op::EndInline | Op::Releases)
        {
            let fields = objects.get_mut(&object).expect("it is one of them");
            let class = self.made[&object].class;
            match use_of(&inst, argument, self.layout) {
                Use::Put(offset, value) => {
                    fields.set(offset, value);
                    self.items.insert(value);
                    return;
                }
                Use::Load(offset) => {
                    self.same.extend(inst.result.zip(fields.get(offset)));
                    return;
                }
                Use::Class => {
                    self.same.extend(inst.result.zip(Some(class)));
                    return;
                }
                Use::Is(other) => {
                    inst.op = Op::Bool(other == object);
                    inst.args.clear();
                }
                Use::Known => return,
                Use::Guard(op) => {
                    inst.op = op;
                    inst.args = vec![class];
                }
                Use::End | Use::Escape => unreachable!("it has been looked for"),
            }
        }
        if matches!(inst.op, Op::EndInline | Op::Releases) {
            // What an object has lives as long as it.
            let args = inst.args.iter().flat_map(|value| match objects.get(value) {
                Some(fields) => fields.values.iter().map(|(_, value)| *value).collect(),
                None => vec![*value],
            });
            inst.args = args.collect();
            if boxes::releases_nothing(&mut inst, &function.values) {
                return;
            }
        }
        if let Some(state) = inst.state {
            let state = self.state(function, state, objects);
            inst.state = Some(state);
            if !inst.op.leaves_after() {
                self.require_classes(function, state, objects, kept);
            }
        }
        if inst.op.runs_code() || inst.op == Op::Releases {
            objects
                .values_mut()
                .for_each(|fields| fields.is_stale = true);
        }
        kept.push(inst);
    }

    /// Code that has run may have given the class of an object a finalizer.
    fn require_classes(
        &self,
        function: &Function,
        state: State,
        objects: &mut Objects,
        kept: &mut Vec<Inst>,
    ) {
        let mut needed = function.state(state).stack.clone();
        needed.dedup();
        for object in needed {
            if let Some(fields) = objects.get_mut(&object)
                && std::mem::take(&mut fields.is_stale)
            {
                let made = self.made[&object];
                kept.push(Inst {
                    op: Op::GuardClass(made.version),
                    args: vec![made.class],
                    result: None,
                    state: Some(state),
                    leave: Default::default(),
                });
            }
        }
    }

    /// A state in which the objects are made of what they have by now.
    fn state(&mut self, function: &mut Function, state: State, objects: &Objects) -> State {
        let mut needed: Vec<Object> = Vec::new();
        for value in &function.state(state).stack {
            if let Some(fields) = objects.get(value)
                && needed.iter().all(|object| object.value != *value)
            {
                needed.push(Object {
                    value: *value,
                    class: self.made[value].class,
                    fields: fields.values.clone(),
                });
            }
        }
        if needed.is_empty() {
            return state;
        }
        let key = (state, needed);
        if let Some(&known) = self.states.get(&key) {
            return known;
        }
        let mut copy = function.state(state).clone();
        copy.objects.clone_from(&key.1);
        let new = State(function.states.len() as u32);
        function.states.push(copy);
        self.states.insert(key, new);
        new
    }
}
