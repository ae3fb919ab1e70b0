//! How functions of C that Python code calls take their arguments.

/// What `ml_flags` of a `PyMethodDef` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Convention {
    /// `METH_NOARGS`.
    NoArgs,
    /// `METH_O`.
    One,
    /// `METH_FASTCALL`.
    Fast,
    /// `METH_FASTCALL | METH_KEYWORDS`.
    FastKeywords,
}

impl Convention {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NoArgs, Self::One, Self::Fast, Self::FastKeywords];

    /// Whether so many arguments can be passed, besides `self`.
    pub fn takes(self, count: usize) -> bool {
        match self {
            Self::NoArgs => count == 0,
            Self::One => count == 1,
            Self::Fast | Self::FastKeywords => true,
        }
    }

    /// Whether calls count as recursion, as in `Python/bytecodes.c`.
    pub fn recurses(self) -> bool {
        matches!(self, Self::NoArgs | Self::One)
    }
}
