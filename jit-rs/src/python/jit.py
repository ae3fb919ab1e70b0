"""Control of the compiler from programs.

The functions that cinderx.jit has too have its names and meanings. Nothing here starts the compiler at import; those
functions that compile do, unless -X jit=0 or PYTHON_JIT=0 forbids it.
"""

try:
    import _jit
except ModuleNotFoundError:
    # Installed into an interpreter that cannot compile.
    from clinker import missing
    raise ImportError(missing, name=__name__) from None
from contextlib import contextmanager
from types import FunctionType

__all__ = [
    "auto", "clear_runtime_stats", "compile_after_n_calls", "count_interpreted_calls", "disable", "disassemble", "enable",
    "force_compile", "force_uncompile", "get_and_clear_runtime_stats", "get_compilation_time", "get_compile_after_n_calls",
    "get_compiled_functions", "get_compiled_size", "get_function_compilation_time", "inspect", "is_enabled",
    "is_jit_compiled", "jit_suppress", "jit_unsuppress", "lazy_compile", "pause", "precompile_all", "print_hir", "stats",
]

# Without hooks in the interpreter, functions are told to enter native code one by one.
_enter = getattr(_jit, "_enter", None)

# Code objects that were suppressed before the compiler was started, by their identity.
_suppressed = {}


def _code_of(function, name):
    if type(function) is not FunctionType:
        raise TypeError(f"{name} expected a Python function, received '{type(function).__name__}' object")
    return function.__code__


def _is_forbidden():
    import os
    import sys
    value = sys._xoptions.get("jit")
    if value is None and not sys.flags.ignore_environment:
        value = os.environ.get("PYTHON_JIT")
    return value == "0"


def _start(value):
    """Starts the compiler if it has not been; returns whether it is there."""
    if not _jit._is_started():
        if _is_forbidden():
            return False
        _jit._start(value)
        for code in _suppressed.values():
            _jit._suppress(code, True)
        _suppressed.clear()
    return _jit._prepare(value == "auto")


def auto():
    """Compile functions and loops when they are hot."""
    _start("auto")


def compile_after_n_calls(calls):
    """Compile functions after so many calls, and loops after so many trips."""
    if not isinstance(calls, int):
        raise TypeError(f"compile_after_n_calls expected an int, received '{type(calls).__name__}' object")
    if not 0 <= calls < 2**32:
        raise ValueError(f"Cannot configure JIT to compile functions after '{calls}' calls")
    if _start("auto"):
        _jit._set_period(min(calls + 1, 2**32 - 1))


def get_compile_after_n_calls():
    """After how many calls functions are compiled; None if they are not."""
    period = _jit._get_period()
    return None if period is None else period - 1


def is_enabled():
    """Whether something can be compiled now."""
    return _jit._is_started() and not _jit._is_paused()


def enable():
    """Compile again after disable(), and put back the native code that it took away."""
    if _start("auto"):
        _jit._pause(False)
        _jit._attach_all()


def disable(deopt_all=False):
    """Compile nothing more. With deopt_all, let the interpreter run what is compiled, from its next call or loop on."""
    if _jit._is_started():
        _jit._pause(True)
        if deopt_all:
            _jit._detach_all()


@contextmanager
def pause(deopt_all=False):
    """In this context, compile nothing; with deopt_all, the interpreter runs what is compiled."""
    was_enabled = is_enabled()
    if was_enabled:
        disable(deopt_all=deopt_all)
    try:
        yield
    finally:
        if was_enabled:
            enable()


def is_jit_compiled(func):
    """Whether calls of the function enter native code."""
    return _jit._is_compiled(_code_of(func, "is_jit_compiled"))


def force_compile(func):
    """Compile the function now, with what is known of its types by now.

    Returns False if it is compiled already, or nothing can be compiled. Raises RuntimeError if it cannot be.
    """
    code = _code_of(func, "force_compile")
    if not _start("manual") or _jit._is_paused() or _jit._is_compiled(code):
        return False
    _jit._compile(code)
    if _enter:
        _enter(func)
    return True


def lazy_compile(func):
    """Compile the function when it is called next. Returns False if it is compiled already, or nothing can be compiled."""
    code = _code_of(func, "lazy_compile")
    if not _start("manual") or _jit._is_paused() or _jit._is_compiled(code):
        return False
    if _enter:
        _enter(func)
    return _jit._compile_at_next_call(code)


def force_uncompile(func):
    """Let the interpreter run the function again, from its next call or loop on, and forget what was learned of it.

    Returns False if it is not compiled.
    """
    code = _code_of(func, "force_uncompile")
    return _jit._is_started() and _jit._uncompile(code)


