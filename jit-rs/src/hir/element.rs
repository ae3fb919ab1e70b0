//! What arrays of the module `array` hold.

use super::Type;

/// The items of an array that is read and written without a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// A double.
    Double,
    /// A C int.
    Int,
    /// A C long.
    Long,
    /// An unsigned byte.
    Byte,
}

impl Element {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Double, Self::Int, Self::Long, Self::Byte];

    /// The type of arrays of it.
    pub fn array(self) -> Type {
        match self {
            Self::Double => Type::ARRAY_D,
            Self::Int => Type::ARRAY_I,
            Self::Long => Type::ARRAY_L,
            Self::Byte => Type::ARRAY_B,
        }
    }

    /// The items of arrays of a type, if that is one.
    pub fn of(array: Type) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|element| element.array() == array)
    }

    /// The typecode of such arrays.
    pub fn typecode(self) -> u8 {
        match self {
            Self::Double => b'd',
            Self::Int => b'i',
            Self::Long => b'l',
            Self::Byte => b'B',
        }
    }

    /// The binary logarithm of the size of an item.
    pub fn shift(self) -> u8 {
        match self {
            Self::Double | Self::Long => 3,
            Self::Int => 2,
            Self::Byte => 0,
        }
    }
}
