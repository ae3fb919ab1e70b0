"""Has a deferred import. Ways to read the name from here are functions that return what they got."""

import contextlib
import sys

import escape_target


def read():
    return escape_target


def in_lambda():
    return (lambda: escape_target)()


def in_comprehension():
    return [escape_target for _ in range(1)]


def in_generator():
    return list(escape_target for _ in range(1))


def in_class():
    class Body:
        here = escape_target
    return Body.here


def in_default(value=None):
    def function(argument=escape_target):
        return argument
    return function()


def in_format():
    return f"{escape_target.__name__}" == "escape_target" and sys.modules["escape_target"]


def declared_global():
    global escape_target
    return escape_target


def evaluated():
    return eval("escape_target")


def executed():
    names = {}
    exec("found = escape_target", globals(), names)
    return names["found"]


def executed_with_copy():
    return eval("escape_target", dict(globals()))


def by_globals():
    return globals()["escape_target"]


def by_globals_get():
    return globals().get("escape_target")


def by_values():
    return list(globals().values())


def by_frame():
    return sys._getframe().f_globals["escape_target"]


def by_frame_of_caller():
    return frame()["escape_target"]


def frame():
    return sys._getframe(1).f_globals


def by_traceback():
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__.tb_frame.f_globals["escape_target"]


def by_itself():
    return sys.modules[__name__].escape_target


def annotated() -> "escape_target":
    pass


@contextlib.contextmanager
def context():
    yield escape_target
