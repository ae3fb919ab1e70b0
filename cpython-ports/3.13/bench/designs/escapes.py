"""Reads a deferred import in every way there is, and prints what each way got, as JSON:

    python -X lazy_imports=all escapes.py

`object` is what the import binds, `placeholder` what stands for it; `missing` is neither, and the rest names an exception.
"""

import code
import collections
import copy
import ctypes
import functools
import importlib
import inspect
import io
import itertools
import json
import operator
import os
import pdb
import pickle
import pkgutil
import string
import sys
import timeit
import types
import typing
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "subject"))

k = "escape_target"
api = ctypes.pythonapi
OBJECT = ctypes.py_object


def capi(name, *arguments, result=OBJECT):
    """Calls a C function; texts are C strings."""
    function = getattr(api, name)
    function.restype = result
    function.argtypes = [ctypes.c_char_p if isinstance(argument, bytes) else OBJECT for argument in arguments]
    return function(*arguments)


def borrowed(name, *arguments):
    """As capi(), for functions whose result is a borrowed reference."""
    found = capi(name, *arguments, result=ctypes.c_void_p)
    return ctypes.cast(found, OBJECT).value if found else None


def raw(module):
    """The dictionary that C code gets."""
    return borrowed("PyModule_GetDict", module)


def stored(name, *arguments):
    """As capi(), for functions that store what they find."""
    function = getattr(api, name)
    function.argtypes = [OBJECT] * len(arguments) + [ctypes.c_void_p]
    found = ctypes.c_void_p()
    function(*arguments, ctypes.byref(found))
    return ctypes.cast(found, OBJECT).value if found else None


