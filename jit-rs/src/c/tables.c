/* The tables about opcodes in CPython's headers, for an extension module: those of
 * the interpreter are hidden from it. */

#ifdef Py_BUILD_CORE_MODULE

#define NEED_OPCODE_METADATA
#include "Python.h"
#include "pycore_opcode_metadata.h"

#endif
