"""The builtins of modules with deferred imports: a dictionary that finds what the module has deferred.

It is a copy, one for all of them. What is assigned to an attribute of builtins, and what is stored in the copy, is in both.
"""

import builtins
import sys
from types import ModuleType

from clinker.lazy.deferrals import deferrals_in

_REAL = vars(builtins)
_OPTIMIZED = 0x1


class Builtins(dict):
    """What a module with deferred imports has as __builtins__."""

    __slots__ = ()

    def __missing__(self, name):
        deferrals = deferrals_in(sys._getframe(1).f_globals)
        if deferrals is not None:
            if name in deferrals.statements:
                try:
                    return deferrals.declare(name, sys._getframe(1))
                except KeyError as error:
                    # It would be taken for "there is no such name".
                    raise ImportError(f"an import raised {error!r}") from error
            if name in deferrals.table:
                return deferrals.resolve(name)
            # Another thread may have been faster.
            if name in deferrals.namespace:
                return deferrals.namespace[name]
        # New in the real ones.
        return _REAL[name]

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        _REAL[name] = value

    def __delitem__(self, name):
        super().__delitem__(name)
        _REAL.pop(name, None)


class BuiltinsModule(ModuleType):
    """The class of the module builtins: tells the copy what is assigned to its attributes."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name not in OVERRIDDEN:
            dict.__setitem__(BUILTINS, name, value)

    def __delattr__(self, name):
        super().__delattr__(name)
        if name not in OVERRIDDEN:
            BUILTINS.pop(name, None)


def _complete(namespace):
    deferrals = deferrals_in(namespace)
    if deferrals is not None:
        deferrals.resolve_all()
    return namespace


def _locals(frame):
    if frame.f_code.co_flags & _OPTIMIZED:
        return dict(frame.f_locals)
    return _complete(frame.f_locals) if type(frame.f_locals) is dict else frame.f_locals


def globals():
    """As the builtin, with everything resolved."""
    return _complete(sys._getframe(1).f_globals)


def locals():
    """As the builtin, with everything resolved."""
    return _locals(sys._getframe(1))


def vars(*arguments):
    """As the builtin, with everything resolved."""
    return builtins.vars(*arguments) if arguments else _locals(sys._getframe(1))


def dir(*arguments):
    """As the builtin, with the names that are deferred."""
    if arguments:
        return builtins.dir(*arguments)
    names = sys._getframe(1).f_locals
    deferrals = deferrals_in(names) if type(names) is dict else None
    return sorted(names) if deferrals is None else sorted(deferrals.names())


OVERRIDDEN = {function.__name__: function for function in (globals, locals, vars, dir)}
BUILTINS = Builtins(_REAL)
dict.update(BUILTINS, OVERRIDDEN)


def install():
    """Lets the copy know what is assigned to the real ones."""
    builtins.__class__ = BuiltinsModule