def precompile_all(workers=0):
    """Compile all functions that have run since the compiler was started. Returns False if nothing can be compiled."""
    if not isinstance(workers, int):
        raise TypeError(f"precompile_all expected an int, received '{type(workers).__name__}' object")
    if not 0 <= workers <= 1000:
        raise ValueError(f"Cannot call precompile_all with {workers} workers")
    if not is_enabled():
        return False
    _jit._compile_all()
    return True


def jit_suppress(func):
    """Never compile this function, and do not use what is compiled of it. Returns the function."""
    code = _code_of(func, "jit_suppress")
    if _jit._is_started():
        _jit._suppress(code, True)
    else:
        _suppressed[id(code)] = code
    return func


def jit_unsuppress(func):
    """Undo jit_suppress(). Returns the function."""
    code = _code_of(func, "jit_unsuppress")
    if _jit._is_started():
        _jit._suppress(code, False)
    else:
        _suppressed.pop(id(code), None)
    return func


def get_compiled_functions():
    """The functions that live and whose calls enter native code."""
    import gc
    return [item for item in gc.get_objects() if type(item) is FunctionType and _jit._is_compiled(item.__code__)]


def count_interpreted_calls(func):
    """How often the interpreter has run the function from its start, since the compiler was started."""
    return _jit._count_entries(_code_of(func, "count_interpreted_calls"))


def get_compiled_size(func):
    """Bytes of native code of a function and of its loops; -1 if there is none."""
    entries = _jit._native_code(_code_of(func, "get_compiled_size"))
    return sum(len(machine) for _, _, machine in entries) if entries else -1


def get_compilation_time():
    """Milliseconds that were spent with compiling."""
    return _jit._compilation_time(None) // 1000


def get_function_compilation_time(func):
    """Milliseconds that were spent with compiling the function; None if it was not compiled."""
    if type(func) is not FunctionType:
        return None
    microseconds = _jit._compilation_time(func.__code__)
    return microseconds // 1000 if microseconds else None


def get_and_clear_runtime_stats():
    """Where native code was left for the interpreter since this was called last."""
    import json
    from opcode import opname
    return {"deopt": [
        {"normal": {"func_qualname": row["name"], "filename": row["file"], "reason": "GuardFailure",
                    "description": opname[row["opcode"]], "guilty_type": "<none>"},
         "int": {"lineno": row["line"], "count": row["count"]}}
        for row in json.loads(_jit._exits())]}


def clear_runtime_stats():
    """Start get_and_clear_runtime_stats() anew."""
    _jit._exits()


def stats():
    """What has been counted and compiled: what -X jit=stats=FILE writes at exit, by now."""
    import json
    return json.loads(_jit._stats())


def print_hir(func):
    """Print the intermediate representation of which the function would be compiled now."""
    code = _code_of(func, "print_hir")
    if not _jit._is_compiled(code):
        raise RuntimeError("function is not jit compiled")
    print(_jit._hir(code))


def _disassembled(machine, address):
    """The lines of the program objdump for native code: address, bytes and instruction with tabs between them."""
    import platform
    import subprocess
    import tempfile
    machines = {"x86_64": "i386:x86-64", "aarch64": "aarch64"}
    with tempfile.NamedTemporaryFile() as file:
        file.write(machine)
        file.flush()
        text = subprocess.run(
            ["objdump", "--disassemble-all", "--wide", "--target=binary",
             f"--architecture={machines.get(platform.machine(), platform.machine())}",
             f"--adjust-vma={address:#x}", file.name],
            capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if ":\t" in line]


def disassemble(func):
    """Print the native code of the function and of its loops; needs the program objdump."""
    entries = _jit._native_code(_code_of(func, "disassemble"))
    if not entries:
        raise RuntimeError("function is not jit compiled")
    for offset, address, machine in entries:
        try:
            lines = _disassembled(machine, address)
        except FileNotFoundError:
            raise RuntimeError("disassemble needs the program objdump, of binutils") from None
        print(f"{func.__qualname__} from {2 * offset}: {len(machine)} bytes at {address:#x}")
        print("\n".join(lines))


def inspect(func, file):
    """Write a page for a browser that shows what becomes of the function, from its source to native code.

    The function can be a method, a generator or coroutine, a frame or a code object, and need not be compiled. An existing
    file is replaced if it is such a page; otherwise FileExistsError is raised.
    """
    from os import fspath
    from types import ModuleType
    path = fspath(file)
    inspector = ModuleType("clinker._inspector")
    source = _jit._source("inspector.py")
    exec(compile(source, "<clinker.inspector>", "exec"), inspector.__dict__)
    code = inspector.code_of(func)
    inspector.write(inspector.page(code, func, _start("manual")), path)
