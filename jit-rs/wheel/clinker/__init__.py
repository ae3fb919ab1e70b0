"""What Clinker adds to Python.

The compiler and the client of deferred imports are native modules beside this file. They need an interpreter with Clinker's
hooks, of the very build they were made for. Elsewhere nothing is loaded, and `missing` says why.
"""

import os
import sys

__all__ = ["jit", "missing"]

_HERE = os.path.dirname(__file__)
_LAZY = {"report": "PYTHON_LAZY_REPORT", "profile": "PYTHON_LAZY_PROFILE", "filter": "PYTHON_LAZY_FILTER"}


def _load():
    """Loads the native modules; returns why that is not possible, or None."""
    if not hasattr(sys, "_jit"):
        return ("this CPython has none of Clinker's hooks: native code can be entered, and the report on deferred imports "
                "be made, only by an interpreter that has Clinker's patches")
    from importlib.util import module_from_spec, spec_from_file_location
    try:
        for name in ("_jit", "_lazyclient"):
            spec = spec_from_file_location(name, os.path.join(_HERE, "_native.so"))
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[name] = module
    except ImportError as error:
        return str(error)
    return None


# Why nothing is compiled by this interpreter; None if it can compile.
missing = _load()


def __getattr__(name):
    # Not at start: it imports modules of the standard library.
    if name == "jit":
        from importlib import import_module
        return import_module("clinker.jit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _option(name, variable, bare):
    """The value of an -X option, or else of a variable; None if there is none."""
    value = sys._xoptions.get(name)
    if value is None and not sys.flags.ignore_environment:
        value = os.environ.get(variable) or None
    return bare if value is True else value


def _start():
    """Does as -X jit, -X lazy_report and the like say. Called by clinker.pth."""
    # A folder of packages can be in sys.path twice: that of a venv is, while site works on it.
    if _start.done:
        return
    _start.done = True
    jit = _option("jit", "PYTHON_JIT", "1")
    if jit == "0":
        jit = None
    values = {key: _option("lazy_" + key, variable, "") for key, variable in _LAZY.items()}
    values = {key: value for key, value in values.items() if value is not None}
    if jit is None and not values:
        return
    if missing is not None:
        if sys.stderr is not None:
            print(f"clinker: not started: {missing}", file=sys.stderr)
        return
    import _jit
    import _lazyclient
    # The site module runs in each interpreter.
    if not _jit._serves():
        return
    try:
        if values:
            _lazyclient._start(values)
        if jit is not None:
            _jit._start(jit)
    except Exception as error:
        # What is wrong ends the start, as it does with a compiler that is built in. An exception would not: site goes on.
        if sys.stderr is not None:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


_start.done = False
