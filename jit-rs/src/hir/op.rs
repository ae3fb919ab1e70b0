//! What instructions do, and what they do to references.

use super::{
    Comparison, Convention, Element, FloatOp, Helper, IntOp, Math, Passing, Rep, Returns, Type,
};

/// An operation of [`super::Inst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// The NULL of `PUSH_NULL`.
    Null,
    /// What stands for an object that does not exist ([`super::Object`]).
    Unmade,
    /// An object that outlives the native code, by its address.
    Object(u64),
    /// An object that an inline cache holds, and some other object, by its address.
    Cached(u64),
    /// An int.
    Int(i64),
    /// A float, by its bits.
    Float(u64),
    /// A truth value.
    Bool(bool),
    /// The object in the slot of a local variable, borrowed from the slot.
    LoadLocal(u32),
    /// Puts an object into a slot and releases what was there, of the given type.
    StoreLocal(u32, Type),
    /// Puts the object of an unboxed value into a slot, which has held a scalar, if a truth value is true.
    SyncLocal(u32),
    /// Empties a slot and gives what was there.
    TakeLocal(u32),
    /// Empties a slot and releases what was there, of the given type.
    DeleteLocal(u32, Type),
    /// Takes an object off the value stack of the frame, by its depth.
    LoadStack(u32),
    /// Takes an object that the helper before has left in place of its operands, by its index.
    LoadOperand(u32),
    /// Takes an object that the helper before has left on the value stack of the frame, by its depth.
    TakeStack(u32),
    /// Leaves unless the object is of the type.
    GuardType(Type),
    /// Leaves unless the type of the object has the version.
    GuardVersion(u32),
    /// Leaves unless the object is a class with the version.
    GuardClass(u32),
    /// Leaves unless a class was made by a program.
    GuardHeapType,
    /// Leaves unless the value is true.
    Guard,
    /// Leaves unless the object is a dictionary whose keys have the version.
    GuardKeys(u32),
    /// Leaves unless the inline values of the object are in use.
    GuardValues,
    /// Leaves unless the object has inline values in use and no dictionary.
    GuardNoDict,
    /// Leaves unless the object has no dictionary yet, which would be at an offset in bytes.
    GuardLazyDict(i32),
    /// Leaves unless the shared keys of the type of the object have the version.
    GuardSharedKeys(u32),
    /// Leaves unless the shared keys of a class have the version.
    GuardClassKeys(u32),
    /// Leaves unless the stack of C has room for a call.
    GuardCStack,
    /// Leaves if the frame has a frame object that outlives it with its local variables.
    GuardNoFrameObject,
    /// The int in an int object. Leaves if it does not fit.
    UnboxInt,
    /// The double in a float object.
    UnboxFloat,
    /// Whether a bool object is True.
    UnboxBool,
    /// An int object.
    BoxInt,
    /// A float object.
    BoxFloat,
    /// True or False.
    BoxBool,
    /// An int as a double.
    IntToFloat,
    /// The same double as another value, which the register allocator does not take for the same.
    Renew,
    /// Arithmetic on ints. Leaves if the result does not fit, or raises.
    IntBinary(IntOp),
    /// The negative of an int. Leaves if it does not fit.
    IntNegate,
    /// Compares ints.
    IntCompare(Comparison),
    /// A float object, or an int object of one digit, as a double. Leaves if it is something else.
    NumberToFloat,
    /// Leaves unless one of two objects is a float.
    GuardEitherFloat,
    /// Arithmetic on two floats or ints that are objects: the sum, difference or product. Leaves if one of them is something else, or it raises.
    NumberBinary(FloatOp),
    /// The quotient of ints as a float. Leaves if it raises, or if one of them is no double exactly.
    IntDivide,
    /// Arithmetic on floats. Division leaves if it raises.
    FloatBinary(FloatOp),
    /// The negative of a float.
    FloatNegate,
    /// A function of a float. Leaves if it raises.
    Math(Math),
    /// Leaves unless the object is the built-in function with a `PyMethodDef`, by its address.
    GuardBuiltin(u64),
    /// Compares floats.
    FloatCompare(Comparison),
    /// The opposite of a truth value.
    Not,
    /// Whether two objects are the same one.
    Is,
    /// The object at an offset of another, or NULL.
    LoadField(u32),
    /// Leaves unless the type of the object is one of those of forms, by their index.
    GuardForms(u32),
    /// The attribute that forms lead to, by their index. Leaves if none fits.
    LoadForms(u32),
    /// The value of a name that is expected at an index of the dictionary of an object. Leaves if it is not there.
    LoadHint(u32),
    /// The same of a dictionary.
    LoadEntry(u32),
    /// The word at an offset of an object.
    LoadWord(u32),
    /// Puts a word at an offset of an object.
    StoreWord(u32),
    /// The sum of two ints, without a carry.
    WrappingAdd,
    /// The globals (false) or builtins (true) of the frame.
    Namespace(bool),
    /// Leaves unless the globals (false) or builtins (true) are the dictionary with an address: those of the frame, or of a function.
    GuardNamespace(bool, u64),
    /// The value at an index of globals, builtins or the dictionary of a module, or NULL. The keys have been guarded.
    LoadGlobal(u32),
    /// The place of an item of a list, tuple or array by its index, which counts from the end if it is negative. Leaves if
    /// there is none.
    ItemIndex,
    /// The item at a place of a list.
    ListItem,
    /// The item at a place of a tuple.
    TupleItem,
    /// Puts an object into a place of a new tuple.
    PutTupleItem(u32),
    /// Leaves if what is at a place of a list runs code when it is replaced.
    GuardItemReplaceable,
    /// The same as `SetListItem` for what has been guarded so.
    PutListItem,
    /// Puts an object into a place of a list and releases what was there.
    SetListItem,
    /// Copies items of a list, in steps, to places of a list: the first list, where to begin and to end, and the same of the
    /// other one, as in slices. Leaves unless there are as many, few, and what was there goes on to live.
    CopyItems(i64),
    /// The number at a place of an array.
    ArrayItem(Element),
    /// Puts a number into a place of an array. Leaves if it does not fit.
    SetArrayItem(Element),
    /// Puts a float into a place of a list: into the object that is there, if it is a float that nobody else has.
    SetListFloat,
    /// The same. Leaves if what is there runs code when it is replaced.
    PutListFloat,
    /// The size of a list, tuple or other object with a variable size.
    Size,
    /// The next int of an iterator of a range, which has one.
    RangeNext,
    /// The next item of an iterator of a list, or NULL.
    ListNext,
    /// The next item of an iterator of a tuple, or NULL.
    TupleNext,
    /// The index that an enumerate has given last.
    LastIndex,
    /// Leaves if somebody else has a reference to the object.
    GuardUnshared,
    /// The value of a cell, or NULL.
    LoadCell,
    /// Puts an object into an attribute among the inline values and releases what was there, by the index.
    SetInlineValue(u32),
    /// Puts an object into an attribute at an offset and releases what was there.
    SetField(u32),
    /// Leaves if what is at an offset of an object runs code when it is replaced.
    GuardReplaceable(u32),
    /// The same as `SetInlineValue` for what has been guarded so.
    PutInlineValue(u32),
    /// The same as `SetField`.
    PutField(u32),
    /// Leaves unless the frames of functions that are executed in place of calls could be pushed.
    GuardRoom,
    /// A function that was executed in place of a call has ended, which its parameters outlive.
    EndInline,
    /// Leaves unless the object is a function with the version.
    GuardFunction(u32),
    /// Calls a function that has been guarded, by its index among the callees: the function, and the values of its parameters.
    CallFunction(u32),
    /// The same for the `__init__` of a new object, for which the interpreter pushes another frame as well.
    CallInit(u32),
    /// Calls anything, but without the runtime if it is a function that has been seen, by the index of the first of these among the callees
    /// and their number: what is called, self or NULL, and the other arguments, which are all parameters of each of them.
    CallOneOf(u32, u32),
    /// The address of the function of C behind a built-in function. Leaves unless the object is one that takes its arguments so.
    BuiltinAddress(Convention),
    /// The same behind a method of a built-in type. Leaves unless it is one of the type of the second object.
    MethodAddress(Convention),
    /// The address of what makes objects of a class, as `Convention::FastKeywords`. Leaves if the class has none of its own.
    MakerAddress,
    /// Calls a function of C: its address, the built-in function with its `self` (true) or that itself (false), and the other arguments.
    CallC(Convention, bool),
    /// Calls a helper with a number that its name explains.
    Call(Helper, u64),
    /// An instruction of Python begins, by the offset of its opcode.
    At(u32),
    /// Objects are released about here, if nobody else has them, which may run code.
    Releases,
    /// The end of an instruction of Python: leaves at the next one if the frame was changed from outside.
    Boundary,
    /// The end of an instruction that calls: also lets pending events run.
    Periodic,
    /// The end of a loop, or what suspends a frame: leaves there if an event is pending.
    BackEdge,
    /// Takes a reference.
    IncRef,
    /// Drops a reference to an object of the type.
    DecRef(Type),
}

