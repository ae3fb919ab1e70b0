//! The functions of the runtime that machine code calls.

/// What a helper returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// A new reference; NULL if it raised.
    Object,
    /// A new reference, or NULL for none; 1 if it raised.
    Next,
    /// A new reference; it cannot raise.
    Sure,
    /// Negative if it raised.
    Status,
    /// 0 or 1; negative if it raised.
    Bool,
    /// 0 or 1; it cannot raise.
    Truth,
    /// Nothing; it cannot raise.
    Nothing,
}

/// Where a helper finds its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// As arguments, borrowed.
    Borrowed,
    /// As arguments; it takes over the reference to the first.
    StealsFirst,
    /// In the value stack of the frame; it takes over the references, also if it raises.
    Stack,
}

macro_rules! helpers {
    ($($name:ident = $symbol:literal, $returns:ident, $passing:ident, $runs:literal;)*) => {
        /// A function of `src/c/`, which says what it does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "named like the functions of src/c/, where they are documented")]
        pub enum Helper {
            $($name),*
        }

        impl Helper {
            /// All helpers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in `src/c/`, without `clinker_`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $symbol),*
                }
            }

            /// What it returns.
            pub fn returns(self) -> Returns {
                match self {
                    $(Self::$name => Returns::$returns),*
                }
            }

            /// Where its operands are.
            pub fn passing(self) -> Passing {
                match self {
                    $(Self::$name => Passing::$passing),*
                }
            }

            /// Whether it may run any code, and so look at the frame and release objects.
            pub fn runs_code(self) -> bool {
                match self {
                    $(Self::$name => $runs),*
                }
            }
        }
    };
}

