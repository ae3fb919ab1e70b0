"""Handlers of exceptions in which nobody sees the exception, which is not made then."""

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


OTHERS = """
class Plain:
    pass
class Slots:
    __slots__ = "a", "b"
class Computed:
    def __init__(self, value):
        self.value = value
    @property
    def a(self):
        if self.value % 3:
            raise AttributeError("no a")
        return self.value
class Falls:
    def __getattr__(self, name):
        if name != "a" or self.value % 3:
            raise AttributeError(name)
        return self.value
class All:
    def __getattribute__(self, name):
        if name == "a" and object.__getattribute__(self, "value") % 2:
            raise AttributeError(name)
        return object.__getattribute__(self, name)
class Worse(AttributeError):
    pass
class Raises:
    @property
    def a(self):
        raise Worse("a") if self.value % 2 else ValueError("a")
class Descriptor:
    def __get__(self, owner, kind):
        if owner.value % 2:
            raise AttributeError
        return self
class Described:
    a = Descriptor()
class Class:
    a = 5
def made(kind, i, *values):
    thing = kind(*values)
    if i % 4 and kind not in (Computed, Class):
        try:
            thing.a = i
        except Exception:
            pass
    try:
        thing.value = i
    except AttributeError:
        pass
    return thing
def attribute(thing):
    try:
        return thing.a
    except AttributeError:
        return -1
def sums(things):
    total = 0
    for thing in things:
        try:
            total += thing.a
        except AttributeError:
            continue
    return total
def chain(thing):
    try:
        value = thing.a.real
    except AttributeError:
        value = None
    return value
def last(items, i):
    try:
        value = items[i]
    except IndexError:
        value = None
    return value
def until(iterator):
    found = []
    while True:
        try:
            item = next(iterator)
        except StopIteration:
            break
        found.append(item)
    return found
def first(iterator):
    try:
        return next(iterator)
    except StopIteration:
        return "nothing"
"""