def by_next(d):
    """The values that a loop in C sees."""
    function = api.PyDict_Next
    function.argtypes = [OBJECT, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    position, key, value = ctypes.c_ssize_t(0), ctypes.c_void_p(), ctypes.c_void_p()
    found = []
    while function(d, ctypes.byref(position), ctypes.byref(key), ctypes.byref(value)):
        found.append(ctypes.cast(value, OBJECT).value)
    return found


def merged(name, d, *more):
    into = {}
    function = getattr(api, name)
    function.argtypes = [OBJECT, OBJECT] + [ctypes.c_int] * len(more)
    function(into, d, *more)
    return into


def star():
    names = {}
    exec("from escape_subject import *", names)
    return names[k]


def from_import():
    from escape_subject import escape_target
    return escape_target


def keywords(**names):
    return names


def positional(*values):
    return values


def updated(into, *arguments, **names):
    into.update(*arguments, **names)
    return into


def merged_in_place(into, d):
    into |= d
    return into


def interactive(names):
    interpreter = code.InteractiveInterpreter({**names, "found": (got := [])})
    interpreter.runsource(f"found.append({k})")
    return got


def debugger(frame_globals):
    debugger = pdb.Pdb(stdin=io.StringIO(), stdout=io.StringIO())
    debugger.curframe = types.SimpleNamespace(f_globals=frame_globals, f_locals={})
    debugger.curframe_locals = {}
    return debugger._getval(k)


def popped_items(d):
    d = d.copy()
    return [d.popitem() for _ in range(len(d))]


def matched(d):
    match d:
        case {"escape_target": found}:
            return found
    raise KeyError(k)


def matched_rest(d):
    match d:
        case {"__name__": _, **rest}:
            return rest


def patched(m):
    with unittest.mock.patch.object(m, k, 1) as _:
        pass
    return getattr(m, k)


class Seen:
    """Equals nothing, and remembers what it was compared with."""

    def __init__(self):
        self.values = []

    def __eq__(self, other):
        self.values.append(other)
        return False


def compared(d):
    seen = Seen()
    {name: seen if name == k else d[name] for name in d} == d
    return seen.values


# m is the module, d its __dict__ and g the __globals__ of its functions.
WAYS = r"""
m.escape_target
getattr(m, k)
getattr(m, k, None)
hasattr(m, k) and m.escape_target
operator.attrgetter(k)(m)
object.__getattribute__(m, k)
types.ModuleType.__getattribute__(m, k)
from_import()
star()
__import__("escape_subject", fromlist=[k]).escape_target
importlib.import_module("escape_subject").escape_target
sys.modules["escape_subject"].escape_target
pkgutil.resolve_name("escape_subject:escape_target")
pickle.loads(b"cescape_subject\nescape_target\n.")
[getattr(m, name) for name in dir(m)]
inspect.getmembers(m)
inspect.getattr_static(m, k)
patched(m)
m.read()
m.in_lambda()
m.in_comprehension()
m.in_generator()
m.in_class()
m.in_default()
m.in_format()
m.declared_global()
m.evaluated()
m.executed()
m.executed_with_copy()
m.by_globals()
m.by_globals_get()
m.by_values()
m.by_frame()
m.by_frame_of_caller()
m.by_traceback()
m.by_itself()
m.context().__enter__()
typing.get_type_hints(m.annotated)
inspect.get_annotations(m.annotated, eval_str=True)
inspect.getclosurevars(m.read).globals
types.FunctionType(m.read.__code__, g)()
types.FunctionType(m.read.__code__, dict(g))()
eval(k, g)
eval(k, d)
eval(k, dict(d))
eval(k, {}, d)
exec(f"found = {k}", g, found := {}) or found
timeit.timeit(f"found.append({k})", number=1, globals={**d, "found": (found := [])}) and found
interactive(d)
debugger(g)
vars(m)[k]
vars(m).get(k)
m.__dict__[k]
d[k]
d.get(k)
d.setdefault(k)
d.pop(k)
d.copy()[k]
copy.copy(d)[k]
dict(d)[k]
dict(d, q=1)[k]
dict(**d)[k]
{**d}[k]
(d | {})[k]
({} | d)[k]
merged_in_place({}, d)[k]
updated({}, d)[k]
updated({}, **d)[k]
updated({}, d.items())[k]
list(d.values())
list(reversed(d.values()))
[value for value in d.values()]
tuple(d.values())
[*d.values()]
[].extend(d.values()) or list(map(lambda value: value, d.values()))
list(itertools.chain(d.values()))
list(d.items())
[value for name, value in d.items()]
{name: value for name, value in d.items()}
list(zip(d, d.values()))
sorted(d.items(), key=operator.itemgetter(0))
popped_items(d)
operator.itemgetter(k)(d)
types.MappingProxyType(d)[k]
list(types.MappingProxyType(d).values())
collections.ChainMap({}, d)[k]
collections.OrderedDict(d)[k]
collections.UserDict(d)[k]
types.SimpleNamespace(**d).escape_target
type("T", (), dict(d)).__dict__[k]
keywords(**d)
positional(*d.values())
functools.partial(keywords, **d)()
matched(d)
matched_rest(d)
compared(d)
repr(d)
str(d.values())
"%r" % (d,)
string.Formatter().get_field("0[escape_target]", [d], {})[0]
repr(g)
g[k]
g.get(k)
list(g.values())
list(g.items())
{**g}[k]
dict(g)[k]
g.copy()[k]
g.setdefault(k)
collections.ChainMap({}, g)[k]
types.MappingProxyType(g)[k]
capi("PyObject_GetAttrString", m, k.encode())
capi("PyObject_GetAttr", m, k)
capi("PyObject_GenericGetAttr", m, k)
stored("PyObject_GetOptionalAttr", m, k)
raw(m)[k]
borrowed("PyDict_GetItem", raw(m), k)
borrowed("PyDict_GetItemString", raw(m), k.encode())
borrowed("PyDict_GetItemWithError", raw(m), k)
stored("PyDict_GetItemRef", raw(m), k)
borrowed("PyDict_SetDefault", raw(m), k, None)
stored("PyDict_Pop", raw(m), k)
by_next(raw(m))
capi("PyDict_Values", raw(m))
capi("PyDict_Items", raw(m))
capi("PyDict_Copy", raw(m))[k]
capi("PyObject_GetItem", raw(m), k)
capi("PyMapping_GetItemString", raw(m), k.encode())
stored("PyMapping_GetOptionalItem", raw(m), k)
capi("PyMapping_Values", raw(m))
capi("PyMapping_Items", raw(m))
merged("PyDict_Update", raw(m))[k]
merged("PyDict_Merge", raw(m), 1)[k]
capi("PyObject_Repr", raw(m))
capi("PySequence_List", raw(m).values())
capi("PyEval_EvalCode", compile(k, "", "eval"), raw(m), raw(m))
"""


def values_in(found, depth=0):
    """What was got, and what is in it."""
    yield found
    if depth < 3:
        if isinstance(found, (list, tuple, set, frozenset)):
            for value in found:
                yield from values_in(value, depth + 1)
        elif isinstance(found, dict):
            for value in dict.values(found):
                yield from values_in(value, depth + 1)


def outcome(way):
    """What a way gets in a module that has just been imported."""
    for name in ("escape_subject", k):
        sys.modules.pop(name, None)
    m = importlib.import_module("escape_subject")
    if k in sys.modules:
        raise SystemExit(f"{k} is imported at once: imports have to be lazy for this")
    g = m.read.__globals__
    names = {**globals(), "m": m, "g": g}
    if "d" in compile(way, "", "eval").co_names:
        names["d"] = m.__dict__
    try:
        got = list(values_in(eval(way, names)))
    except KeyError:
        return "missing"
    except Exception as error:
        return type(error).__name__
    texts = [value for value in got if isinstance(value, str)]
    if any(type(value).__name__ == "lazy_import" for value in got) or any("<lazy_import" in text for text in texts):
        return "placeholder"
    target = sys.modules.get(k)
    seen = target is not None and any(value is target for value in got) or any(f"<module '{k}'" in text for text in texts)
    return "object" if seen else "missing"


if __name__ == "__main__":
    ways = [way for way in WAYS.splitlines() if way]
    print(json.dumps({way: outcome(way) for way in ways}))