helpers! {
    BinaryOp = "binary_op", Object, Borrowed, true;
    OperatorResult = "operator_result", Object, StealsFirst, true;
    Negative = "negative", Object, Borrowed, true;
    Invert = "invert", Object, Borrowed, true;
    IsTrue = "is_true", Bool, Borrowed, true;
    RichCompare = "rich_compare", Object, Borrowed, true;
    CompareBool = "compare_bool", Bool, Borrowed, true;
    EqualStr = "equal_str", Truth, Borrowed, false;
    Contains = "contains", Bool, Borrowed, true;
    ConcatStr = "concat_str", Object, Borrowed, false;
    AppendStr = "append_str", Status, Borrowed, false;
    GetItem = "get_item", Object, Borrowed, true;
    GetItemDict = "get_item_dict", Object, Borrowed, true;
    PeekItemDict = "peek_item_dict", Sure, Borrowed, false;
    FindItemDict = "find_item_dict", Next, Borrowed, true;
    FindItem = "find_item", Next, Borrowed, true;
    FindAttr = "find_attr", Next, Borrowed, true;
    FindNext = "find_next", Next, Borrowed, true;
    GetItemStr = "get_item_str", Object, Borrowed, true;
    GetSlice = "get_slice", Object, Borrowed, true;
    GetSliceWithStep = "get_slice_with_step", Object, Borrowed, true;
    SetItem = "set_item", Status, Borrowed, true;
    SetItemDict = "set_item_dict", Status, Borrowed, true;
    SetSlice = "set_slice", Status, Borrowed, true;
    DeleteItem = "delete_item", Status, Borrowed, true;
    GetIter = "get_iter", Object, Borrowed, true;
    Next = "next", Next, Borrowed, true;
    Advance = "advance", Bool, Borrowed, true;
    Send = "send", Bool, StealsFirst, true;
    DropIterator = "drop_iterator", Nothing, StealsFirst, true;
    GetYieldFromIter = "get_yield_from_iter", Object, Borrowed, true;
    GetAwaitable = "get_awaitable", Object, Borrowed, true;
    GetAiter = "get_aiter", Object, Borrowed, true;
    GetAnext = "get_anext", Object, Borrowed, true;
    BeforeAsyncWith = "before_async_with", Status, Stack, true;
    ListEnd = "list_end", Nothing, Borrowed, true;
    TupleEnd = "tuple_end", Nothing, Borrowed, true;
    LoadAttr = "load_attr", Object, Borrowed, true;
    LoadMethod = "load_method", Status, Stack, true;
    LoadSuper = "load_super", Status, Stack, true;
    StoreAttr = "store_attr", Status, Borrowed, true;
    DeleteAttr = "delete_attr", Status, Borrowed, true;
    LoadGlobal = "load_global", Object, Borrowed, true;
    StoreGlobal = "store_global", Status, Borrowed, true;
    DeleteGlobal = "delete_global", Status, Borrowed, true;
    LoadName = "load_name", Object, Borrowed, true;
    StoreName = "store_name", Status, Borrowed, true;
    DeleteName = "delete_name", Status, Borrowed, true;
    LoadLocals = "load_locals", Object, Borrowed, true;
    LoadFromDictOrGlobals = "load_from_dict_or_globals", Object, Borrowed, true;
    LoadFromDictOrDeref = "load_from_dict_or_deref", Object, Borrowed, true;
    StoreDeref = "store_deref", Nothing, StealsFirst, true;
    DeleteDeref = "delete_deref", Status, Borrowed, true;
    LoadBuildClass = "load_build_class", Object, Borrowed, true;
    MakeFunction = "make_function", Object, Borrowed, true;
    SetFunctionAttribute = "set_function_attribute", Nothing, StealsFirst, false;
    MakeCell = "make_cell", Status, Borrowed, true;
    BuildSlice = "build_slice", Object, Borrowed, true;
    NewTuple = "new_tuple", Sure, Borrowed, false;
    BuildList = "build_list", Object, Stack, true;
    BuildSet = "build_set", Object, Stack, true;
    BuildMap = "build_map", Object, Stack, true;
    BuildConstKeyMap = "build_const_key_map", Object, Stack, true;
    BuildString = "build_string", Object, Stack, true;
    ListAppend = "list_append", Status, StealsFirst, false;
    ListExtend = "list_extend", Status, Borrowed, true;
    SetAdd = "set_add", Status, Borrowed, true;
    SetUpdate = "set_update", Status, Borrowed, true;
    MapAdd = "map_add", Status, Borrowed, true;
    DictUpdate = "dict_update", Status, Borrowed, true;
    DictMerge = "dict_merge", Status, Borrowed, true;
    UnpackSequence = "unpack_sequence", Status, Stack, true;
    UnpackEx = "unpack_ex", Status, Stack, true;
    ConvertValue = "convert_value", Object, Borrowed, true;
    FormatSimple = "format_simple", Object, Borrowed, true;
    FormatWithSpec = "format_with_spec", Object, Borrowed, true;
    Intrinsic1 = "intrinsic_1", Object, Borrowed, true;
    Intrinsic2 = "intrinsic_2", Object, Borrowed, true;
    BeforeWith = "before_with", Status, Stack, true;
    GetLength = "get_length", Object, Borrowed, true;
    IsInstance = "is_instance", Bool, Borrowed, true;
    MatchClass = "match_class", Object, Borrowed, true;
    MatchKeys = "match_keys", Object, Borrowed, true;
    MatchMapping = "match_mapping", Truth, Borrowed, false;
    MatchSequence = "match_sequence", Truth, Borrowed, false;
    Call = "call", Object, Stack, true;
    CallInit = "call_init", Object, Stack, true;
    NewObject = "new_object", Sure, Borrowed, false;
    NewKeywords = "new_keywords", Sure, Borrowed, false;
    PutKeyword = "put_keyword", Status, StealsFirst, false;
    CheckInit = "check_init", Status, Borrowed, false;
    CallKw = "call_kw", Object, Stack, true;
    CallEx = "call_ex", Object, Stack, true;
    Raise = "raise", Status, StealsFirst, true;
    PushExcInfo = "push_exc_info", Sure, Borrowed, false;
    PopExcept = "pop_except", Nothing, StealsFirst, true;
    CheckExcMatch = "check_exc_match", Bool, Borrowed, false;
    EndsAsyncFor = "ends_async_for", Bool, Borrowed, false;
    CheckEgMatch = "check_eg_match", Status, Stack, true;
    WithExceptStart = "with_except_start", Object, Borrowed, true;
}

impl Helper {
    /// Whether it can fail.
    pub fn may_raise(self) -> bool {
        !matches!(
            self.returns(),
            Returns::Nothing | Returns::Sure | Returns::Truth
        )
    }

    /// Whether it may change objects that were there before, or run code that does.
    pub fn changes_objects(self) -> bool {
        !matches!(
            self,
            Self::NewObject
                | Self::NewTuple
                | Self::NewKeywords
                | Self::PeekItemDict
                | Self::EqualStr
                | Self::ConcatStr
                | Self::MatchMapping
                | Self::MatchSequence
        )
    }

    /// Whether it gets a cache of its own to learn from the types that it sees.
    pub fn has_cache(self) -> bool {
        matches!(
            self,
            Self::LoadAttr
                | Self::LoadMethod
                | Self::LoadSuper
                | Self::StoreAttr
                | Self::LoadGlobal
        )
    }
}
