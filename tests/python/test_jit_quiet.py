"""Handlers of KeyError in which nobody sees the exception, which is not made then."""

import textwrap
import unittest

from jit_programs import ProgramTest, run, setUpModule

START = """
import sys, zlib
some = {i: i for i in range(0, 1000, 3)}
def repeat(function, *arguments):
    results = [function(i, *arguments) for i in range(1500)]
    print(function.__name__, results[:9], zlib.crc32(repr(results).encode()), results[-3:])
"""

HANDLERS = """
def passes(i):
    total = 0
    for k in range(i, i + 4):
        try:
            total += some[k]
        except KeyError:
            pass
    return total
def constant(i):
    try:
        value = some[i]
    except KeyError:
        value = -1
    return value
def variable(i):
    other = i * 2.5
    try:
        value = some[i]
    except KeyError:
        value = other
    return value
def returns(i):
    try:
        return some[i]
    except KeyError:
        return None
def returns_variable(i):
    other = str(i)
    try:
        return some[i]
    except KeyError:
        return other
def goes_on(i):
    found = []
    for k in range(i, i + 4):
        try:
            value = some[k]
        except KeyError:
            continue
        found.append(value)
    return tuple(found)
def leaves(i):
    for k in range(i, i + 4):
        try:
            some[k]
        except KeyError:
            break
    return k
def on_the_stack(i):
    total = 0
    for k in range(i, i + 3):
        for j in (1, 2):
            try:
                total += j * some[k * j]
            except KeyError:
                total = total
    return total
def generator(i):
    for k in range(i, i + 4):
        try:
            yield some[k]
        except KeyError:
            yield -k
def items(i):
    return tuple(generator(i))
def after_else(i):
    try:
        value = some[i]
    except KeyError:
        value = 1
    else:
        value = value + 1
    finally:
        i = 7
    return value, i
def two_keys(i):
    try:
        return some[i] + some[i + 3]
    except KeyError:
        return 0
def with_cell(i):
    try:
        value = some[i]
    except KeyError:
        value = i
    return (lambda: value)()
def remembers(i, known={(k, k + 1): k for k in range(0, 1000, 3)}):
    j = i + 1
    try:
        return known[i, j]
    except KeyError:
        pass
    return i * 2
class Number:
    def __init__(self, value):
        self.value = value
    def __hash__(self):
        return hash(self.value)
    def __eq__(self, other):
        return self.value == other
    def __del__(self):
        died.append(sys.exception())
died = []
def of_objects(i, known={(k, k + 1): k for k in range(0, 1000, 3)}):
    number = Number(i)
    try:
        return known[number, i + 1]
    except KeyError:
        pass
    return number.value, len(died)
def of_new_objects(i, known={(k, k + 1): k for k in range(0, 1000, 3)}):
    try:
        return known[Number(i), i + 1]
    except KeyError:
        pass
    return len(died), died[-1]
functions = [passes, constant, variable, returns, returns_variable, goes_on, leaves, on_the_stack, items, after_else, two_keys,
             with_cell, remembers, of_objects, of_new_objects]
"""


