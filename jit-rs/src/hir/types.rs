//! The type lattice: sets of what an object can be.

use std::fmt;
use std::ops::BitOr;

/// A set of kinds of objects, and NULL. Built-in types stand for themselves, not for their subclasses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(u64);

macro_rules! types {
    ($($name:ident = $bit:expr, $text:literal, $doc:literal;)*) => {
        impl Type {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
        }

        const NAMES: &[(Type, &str)] = &[$((Type::$name, $text)),*];
    };
}

types! {
    NULL = 0, "null", "No object: an unbound local, or the NULL of `PUSH_NULL`.";
    NONE = 1, "none", "None.";
    BOOL = 2, "bool", "True or False.";
    INT = 3, "int", "An exact int, of any size.";
    FLOAT = 4, "float", "An exact float.";
    STR = 5, "str", "An exact str.";
    LIST = 6, "list", "An exact list.";
    TUPLE = 7, "tuple", "An exact tuple.";
    DICT = 8, "dict", "An exact dict.";
    SET = 9, "set", "An exact set.";
    RANGE_ITER = 10, "range_iterator", "The iterator of a range whose members fit a C long.";
    LIST_ITER = 11, "list_iterator", "The iterator of a list.";
    TUPLE_ITER = 12, "tuple_iterator", "The iterator of a tuple.";
    FUNCTION = 13, "function", "A function written in Python.";
    MODULE = 14, "module", "An exact module.";
    CELL = 15, "cell", "A cell of a closure.";
    GENERATOR = 16, "generator", "An exact generator.";
    ARRAY_D = 17, "array_d", "An exact `array.array` of doubles, typecode `d`.";
    ARRAY_I = 18, "array_i", "One of C ints, typecode `i`.";
    ARRAY_L = 19, "array_l", "One of C longs, typecode `l`.";
    ARRAY_B = 20, "array_b", "One of bytes, typecode `B`.";
    OTHER = 21, "other", "Any other object.";
    DICT_KEYS_ITER = 22, "dict_keyiterator", "The iterator of a dict or its keys.";
    DICT_VALUES_ITER = 23, "dict_valueiterator", "The iterator of the values of a dict.";
    DICT_ITEMS_ITER = 24, "dict_itemiterator", "The iterator of the items of a dict.";
    SET_ITER = 25, "set_iterator", "The iterator of a set or frozenset.";
    REVERSED_LIST = 26, "list_reverseiterator", "The iterator of a list from its end.";
    STR_ITER = 27, "str_ascii_iterator", "The iterator of a str that is ASCII.";
    ENUMERATE = 28, "enumerate", "An exact enumerate.";
    ZIP = 29, "zip", "An exact zip.";
}

impl Type {
    /// Nothing: the type of what cannot happen.
    pub const NEVER: Self = Self(0);
    /// Any object.
    pub const OBJECT: Self = Self((1 << 30) - 2);
    /// Any object or NULL.
    pub const ANY: Self = Self((1 << 30) - 1);
    /// Objects that run no code when they are released.
    pub const SCALAR: Self =
        Self(Self::NONE.0 | Self::BOOL.0 | Self::INT.0 | Self::FLOAT.0 | Self::STR.0);

    /// Whether everything in it is in the other.
    pub fn is(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether something is in both.
    pub fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What is in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it stands for one class of Python, which a guard can ask for.
    pub fn is_one(self) -> bool {
        self.0.is_power_of_two() && !self.may_be(Self::NULL | Self::OTHER)
    }

    /// The number of the only thing in it.
    pub fn bit(self) -> i32 {
        self.0.trailing_zeros() as i32
    }

    /// The type of the kind of objects with a number.
    pub fn from_bit(bit: i32) -> Self {
        Self(1 << bit)
    }

    /// The type with a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "never" => Some(Self::NEVER),
            "object" => Some(Self::OBJECT),
            "any" => Some(Self::ANY),
            _ => name.split('|').try_fold(Self::NEVER, |all, name| {
                let (ty, _) = NAMES.iter().find(|(_, known)| *known == name)?;
                Some(all | *ty)
            }),
        }
    }
}

impl BitOr for Type {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NEVER => f.write_str("never"),
            Self::OBJECT => f.write_str("object"),
            Self::ANY => f.write_str("any"),
            ty => {
                let mut separator = "";
                for (_, name) in NAMES.iter().filter(|(one, _)| one.is(ty)) {
                    write!(f, "{separator}{name}")?;
                    separator = "|";
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for ty in [
            Type::NEVER,
            Type::ANY,
            Type::OBJECT,
            Type::INT,
            Type::NULL | Type::LIST,
        ] {
            assert_eq!(Type::named(&ty.to_string()), Some(ty));
        }
        assert_eq!(Type::named("intt"), None);
    }

    #[test]
    fn sets() {
        assert!(Type::INT.is(Type::SCALAR));
        assert!(!Type::SCALAR.is(Type::INT));
        assert!(Type::ANY.may_be(Type::NULL));
        assert_eq!(Type::ANY.without(Type::NULL), Type::OBJECT);
    }
}
