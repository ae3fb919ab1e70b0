"""Native code: programs behave as in the interpreter, whatever is compiled."""

import unittest

from jit_programs import ProgramTest, run, setUpModule


class SameTest(ProgramTest):
    # Numbers

    def test_int_arithmetic_at_the_edges(self):
        self.check("""
            def all_of(a, b):
                out = [a + b, a - b, a * b, a & b, a | b, a ^ b, -a, ~a, a < b, a <= b, a == b, a != b, a > b, a >= b]
                for operation in (lambda: a // b, lambda: a % b, lambda: a / b, lambda: a ** 2,
                                  lambda: a << b if b < 200 else None, lambda: a >> b):
                    try:
                        out.append(operation())
                    except Exception as error:
                        out.append(repr(error))
                return out
            edges = [0, 1, -1, 2, 3, -3, 5, 62, 63, 64, 65, 2**29, 2**30 - 1, 2**30, 2**31, 2**53 + 1, 2**60,
                     2**62, 2**63 - 1, 2**63, 2**64, -2**63, -2**63 - 1, -2**30, 2**100]
            results = []
            for _ in range(3):
                for a in edges:
                    for b in edges:
                        results.append(all_of(a, b))
            print(hash(str(results)) is not None, len(results), str(results)[-3000:])
            import hashlib
            print(hashlib.sha256(str(results).encode()).hexdigest())
        """)

    def test_ints_that_outgrow_the_register_in_a_loop(self):
        self.check("""
            def grow(n):
                x, out = 1, []
                for i in range(n):
                    x = x * 3 + i
                    if i % 97 == 0:
                        out.append(x)
                return out
            for _ in range(5):
                print(grow(500)[-1])
            def swing(n):
                x = 1
                for i in range(n):
                    x = x * 2 if x < 2**70 else x // 2**69
                return x
            print(swing(5000))
        """)

    def test_floats(self):
        self.check("""
            inf, nan = float("inf"), float("nan")
            values = [0.0, -0.0, 1.5, -2.25, 1e308, -1e308, 5e-324, inf, -inf, nan, 3, -7, 2**53 + 1, True]
            def all_of(a, b):
                out = [a + b, a - b, a * b, -a, a < b, a <= b, a == b, a != b, a > b, a >= b, a == 0, 0 < a, bool(a)]
                for operation in (lambda: a / b, lambda: a ** b if float in (type(a), type(b)) else None):
                    try:
                        out.append(operation())
                    except ArithmeticError as error:
                        out.append(str(error))
                return [repr(x) for x in out]
            for _ in range(20):
                results = [all_of(a, b) for a in values for b in values]
            print(results)
        """)

    def test_floats_in_lists(self):
        self.check("""
            def f(n):
                a = [0.5, 1.5, 2.5]
                kept = a[1]
                b = [a[0], a[0], 1]
                for i in range(n):
                    a[i % 3] = a[i % 3] * 1.25 + 0.5 if a[i % 3] < 1e6 else a[i % 3] ** 0.5
                    b[i % 3] = a[0] * 2.0
                    if i == 700:
                        kept = a[2]
                        a[2] = kept * 3.0
                return a, b, kept
            for n in (10, 701, 702, 3000):
                print(f(n))
        """)

    def test_types_that_change(self):
        self.check("""
            def add(a, b):
                return a + b
            def total(items):
                t = items[0]
                for item in items[1:]:
                    t = t + item
                return t
            out = []
            for i in range(3000):
                a = [i, i * 0.5, str(i), [i], (i,), True][i % 6]
                out.append(add(a, a))
                if i % 100 == 0:
                    out.append(total([1, 2, 3.5, 4, 2**80, 1j]))
                    out.append(total(["a", "b"]))
            print(out[-20:], len(out))
        """)

    # Exceptions

    def test_tracebacks(self):
        self.check("""
            import traceback
            def divide(a, b):
                c = a * 2
                return (c
                        // b)
            def index(l, i):
                return l[0] + l[i]
            def attribute(o):
                return o.real + o.nothing
            def unbound(x):
                if x:
                    y = 1
                return y
            def call(f):
                return f(1, 2,
                         3)
            for _ in range(70):
                for f, args in [(divide, (1, 0)), (index, ([1], 3)), (attribute, (1,)), (unbound, (0,)), (call, (len,)),
                                (divide, (4, 2)), (index, ([1, 2], 1)), (unbound, (1,))]:
                    try:
                        f(*args)
                    except Exception:
                        last = traceback.format_exc()
                if _ in (0, 69):
                    print(last)
            try:
                call(divide)
            except TypeError:
                traceback.print_exc()
        """)

    def test_exceptions_in_loops(self):
        self.check("""
            def f(n):
                caught = 0
                for i in range(n):
                    try:
                        if i % 3 == 0:
                            raise ValueError(i)
                        [][i]
                    except ValueError as error:
                        caught += error.args[0]
                    except IndexError:
                        caught += 1
                    finally:
                        caught += 2
                return caught
            print(f(5000), f(10))
        """)

    def test_super_without_class(self):
        self.check("""
            def f(a):
                a += 1
                super()
            def g(a):
                a *= 0.5
                yield a
                super()
            for i in range(500):
                for call in (lambda: f(i), lambda: list(g(i))):
                    try:
                        call()
                    except RuntimeError as error:
                        last = str(error)
                if i % 100 == 0:
                    print(last)
        """)

    def test_recursion_limit(self):
        self.check("""
            import sys
            def depth(n):
                try:
                    return depth(n + 1)
                except RecursionError:
                    return n
            class C:
                def __init__(self, n):
                    self.n = n
                    self.next = C(n + 1)
            for limit in (150, 500, 3000):
                sys.setrecursionlimit(limit)
                print([depth(0) for _ in range(3)])
                try:
                    C(0)
                except RecursionError:
                    # At which depth depends on how often the interpreter has run the call.
                    print("too deep")
            sys.setrecursionlimit(10**6)
            def down(n):
                return 0 if n == 0 else 1 + down(n - 1)
            print(down(50000))
        """)

    def test_raising(self):
        self.check("""
            import traceback
            class Strange(Exception):
                def __new__(cls, *args):
                    return 5
            class Other(Exception):
                def __new__(cls, *args):
                    return KeyError("other")
            class Failing(Exception):
                def __init__(self):
                    raise OSError("no")
            def thrower(what, cause):
                items = [what, cause]
                if cause is False:
                    raise what
                raise items[0] from cause
            def middle(what, cause):
                return thrower(what, cause) + 1
            def outer(what, cause):
                try:
                    return middle(what, cause)
                except BaseException as error:
                    shown = "".join(traceback.format_exception(error))
                    return shown, type(error.__cause__).__name__, error.__suppress_context__
            cases = [(ValueError, False), (ValueError("x"), None), (KeyError(1), IndexError), (OSError(2, "b"), TypeError("c")),
                     (5, False), (int, False), (ValueError, 5), (ValueError, int), (Strange, False), (Other, False),
                     (Failing, False), (ValueError, Failing), (ValueError, Strange), (StopIteration(3), False)]
            for i in range(120):
                results = [outer(*case) for case in cases]
            print(results)
            class Tell:
                def __init__(self, name): self.name = name
                def __del__(self): told.append(self.name)
            told = []
            def holds(i):
                kept = Tell(i)
                pair = (kept, [Tell(-i), 1 / (i % 3)])
                return pair
            def count(n):
                failed = 0
                for i in range(n):
                    try:
                        holds(i)
                    except ZeroDivisionError as error:
                        failed += error.__traceback__.tb_next.tb_lineno
                return failed
            print(count(300), told[:20], len(told))
            def nested(n):
                if n == 0:
                    raise RuntimeError("bottom")
                return nested(n - 1)
            def depth(n):
                try:
                    nested(n)
                except RuntimeError as error:
                    return len(traceback.extract_tb(error.__traceback__))
            print([depth(n) for n in range(200)][-3:])
            def implicit():
                try:
                    raise KeyError("first")
                except KeyError:
                    thrower(ValueError("second"), False)
            for i in range(100):
                try:
                    implicit()
                except ValueError as error:
                    context = error.__context__
            print(repr(context), context.__traceback__.tb_lineno)
        """)

    # Lifetimes

    def test_finalizers_run_at_the_same_places(self):
        self.check("""
            log = []
            class D:
                def __init__(self, name): self.name = name
                def __del__(self): log.append(self.name)
            def f(i):
                a = D(f"a{i}")
                b = a
                a = 1
                log.append("one")
                b = a + 1
                log.append("two")
                l = [D(f"l{i}"), D(f"m{i}")]
                l[0] = 3
                log.append("three")
                D(f"t{i}")
                c = (D(f"c{i}"), i)
                x, y = c
                c = None
                log.append("four")
                del x
                log.append("five")
                o = D(f"o{i}")
                o.name2 = D(f"p{i}")
                o.name2 = 1
                log.append("six")
                return l
            for i in range(200):
                f(i)
                log.append("end")
            print(log[:30], log[-30:], len(log))
        """)

    def test_unboxed_variables_of_which_an_object_was_written(self):
        # The last reference to a float goes away: the variables are written to the frame for whoever looks, and what
        # was written has to be released.
        self.check("""
            import gc, sys
            def f():
                for a in range(10):
                    for b in range(3):
                        a += 0.0
            for i in range(80):
                gc.collect()
                before = sys.getallocatedblocks()
                f()
                gc.collect()
                after = sys.getallocatedblocks()
                if i > 1 and after - before > 3:
                    print("leaked", i, after - before)
            print("done")
        """)

    def test_arguments_of_a_tuple_die_with_the_frame(self):
        self.check("""
            class Named:
                def __init__(self, name): self.name = name
                def __del__(self): print(self.name, end=" ")
            def f(a, b=None, *rest, k=None, **more):
                a = None
                return len(rest) + len(more)
            def g(*args, **kwargs):
                return f(*args, **kwargs)
            def call():
                f(Named("a"), Named("b"), *(0,))
                print(f(Named("c"), *[Named("d")], k=Named("e"), **{"x": Named("f")}))
                print(g(Named("g"), k=Named("h")), g(*(Named(i) for i in range(4))))
                for wrong in ({"a": 1}, {"k": 1, 2: 3}):
                    try:
                        f(Named("i"), *(0,), **wrong)
                    except TypeError as error:
                        print(error)
            for _ in range(100):
                call()
            def recurse(*args):
                return recurse(*args)
            try:
                recurse(1, 2)
            except RecursionError as error:
                print(error)
        """)

    def test_reference_counts(self):
        self.check("""
            import sys
            def f(a, b, n):
                l = [a, b]
                for i in range(n):
                    x = l[i & 1]
                    y = x
                    l[0] = y
                    t = (x, y, l)
                    d = {"k": x}
                    x = d["k"]
                    l.append(x)
                    l.pop()
                    z = x if i % 2 else y
                    s = a.v
                    a.v = s
                return None
            class V: pass
            a, b = V(), V()
            a.v = marker = object()
            before = sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(marker), sys.getrefcount(f)
            for i in range(300):
                f(a, b, i)
            print([x - y for x, y in zip((sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(marker),
                                          sys.getrefcount(f)), before)])
        """)

    def test_code_that_dies_while_it_returns(self):
        self.check("""
            import gc
            def make(i):
                namespace = {}
                exec(f"def f(n):\\n    t = 0\\n    for i in range(n): t += i\\n    return t + {i}", namespace)
                return namespace["f"]
            print(sum(make(i)(100) for i in range(200)))
            class Last:
                def __del__(self):
                    print(make(1)(2000))
            def run():
                f = make(5)
                f.last = Last()
                f(3000)
            run()
            gc.collect()
        """)

    # Observers

    def test_frames_show_variables(self):
        self.check("""
            import sys
            def look():
                frame = sys._getframe(1)
                return sorted(frame.f_locals.items()), frame.f_lineno, frame.f_lasti
            def f(n):
                t, x = 0, 1.5
                for i in range(n):
                    t += i
                    x = x * 0.5
                    if i % 50 == 49:
                        seen = look()
                return seen, t, x
            for _ in range(3):
                print(f(1000))
            class Spy:
                def __del__(self):
                    print([item for item in look()[0] if item[0] != "self"], sys._getframe(1).f_locals["t"])
            def g(n):
                t = 0
                for i in range(n):
                    spy = Spy() if i == 900 else None
                    t += i
                return t
            print(g(1000))
        """)

    def test_writes_to_variables_of_frames_take_effect(self):
        self.check("""
            import sys
            def poke(name, value):
                sys._getframe(1).f_locals[name] = value
            def f(n):
                t, o = 0, "old"
                for i in range(n):
                    t += 1
                    if i == 700:
                        poke("t", 10_000)
                        poke("o", ["new"])
                    if i == 800:
                        poke("i", 5)
                        t += i
                return t, o
            print(f(1000))
            class Items:
                def __init__(self, n, at): self.n, self.at = n, at
                def __iter__(self): return self
                def __next__(self):
                    self.n -= 1
                    if self.n == self.at:
                        sys._getframe(1).f_locals["o"] = ["written", self.n]
                    if self.n < 0:
                        raise StopIteration
                    return self.n
            def h(n, at):
                o = ["kept"]
                for i in Items(n, at):
                    pass
                p = o
                return p, o
            for at in (-1, 0, 500, 999):
                print([h(1000, at) for _ in range(3)])
            class Poker:
                def __del__(self):
                    sys._getframe(1).f_locals["t"] = -1
            def g(n):
                t = 0
                for i in range(n):
                    p = Poker() if i == 900 else None
                    t += 1
                return t
            print(g(1000))
        """)

    def test_unboxed_variables_are_seen_from_calls(self):
        self.check("""
            import gc, sys, threading
            kept = None
            def keep():
                global kept
                kept = sys._getframe(1)
            def look(times=1):
                return [(kept.f_locals["i"], kept.f_locals["x"]) for _ in range(times)]
            def f(n):
                i, x, seen = 0, 0.5, []
                keep()
                while i < n:
                    i += 1
                    x += i * 0.25
                    if i % 97 == 0:
                        seen += look(3)
                    if i % 101 == 0:
                        gc.collect(0)
                    seen.append(x > look()[0][1])
                return i, x, seen[-9:], sum(seen[-99:]) if n < 97 else len(seen)
            for n in (50, 1000, 1000):
                print(f(n), kept.f_locals["i"], kept.f_locals["x"])
            def write(*names):
                for name in names:
                    old = kept.f_locals[name]
                    kept.f_locals[name] = old * 2
                    kept.f_locals[name] += 1
                    print(name, old, kept.f_locals[name])
            def g(n):
                i = j = 0
                x = 1.5
                keep()
                while i < n:
                    i += 1
                    j += 2
                    x = x * 0.5 + 1.0
                    if i == 700:
                        write("j", "x")
                    if i == 800:
                        write("i")
                        i, j = j, i
                return i, j, x
            print(g(3000), g(3000))
            def h(n, started, go_on):
                i, x = 0, 0.25
                while i < n:
                    i += 1
                    x += 0.5
                    if i == n:
                        started.set()
                        go_on.wait()
                return i, x
            for _ in range(3):
                started, go_on = threading.Event(), threading.Event()
                thread = threading.Thread(target=lambda: print(h(900, started, go_on)))
                thread.start()
                started.wait()
                frame = sys._current_frames()[thread.ident]
                while frame.f_code is not h.__code__:
                    frame = frame.f_back
                print(frame.f_locals["i"], frame.f_locals["x"])
                frame.f_locals["x"] = "written"
                go_on.set()
                thread.join()
        """)

    def test_code_that_runs_when_the_interpreter_has_ended(self):
        self.check("""
            import codecs
            print("begins")
            class Late:
                def search(self, name):
                    return None
                def __del__(self, count=lambda n: sum(i for i in range(n))):
                    # There is no module any more.
                    count(300)
            for _ in range(300):
                Late().search("")
            # The interpreter forgets it after all modules.
            codecs.register(Late().search)
        """)

    def test_references_to_new_numbers(self):
        self.check("""
            import sys
            def ints(n):
                return [i for i in range(n)]
            def floats(n):
                x = 0.5
                numbers = []
                for i in range(n):
                    x += 1.5
                    numbers.append(x)
                return numbers
            for function in (ints, floats):
                for _ in range(5):
                    numbers = function(900)
                    print({sys.getrefcount(number) for number in numbers[300:]}, sum(numbers))
        """)

    def test_results_of_built_in_functions_are_checked(self):
        self.check("""
            import _testcapi
            def f(function):
                for _ in range(300):
                    len("")
                try:
                    function()
                except SystemError as error:
                    return str(error)
            for _ in range(3):
                print(f(_testcapi.return_null_without_error), f(_testcapi.return_result_with_error))
        """)

    def test_tracing_that_starts_in_a_call(self):
        self.check("""
            import sys
            events = []
            def tracer(frame, event, arg):
                events.append((event, frame.f_code.co_name, frame.f_lineno))
                return tracer
            def start(i):
                if i == 600:
                    sys.settrace(tracer)
                    sys._getframe(1).f_trace = tracer
                if i == 603:
                    sys.settrace(None)
            def f(n):
                t = 0
                for i in range(n):
                    start(i)
                    t += i
                return t
            print(f(1000))
            print(events)
        """)

    def test_a_long_loop_that_gets_hot_in_a_trace_function(self):
        # Its back-edge has an EXTENDED_ARG, and native code is not entered while the instrumentation is out of date.
        self.check("""
            import sys
            body = "\\n".join(f"        x{i} = i + {i}" for i in range(300))
            namespace = {}
            exec(f"def long(n):\\n    for i in range(n):\\n{body}\\n    return x299", namespace)
            results = []
            def tracer(frame, event, arg):
                results.append(namespace["long"](1500))
            def f(): pass
            sys.settrace(tracer)
            f()
            sys.settrace(None)
            print(results)
        """)

    def test_signals_arrive_in_loops(self):
        self.check("""
            import signal
            class Alarm(Exception): pass
            def handler(signum, frame):
                raise Alarm
            signal.signal(signal.SIGALRM, handler)
            def spin():
                x = 0
                while True:
                    x = (x + 1) & 0xffff
            for _ in range(3):
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                try:
                    spin()
                except Alarm:
                    print("alarm")
        """)

    def test_threads(self):
        self.check("""
            import threading
            results = {}
            def work(k):
                t = 0
                for i in range(20000):
                    t += i * k
                results[k] = t
            threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print(sorted(results.items()))
        """)

    # Kinds of functions

    def test_generators_and_closures(self):
        self.check("""
            def squares(n):
                t = 0
                for i in range(n):
                    got = yield i * i
                    t += got or 0
                return t
            def outer(n):
                total = yield from squares(n)
                yield ("total", total)
            print(list(outer(500))[-3:])
            g = squares(5)
            next(g)
            print([g.send(i) for i in range(4)])
            try:
                g.send(1)
            except StopIteration as stop:
                print(stop.value)
            def counter():
                n = 0
                def step():
                    nonlocal n
                    n += 1
                    return n
                return step
            step = counter()
            for _ in range(1000): step()
            print(step())
            g = squares(1000)
            for x in g:
                if x > 90000: g.close()
            async def co(n):
                t = 0
                for i in range(n): t += i
                return t
            import asyncio
            print(asyncio.run(co(2000)))
            print([[x, y] for x in range(3) for y in "ab"], {x: x for x in range(3)}, (lambda x=3, *a, k=1, **kw: (x, a, k, kw))(1, 2, 3, k=4, z=5))
        """)

    def test_generators_that_drive_each_other(self):
        self.check("""
            import sys, gc
            def g(n):
                try:
                    for i in range(n):
                        yield i
                        if i == n - 3: gc.collect()
                finally:
                    pass
            def h(n, boom):
                for i in g(n):
                    yield i * 2
                    if i == boom: raise KeyError(i)
                return "done"
            def use(n, boom):
                t = 0
                try:
                    for x in h(n, boom): t += x
                except KeyError as e:
                    tb = e.__traceback__; lines=[]
                    while tb: lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno)); tb = tb.tb_next
                    return t, e.args, lines
                return t
            def deep(n):
                if n: 
                    for x in deep(n-1): yield x
                else:
                    for i in range(300): yield i
            def total(n):
                s=0
                for x in deep(n): s+=x
                return s
            print([use(1000, b) for b in (-1, 500, 999)], [use(50, -1) for _ in range(100)][-1], [total(k) for k in (0,5,50)])
            def rec(n):
                for x in rec(n+1): yield x
            for _ in range(3):
                try: list(rec(0))
                except RecursionError as e: print("rec")
            def y():
                x = yield 1
                while True:
                    x = yield x
            def drive():
                it = y(); out=[]
                for i, v in zip(range(1000), it): out.append(v)
                return out[-1], it.send(3)
            print([drive() for _ in range(5)])
            def selfiter():
                for v in me: yield v
            me = selfiter()
            try:
                for v in me: print(v)
            except ValueError as e: print(e)
        """)

    def test_patterns_with_and_strings(self):
        self.check("""
            class M:
                __match_args__ = "a", "b"
                def __init__(self, a, b): self.a, self.b = a, b
                def __enter__(self): return self
                def __exit__(self, *exc): return bool(exc[0])
            def kind(x):
                match x:
                    case [1, *rest]: return rest
                    case {"k": v, **other}: return v, other
                    case M(1, b=b): return b
                    case str() | bytes(): return "text"
                    case _: return None
            out = []
            for i in range(1000):
                out.append([kind(x) for x in ([1, i], (1, 2, i), {"k": i, "o": 1}, M(1, i), "s", b"b", 3)])
                with M(i, 2) as m:
                    if i % 2: raise KeyError(i)
                    m.a += 1
                s = ""
                for c in "abc":
                    s += c
                    t = s
                    s += c
                first, *middle, last = s
                s += s
                out.append(f"{i:04d}{s!r}{m.a}{first}{middle}{last}" + s[1:3] + s[-1])
            print(out[-2:])
        """)


class OptionTest(unittest.TestCase):
    def test_statistics_count_what_was_compiled(self):
        status, _, errors = run("""
            def f(n):
                t = 0
                for i in range(n): t += i
                return t
            for i in range(100): f(1000)
        """, "auto,after=100,stats")
        self.assertEqual(status, 0)
        self.assertRegex(errors, r"compiled [1-9][0-9]* entries")

    def test_a_function_over_the_limit_is_refused(self):
        status, output, errors = run("""
            body = "\\n".join(f"    x = x + {i}" for i in range(6000))
            namespace = {}
            exec(f"def f(x):\\n{body}\\n    return x", namespace)
            for i in range(70): t = namespace["f"](i)
            print(t)
        """, "all,warm,stats")
        self.assertEqual((status, output), (0, f"{69 + sum(range(6000))}\n"))
        self.assertIn("it has more than 20000 code units", errors)


if __name__ == "__main__":
    unittest.main()