class QuietTest(ProgramTest):
    def check(self, source):
        super().check(START + textwrap.dedent(source))

    def test_handlers(self):
        self.check(HANDLERS + """
for function in functions:
    repeat(function)
""")

    def test_is_used(self):
        status, output, errors = run(START + HANDLERS + """
import clinker.jit
for function in passes, constant, returns, goes_on, remembers, of_objects:
    repeat(function)
    clinker.jit.print_hir(function)
""", "auto,after=200")
        self.assertEqual(status, 0, errors)
        self.assertEqual(output.count("Call(find_item_dict"), 6, output)

    def test_what_is_handled_around_it(self):
        self.check("""
            def inner(i):
                try:
                    value = some[i]
                except KeyError:
                    value = None
                return sys.exception(), value
            def outer(i):
                try:
                    raise ValueError(i)
                except ValueError:
                    seen = inner(i)
                    return repr(seen[0]), seen[1]
            def raises(i):
                try:
                    some[i]
                except KeyError:
                    pass
                try:
                    raise ValueError(i)
                except ValueError as error:
                    return repr(error.__context__)
            repeat(outer)
            repeat(raises)
            print(sys.exception())
        """)

    def test_other_names(self):
        self.check("""
            def f(i):
                try:
                    return some[i]
                except KeyError:
                    return -1
            def g(i):
                try:
                    return f(i)
                except KeyError as error:
                    return error.args[0] + 0.5
            repeat(g)
            KeyError = ValueError
            repeat(g)
            KeyError = LookupError
            repeat(g)
            del KeyError
            repeat(g)
            import builtins
            builtins.KeyError, original = ValueError, KeyError
            try:
                repeat(f)
            except original as error:
                print("raised", error)
            builtins.KeyError = original
            repeat(g)
        """)

    def test_other_containers_and_keys(self):
        self.check("""
            class Missing(dict):
                def __missing__(self, key):
                    if key % 2:
                        raise KeyError(key)
                    return -key
            class Key:
                def __init__(self, value):
                    self.value = value
                def __hash__(self):
                    if self.value % 7 == 1:
                        raise KeyError("hash")
                    if self.value % 7 == 2:
                        raise ValueError("hash")
                    return hash(self.value)
                def __eq__(self, other):
                    if self.value % 7 == 3:
                        raise KeyError("eq")
                    return self.value == other
                def __del__(self):
                    log.append(self.value)
            def f(container, key):
                try:
                    return container[key]
                except KeyError:
                    return None
            def g(i):
                try:
                    return f(containers[i % len(containers)], keys[i % len(keys)](i))
                except (TypeError, ValueError, IndexError) as error:
                    return repr(error)
            log = []
            containers, keys = [some], [int]
            repeat(g)
            for containers in ([some, Missing(some)], [some, [1, 2, 3]], [some]):
                for keys in ([int], [int, str], [int, lambda i: [i]], [Key], [lambda i: (i, Key(i))]):
                    repeat(g)
            print(len(log), sum(log))
        """)

    def test_tools(self):
        self.check("""
            events = []
            def trace(frame, event, argument):
                if frame.f_code.co_name == "f":
                    events.append((event, frame.f_lineno - frame.f_code.co_firstlineno, event == "exception" and repr(argument[1])))
                return trace
            class Key:
                def __init__(self, value, asks):
                    self.value, self.asks = value, asks
                def __hash__(self):
                    if self.asks:
                        frame = sys._getframe(1)
                        frame.f_trace = trace
                        sys.settrace(trace)
                    return hash(self.value)
                def __eq__(self, other):
                    return self.value == other
                def __repr__(self):
                    return str(self.value)
            def f(key):
                for i in range(2):
                    try:
                        value = some[key]
                    except KeyError:
                        value = -1
                return value
            def g(i, asks):
                return f(Key(i, asks))
            repeat(g, False)
            for i in range(6):
                print(g(i, True))
                sys.settrace(None)
            print(*events, sep="\\n")
            seen = []
            monitoring = sys.monitoring
            monitoring.use_tool_id(3, "test")
            for name in "RAISE", "EXCEPTION_HANDLED":
                event = getattr(monitoring.events, name)
                monitoring.register_callback(3, event, lambda code, offset, error, name=name: seen.append((name, repr(error))))
            def h(i):
                if i == 1490:
                    monitoring.set_events(3, monitoring.events.RAISE | monitoring.events.EXCEPTION_HANDLED)
                if i == 1495:
                    monitoring.set_events(3, 0)
                return f(i)
            repeat(h)
            print(len(seen), seen[:4])
        """)

    def test_variables_that_somebody_looks_at(self):
        self.check("""
            class Dies:
                def __del__(self):
                    frame = sys._getframe(1)
                    log.append((sorted(map(str, frame.f_locals)), repr(sys.exception()), frame.f_lineno - frame.f_code.co_firstlineno))
            log = []
            def f(i):
                value = Dies()
                try:
                    value = some[i]
                except KeyError:
                    value = None
                return value
            def g(i):
                value = i + 0.5
                try:
                    other = some[i]
                except KeyError:
                    value = -1.5
                return sorted(sys._getframe().f_locals.items())[0], value
            def unbound(i):
                try:
                    value = some[i]
                except KeyError:
                    pass
                try:
                    return value
                except UnboundLocalError as error:
                    return repr(error)
            repeat(f)
            print(len(log), *sorted(set(map(str, log))), sep="\\n")
            repeat(g)
            repeat(unbound)
        """)


if __name__ == "__main__":
    unittest.main()