class OtherErrorsTest(ProgramTest):
    """`AttributeError`, `IndexError` and `StopIteration`."""

    def check(self, source):
        super().check(START + OTHERS + textwrap.dedent(source))

    def test_attributes(self):
        self.check("""
            def one(i, kind, *values):
                thing = made(kind, i, *values)
                return attribute(thing), chain(thing), sums([thing, thing])
            def caught(i, kind):
                try:
                    return one(i, kind)
                except (ValueError, TypeError) as error:
                    return repr(error), repr(error.__context__)
            for kind in Plain, Slots, Falls, All, Raises, Class, object, int, str, type(sys):
                repeat(caught, kind) if kind is not type(sys) else repeat(one, kind, "name")
            repeat(one, Computed, 4)
            repeat(one, Computed, 6)
            repeat(caught, Described)
            kinds = [Plain, Slots, Falls, All, Class, Plain]
            def mixed(i):
                return one(i, kinds[i % 6])
            repeat(mixed)
            def of_class(i):
                return attribute(Plain if i % 5 else Class), attribute(sys), attribute(None)
            repeat(of_class)
            Plain.a = 7
            repeat(one, Plain)
            repeat(of_class)
        """)

    def test_items(self):
        self.check("""
            import array, collections
            class Own:
                def __getitem__(self, index):
                    if index > 3:
                        raise IndexError(index)
                    return index * 2
            def one(i, items):
                return last(items, i % 7), last(items, -(i % 7)), last(items, i % 2)
            def caught(i, items, index):
                try:
                    return last(items, index), one(i, items)
                except (TypeError, KeyError, ValueError) as error:
                    return repr(error), repr(error.__context__)
            things = [1, 2.5, "s", None], (1, 2.5, "s"), "text", b"text", range(4), array.array("d", [1, 2]), collections.deque([1, 2, 3]), Own(), [], ()
            for thing in things:
                repeat(one, thing)
            def mixed(i):
                return one(i, things[i % 3])
            repeat(mixed)
            for index in None, 2**70, -2**70, 1.5, "s", True, slice(1, 3), {}:
                for thing in things[:3] + ({1: 2},):
                    repeat(caught, thing, index)
        """)

    def test_iterators(self):
        self.check("""
            class Counts:
                def __init__(self, n, error=StopIteration):
                    self.n, self.error = n, error
                def __iter__(self):
                    return self
                def __next__(self):
                    self.n -= 1
                    if self.n < 0:
                        raise self.error
                    return self.n
            class Ends(StopIteration):
                pass
            def gives(n):
                yield from range(n)
                return "value"
            def fails(n):
                yield n
                raise ValueError(n)
            makers = [lambda n: iter(range(n)), lambda n: iter([None] * n), lambda n: iter("x" * n), gives, Counts, lambda n: Counts(n, Ends),
                      lambda n: map(str, gives(n)), lambda n: zip(gives(n), range(9)), lambda n: iter(dict.fromkeys(range(n)).items()), fails,
                      lambda n: Counts(n, KeyError), lambda n: [n], lambda n: None, lambda n: iter(lambda: 3, 3)]
            def one(i, make):
                try:
                    return until(make(i % 5)), first(make(i % 2))
                except (ValueError, KeyError, TypeError) as error:
                    return repr(error), repr(error.__context__)
            for make in makers:
                repeat(one, make)
            def mixed(i):
                return one(i, makers[i % len(makers)])
            repeat(mixed)
            def two(i):
                iterator = iter(range(i % 4))
                found = []
                for _ in range(3):
                    try:
                        pair = next(iterator), next(iterator)
                    except StopIteration:
                        pair = None
                    found.append(pair)
                return found
            repeat(two)
            original = next
            def next(iterator):
                return original(iterator, "default")
            def still(i):
                return first(iter(range(i % 2)))
            repeat(still)
            del next
            repeat(still)
            def changed(i):
                global StopIteration
                if i == 1200:
                    StopIteration = ValueError
                try:
                    return first(iter(range(i % 2)))
                except RuntimeError as error:
                    return repr(error)
                except BaseException as error:
                    return "base", repr(error)
            repeat(changed)
            class Meddles:
                def __next__(self):
                    global StopIteration
                    StopIteration = LookupError
                    raise KeyError(1)
            del StopIteration
            def meddled(i):
                global StopIteration
                try:
                    return first(Meddles() if i % 100 == 99 else iter(()))
                except KeyError:
                    return "no"
                finally:
                    globals().pop("StopIteration", None)
            repeat(meddled)
        """)

    def test_tools(self):
        self.check("""
            events = []
            def trace(frame, event, argument):
                if frame.f_code.co_name in ("attribute", "first", "last"):
                    events.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno,
                                   event == "exception" and repr(argument[1])))
                return trace
            class Starts:
                def __getattr__(self, name):
                    sys._getframe(1).f_trace = trace
                    sys.settrace(trace)
                    raise AttributeError(name)
                def __getitem__(self, index):
                    sys._getframe(1).f_trace = trace
                    sys.settrace(trace)
                    raise IndexError(index)
                def __next__(self):
                    sys._getframe(1).f_trace = trace
                    sys.settrace(trace)
                    raise StopIteration
            def quiet(i):
                return attribute(Plain()), last([], i), first(iter(()))
            repeat(quiet)
            for i in range(6):
                for f, arguments in (attribute, ()), (last, (i,)), (first, ()):
                    print(f(Starts(), *arguments))
                    sys.settrace(None)
            print(*events, sep="\\n")
        """)

    def test_is_used(self):
        status, output, errors = run(START + OTHERS + """
import clinker.jit
def one(i):
    return attribute(Plain()), last([], i), first(iter(())), until(iter([i]))
repeat(one)
for function in attribute, last, first, until:
    clinker.jit.print_hir(function)
""", "auto,after=200")
        self.assertEqual(status, 0, errors)
        for helper, count in ("find_attr", 1), ("find_item", 1), ("find_next", 2):
            self.assertEqual(output.count(f"Call({helper}, "), count, output)


if __name__ == "__main__":
    unittest.main()
