/* The layout probe: sizes, offsets and opcodes of the CPython that the archive
 * is built for, as data that build.rs reads from the object file. */

#include "Python.h"
#include "opcode_ids.h"
#include "pycore_evalhooks.h"

/* What the Rust side takes for granted beyond the numbers below. */
_Static_assert(sizeof(_Py_CODEUNIT) == 2, "a code unit has two bytes");
_Static_assert(offsetof(_Py_CODEUNIT, op.code) == 0, "the opcode is first");
_Static_assert(sizeof(((_PyShadowCode *)0)->entries) == 8, "64 bits");
_Static_assert(sizeof(((_PyShadowCode *)0)->entry_period) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowCode *)0)->entries_left) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowCode *)0)->loop_count) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->offset) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->period) == 2, "16 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->trips) == 8, "64 bits");
_Static_assert(sizeof(((PyCodeObject *)0)->co_firstlineno) == 4, "32 bits");

struct entry {
    char name[56];
    uint64_t value;
};

#define OFFSET(NAME, TYPE, FIELD) {NAME, offsetof(TYPE, FIELD)}
#define NUMBER(NAME, VALUE) {NAME, VALUE}

__attribute__((used))
const struct entry clinker_layout[] = {
    NUMBER("PY_VERSION_HEX", PY_VERSION_HEX),
    OFFSET("CODE_FILENAME", PyCodeObject, co_filename),
    OFFSET("CODE_QUALNAME", PyCodeObject, co_qualname),
    OFFSET("CODE_FIRSTLINENO", PyCodeObject, co_firstlineno),
    OFFSET("CODE_INSTRUCTIONS", PyCodeObject, co_code_adaptive),
    OFFSET("SHADOW_ENTRIES", _PyShadowCode, entries),
    OFFSET("SHADOW_ENTRY_PERIOD", _PyShadowCode, entry_period),
    OFFSET("SHADOW_ENTRIES_LEFT", _PyShadowCode, entries_left),
    OFFSET("SHADOW_LOOP_COUNT", _PyShadowCode, loop_count),
    OFFSET("SHADOW_LOOPS", _PyShadowCode, loops),
    NUMBER("LOOP_SIZE", sizeof(_PyShadowLoop)),
    OFFSET("LOOP_OFFSET", _PyShadowLoop, offset),
    OFFSET("LOOP_PERIOD", _PyShadowLoop, period),
    OFFSET("LOOP_TRIPS", _PyShadowLoop, trips),
    NUMBER("JUMP_BACKWARD_COUNTED", JUMP_BACKWARD_COUNTED),
};