/// Who owns the reference in the result of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Not an object, or one that lives for ever.
    None,
    /// The result is a new reference.
    Owned,
    /// The slot of a local variable.
    Slot(u32),
    /// Some object: valid until something is released.
    Heap,
}

impl Op {
    /// Who owns its result.
    pub fn ownership(self) -> Ownership {
        match self {
            Self::LoadLocal(slot) => Ownership::Slot(slot),
            Self::TakeLocal(_)
            | Self::LoadStack(_)
            | Self::LoadOperand(_)
            | Self::TakeStack(_)
            | Self::BoxInt
            | Self::BoxFloat
            | Self::NumberBinary(_)
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..) => Ownership::Owned,
            Self::Cached(_)
            | Self::LoadField(_)
            | Self::LoadForms(_)
            | Self::LoadHint(_)
            | Self::LoadEntry(_)
            | Self::LoadGlobal(_)
            | Self::ListItem
            | Self::TupleItem
            | Self::ListNext
            | Self::TupleNext
            | Self::LoadCell => Ownership::Heap,
            // Constants are kept by the code object. They are not borrowed from a slot or from another object, so
            // nothing that is released ends them.
            Self::Call(helper, _)
                if matches!(
                    helper.returns(),
                    Returns::Object | Returns::Next | Returns::Sure
                ) =>
            {
                Ownership::Owned
            }
            _ => Ownership::None,
        }
    }

    /// Whether it takes over the reference to an operand, by its index.
    pub fn steals(self, index: usize) -> bool {
        match self {
            Self::StoreLocal(..)
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..) => true,
            // The object that is put, before the container.
            Self::SetInlineValue(_)
            | Self::SetField(_)
            | Self::PutInlineValue(_)
            | Self::PutField(_)
            | Self::PutTupleItem(_)
            | Self::PutListItem
            | Self::SetListItem => index == 0,
            Self::Call(helper, _) => match helper.passing() {
                Passing::Borrowed => false,
                Passing::StealsFirst => index == 0,
                Passing::Stack => true,
            },
            _ => false,
        }
    }

    /// Whether it may run any code: release an object that is not a scalar, or call.
    pub fn runs_code(self) -> bool {
        match self {
            Self::StoreLocal(_, ty) | Self::DeleteLocal(_, ty) | Self::DecRef(ty) => {
                !ty.is(Type::SCALAR | Type::NULL)
            }
            Self::SetListItem
            | Self::SetListFloat
            | Self::SetInlineValue(_)
            | Self::SetField(_)
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..)
            | Self::Periodic => true,
            Self::Call(helper, _) => helper.runs_code(),
            _ => false,
        }
    }

    /// Whether a number or string may die that others lead to, without that code runs.
    pub fn releases(self) -> bool {
        matches!(
            self,
            Self::PutInlineValue(_)
                | Self::PutField(_)
                | Self::PutListItem
                | Self::PutListFloat
                | Self::CopyItems(_)
        )
    }

    /// Whether it leaves, if it does, after it has taken over what it steals: it then releases something.
    pub fn leaves_after(self) -> bool {
        matches!(
            self,
            Self::StoreLocal(..)
                | Self::DeleteLocal(..)
                | Self::SetListItem
                | Self::SetListFloat
                | Self::SetInlineValue(_)
                | Self::SetField(_)
                | Self::CallFunction(_)
                | Self::CallInit(_)
                | Self::CallOneOf(..)
                | Self::CallC(..)
                | Self::Call(..)
        )
    }

    /// Whether it has an effect besides its result: such an instruction is never removed.
    pub fn has_effect(self) -> bool {
        !matches!(
            self,
            Self::Null
                | Self::Unmade
                | Self::Object(_)
                | Self::Cached(_)
                | Self::Int(_)
                | Self::Float(_)
                | Self::Bool(_)
                | Self::LoadLocal(_)
                | Self::UnboxFloat
                | Self::UnboxBool
                | Self::BoxInt
                | Self::BoxFloat
                | Self::BoxBool
                | Self::IntToFloat
                | Self::IntCompare(_)
                | Self::FloatNegate
                | Self::FloatCompare(_)
                | Self::FloatBinary(FloatOp::Add | FloatOp::Subtract | FloatOp::Multiply)
                | Self::IntBinary(IntOp::And | IntOp::Or | IntOp::Xor)
                | Self::WrappingAdd
                | Self::Not
                | Self::Is
                | Self::LoadField(_)
                | Self::LoadForms(_)
                | Self::LoadHint(_)
                | Self::LoadEntry(_)
                | Self::LoadWord(_)
                | Self::Namespace(_)
                | Self::LoadGlobal(_)
                | Self::LoadCell
                | Self::ListItem
                | Self::TupleItem
                | Self::ArrayItem(_)
                | Self::Size
                | Self::LastIndex
        )
    }

    /// The representations of its operands, if their number is fixed.
    pub fn operands(self) -> Option<&'static [Rep]> {
        use Rep::{Bool, Float, Int, Object};
        Some(match self {
            Self::Null
            | Self::Unmade
            | Self::Object(_)
            | Self::Cached(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Bool(_)
            | Self::LoadLocal(_)
            | Self::TakeLocal(_)
            | Self::DeleteLocal(..)
            | Self::LoadStack(_)
            | Self::LoadOperand(_)
            | Self::TakeStack(_)
            | Self::GuardCStack
            | Self::GuardNoFrameObject
            | Self::GuardRoom
            | Self::Namespace(_)
            | Self::At(_)
            | Self::Boundary
            | Self::Periodic
            | Self::BackEdge => &[],
            Self::StoreLocal(..)
            | Self::GuardType(_)
            | Self::GuardVersion(_)
            | Self::GuardClass(_)
            | Self::GuardFunction(_)
            | Self::GuardHeapType
            | Self::GuardBuiltin(_)
            | Self::BuiltinAddress(_)
            | Self::MakerAddress
            | Self::GuardValues
            | Self::GuardNoDict
            | Self::GuardLazyDict(_)
            | Self::GuardSharedKeys(_)
            | Self::GuardClassKeys(_)
            | Self::GuardReplaceable(_)
            | Self::GuardKeys(_)
            | Self::LoadGlobal(_)
            | Self::UnboxInt
            | Self::UnboxFloat
            | Self::UnboxBool
            | Self::NumberToFloat
            | Self::LoadField(_)
            | Self::GuardForms(_)
            | Self::LoadForms(_)
            | Self::LoadWord(_)
            | Self::Size
            | Self::RangeNext
            | Self::ListNext
            | Self::TupleNext
            | Self::LastIndex
            | Self::GuardUnshared
            | Self::LoadCell
            | Self::IncRef
            | Self::DecRef(_) => &[Object],
            Self::Guard | Self::BoxBool | Self::Not => &[Bool],
            Self::BoxInt | Self::IntToFloat | Self::IntNegate => &[Int],
            Self::BoxFloat | Self::FloatNegate | Self::Math(_) | Self::Renew => &[Float],
            Self::IntBinary(_) | Self::IntCompare(_) | Self::IntDivide | Self::WrappingAdd => {
                &[Int, Int]
            }
            Self::StoreWord(_) => &[Int, Object],
            Self::FloatBinary(_) | Self::FloatCompare(_) => &[Float, Float],
            Self::Is
            | Self::MethodAddress(_)
            | Self::GuardEitherFloat
            | Self::NumberBinary(_)
            | Self::PutInlineValue(_)
            | Self::PutField(_)
            | Self::PutTupleItem(_)
            | Self::LoadHint(_)
            | Self::LoadEntry(_)
            | Self::SetInlineValue(_)
            | Self::SetField(_) => &[Object, Object],
            Self::GuardItemReplaceable
            | Self::ItemIndex
            | Self::ListItem
            | Self::TupleItem
            | Self::ArrayItem(_) => &[Object, Int],
            Self::SetArrayItem(Element::Double) => &[Float, Object, Int],
            Self::SetArrayItem(_) => &[Int, Object, Int],
            Self::SetListItem | Self::PutListItem => &[Object, Object, Int],
            Self::SetListFloat | Self::PutListFloat => &[Float, Object, Int],
            Self::CopyItems(_) => &[Object, Int, Int, Object, Int, Int],
            Self::Call(..)
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..)
            | Self::EndInline
            | Self::GuardNamespace(..)
            | Self::Releases
            | Self::SyncLocal(_) => {
                return None;
            }
        })
    }

    /// The representation of its result.
    pub fn result(self) -> Option<Rep> {
        Some(match self {
            Self::Null
            | Self::Unmade
            | Self::Object(_)
            | Self::Cached(_)
            | Self::LoadLocal(_)
            | Self::TakeLocal(_)
            | Self::LoadStack(_)
            | Self::LoadOperand(_)
            | Self::TakeStack(_)
            | Self::BoxInt
            | Self::BoxFloat
            | Self::BoxBool
            | Self::NumberBinary(_)
            | Self::LoadField(_)
            | Self::LoadForms(_)
            | Self::LoadHint(_)
            | Self::LoadEntry(_)
            | Self::Namespace(_)
            | Self::LoadGlobal(_)
            | Self::ListItem
            | Self::TupleItem
            | Self::ListNext
            | Self::TupleNext
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..)
            | Self::LoadCell => Rep::Object,
            Self::Int(_)
            | Self::UnboxInt
            | Self::IntBinary(_)
            | Self::IntNegate
            | Self::WrappingAdd
            | Self::LoadWord(_)
            | Self::BuiltinAddress(_)
            | Self::MethodAddress(_)
            | Self::MakerAddress
            | Self::Size
            | Self::ItemIndex
            | Self::RangeNext
            | Self::LastIndex => Rep::Int,
            Self::ArrayItem(Element::Double) => Rep::Float,
            Self::ArrayItem(_) => Rep::Int,
            Self::Float(_)
            | Self::UnboxFloat
            | Self::IntToFloat
            | Self::NumberToFloat
            | Self::IntDivide
            | Self::FloatBinary(_)
            | Self::Math(_)
            | Self::FloatNegate
            | Self::Renew => Rep::Float,
            Self::Bool(_)
            | Self::UnboxBool
            | Self::IntCompare(_)
            | Self::FloatCompare(_)
            | Self::Not
            | Self::Is => Rep::Bool,
            Self::Call(helper, _) => match helper.returns() {
                Returns::Object | Returns::Next | Returns::Sure => Rep::Object,
                Returns::Bool | Returns::Truth => Rep::Bool,
                Returns::Status | Returns::Nothing => return None,
            },
            _ => return None,
        })
    }

    /// Whether leaving there shows that a guess was wrong.
    pub fn guesses(self) -> bool {
        !matches!(
            self,
            Self::Boundary
                | Self::Periodic
                | Self::BackEdge
                | Self::GuardCStack
                | Self::GuardNoFrameObject
        )
    }

    /// Whether it needs a state to leave by.
    pub fn leaves(self) -> bool {
        match self {
            Self::GuardType(_)
            | Self::GuardVersion(_)
            | Self::GuardClass(_)
            | Self::GuardFunction(_)
            | Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::GuardForms(_)
            | Self::LoadForms(_)
            | Self::LoadHint(_)
            | Self::LoadEntry(_)
            | Self::GuardHeapType
            | Self::GuardBuiltin(_)
            | Self::GuardNamespace(..)
            | Self::BuiltinAddress(_)
            | Self::MethodAddress(_)
            | Self::MakerAddress
            | Self::CallC(..)
            | Self::Math(_)
            | Self::Guard
            | Self::GuardKeys(_)
            | Self::GuardValues
            | Self::GuardNoDict
            | Self::GuardLazyDict(_)
            | Self::GuardSharedKeys(_)
            | Self::GuardClassKeys(_)
            | Self::GuardCStack
            | Self::GuardNoFrameObject
            | Self::GuardUnshared
            | Self::GuardReplaceable(_)
            | Self::GuardItemReplaceable
            | Self::PutListFloat
            | Self::GuardRoom
            | Self::UnboxInt
            | Self::IntNegate
            | Self::IntDivide
            | Self::NumberToFloat
            | Self::GuardEitherFloat
            | Self::NumberBinary(_)
            | Self::ItemIndex
            | Self::CopyItems(_)
            | Self::Boundary
            | Self::Periodic
            | Self::BackEdge
            | Self::FloatBinary(FloatOp::Divide | FloatOp::Power) => true,
            Self::IntBinary(op) => !matches!(op, IntOp::And | IntOp::Or | IntOp::Xor),
            Self::SetArrayItem(element) => matches!(element, Element::Int | Element::Byte),
            Self::Call(helper, _) => helper.may_raise(),
            _ => false,
        }
    }

    /// Whether it may raise an exception.
    pub fn raises(self) -> bool {
        match self {
            Self::CallFunction(_)
            | Self::CallInit(_)
            | Self::CallOneOf(..)
            | Self::CallC(..)
            | Self::Periodic => true,
            Self::Call(helper, _) => helper.may_raise(),
            _ => false,
        }
    }
}
