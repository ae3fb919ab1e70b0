"""What Clinker adds to Python.

The compiler and the client of deferred imports are native modules beside this file: one file for interpreters with Clinker's
hooks, of the very build it was made for, and one for stock interpreters of the release, which has the compiler alone and does
less. `missing` says what an interpreter cannot do; in others nothing native is loaded. Without the hooks, imports are deferred by
`clinker.lazy`, in Python.
"""

import os
import sys

__all__ = ["jit", "missing"]

_HERE = os.path.dirname(__file__)
_LAZY = {"report": "PYTHON_LAZY_REPORT", "profile": "PYTHON_LAZY_PROFILE", "filter": "PYTHON_LAZY_FILTER"}


_REDUCED = ("this CPython has none of Clinker's hooks: native code is entered when functions are called, and left when they handle an "
            "exception; generators, coroutines and loops that have begun are not compiled, and deferred imports not reported")


def _load():
    """Loads the native modules; returns why that is not possible, or None."""
    from importlib.util import module_from_spec, spec_from_file_location
    file, names = ("_native.so", ("_jit", "_lazyclient")) if _has_hooks else ("_stock.so", ("_jit",))
    try:
        for name in names:
            spec = spec_from_file_location(name, os.path.join(_HERE, file))
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[name] = module
    except ImportError as error:
        return str(error)
    return None


_has_hooks = hasattr(sys, "_jit")
_failure = _load()

# What this interpreter cannot do, or why nothing is compiled by it; None if nothing is missing.
missing = _failure or (None if _has_hooks else _REDUCED)


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


def _end(error):
    """Ends the start, as what is wrong does with what is built in. An exception would not: site goes on."""
    if sys.stderr is not None:
        print(error, file=sys.stderr, flush=True)
    os._exit(1)


def _defer(values):
    """Defers imports without the hooks, if that is asked for; takes out of the values of options what it does."""
    mode = _option("lazy_imports", "PYTHON_LAZY_IMPORTS", "")
    if mode is None:
        return
    filters = [values.pop("filter")] if values.get("filter") else []
    profiles = []
    if values.get("profile", "").startswith("use:"):
        profiles = values.pop("profile").removeprefix("use:").split(",")
    from clinker import lazy
    try:
        lazy.start(mode, filters, profiles)
    except ValueError as error:
        _end(error)


def _start():
    """Does as -X jit, -X lazy_imports, -X lazy_report and the like say. Called by clinker.pth."""
    # A folder of packages can be in sys.path twice: that of a venv is, while site works on it.
    if _start.done:
        return
    _start.done = True
    jit = _option("jit", "PYTHON_JIT", "1")
    if jit == "0":
        jit = None
    values = {key: _option("lazy_" + key, variable, "") for key, variable in _LAZY.items()}
    values = {key: value for key, value in values.items() if value is not None}
    if not hasattr(sys, "set_lazy_imports"):
        _defer(values)
    if jit is None and not values:
        return
    if _failure or values and not _has_hooks:
        if sys.stderr is not None:
            print(f"clinker: not started: {missing}", file=sys.stderr)
        if _failure or jit is None:
            return
    import _jit
    # The site module runs in each interpreter.
    if not _jit._serves():
        return
    try:
        if values and _has_hooks:
            import _lazyclient
            _lazyclient._start(values)
        if jit is not None:
            _jit._start(jit)
    except Exception as error:
        _end(f"{type(error).__name__}: {error}")


_start.done = False
