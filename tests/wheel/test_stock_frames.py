"""The wheel in a stock interpreter: what native code shows of itself, which nobody asks it for there."""

import textwrap
import unittest

from programs import run

# Each program ends with `show(function, *arguments)`: runs it as interpreted and as compiled.
SHOW = """
import gc, sys, threading, traceback, weakref
from clinker import jit
def show(function, *arguments, warm=None):
    def result():
        try:
            return function(*arguments)
        except Exception as error:
            lines = []
            tb = error.__traceback__.tb_next
            while tb is not None:
                lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_lasti))
                tb = tb.tb_next
            return repr(error), lines, repr(error.__context__)
    before = result()
    for _ in range(60):
        function(*(arguments if warm is None else warm))
    assert jit.force_compile(function)
    for _ in range(3):
        after = result()
        if after != before:
            print("interpreted", before)
            print("compiled", after)
    # It was not left for good.
    print(jit.is_jit_compiled(function))
"""


class FrameTest(unittest.TestCase):

    maxDiff = None

    def check(self, source):
        source = SHOW + textwrap.dedent(source)
        self.assertEqual(run("-X", "faulthandler", source=source), (0, "True\n", ""))

    def test_variables(self):
        self.check("""
            def look():
                frame = sys._getframe(1)
                return [*frame.f_locals.items()][:-1], frame.f_lineno, frame.f_lasti
            def f(n):
                x, y = 0, 0.5
                for i in range(n):
                    x += i
                    y = y * 2.0
                    if i > 2:
                        z = x * i
                    if i == 0:
                        out = []
                    out.append(look())
                return out
            show(f, 6)
        """)

    def test_frames_that_are_kept(self):
        self.check("""
            kept = []
            def keep():
                kept.append(sys._getframe(1))
            def f(n):
                x = 0
                keep()
                for i in range(n):
                    x += i
                keep()
                x += 1
                return x
            def g(n):
                kept.clear()
                return f(n), [(k.f_locals["x"], k.f_lineno) for k in kept]
            for _ in range(60): g(3)
            assert jit.force_compile(f)
            show(g, 10, warm=(3,))
            assert jit.is_jit_compiled(f)
        """)

    def test_write(self):
        ways = ["locals[name] = value", "locals.update({name: value})", "locals |= {name: value}",
                "locals.__setitem__(name, value)", "type(locals).__setitem__(locals, name, value)",
                "locals.__ior__({name: value})", "locals.update([(name, value)])"]
        for way in ways:
            with self.subTest(way=way):
                self.check(f"""
                    class Item:
                        def __init__(self, value): self.value = [value]
                    def write(name, value, on):
                        if on:
                            locals = sys._getframe(1).f_locals
                            {way}
                            gc.collect()
                    def f(n, at):
                        item, total = Item(1), 0
                        number = 1
                        for i in range(n):
                            total += number + item.value[0]
                            write("number", 100, i == at)
                            write("item", Item(7), i == at + 1)
                        return total, number, item.value
                    show(f, 10, 3, warm=(5, 99))
                """)

    def test_write_to_an_unbound_variable(self):
        for way in "locals.setdefault('late', 5)", "locals['late'] = 5":
            with self.subTest(way=way):
                self.check(f"""
                    def write(on):
                        if on:
                            locals = sys._getframe(1).f_locals
                            {way}
                    def f(n, on):
                        for i in range(n):
                            write(on and i == 2)
                            if i > 5:
                                late = i
                        return late
                    show(f, 5, True, warm=(9, False))
                """)

    def test_write_while_an_operand_is_used(self):
        self.check("""
            class Left:
                def __init__(self): self.items = [1, 2, 3]
                def __add__(self, other):
                    if other:
                        frame = sys._getframe(1)
                        frame.f_locals["left"] = None
                        gc.collect()
                    return len(self.items) + other
            def f(make, other):
                left = make()
                result = left + other
                return result, left is None
            show(f, Left, 1, warm=(Left, 0))
        """)

    def test_exceptions(self):
        self.check("""
            def raising(i):
                if i == 3:
                    raise ValueError(i)
                return i
            def f(n, d):
                total = 0
                for i in range(n):
                    try:
                        total += raising(i)
                    except ValueError as error:
                        total += 100 + error.__traceback__.tb_lineno
                    finally:
                        total += 1
                try:
                    total //= d
                except ZeroDivisionError:
                    total = -total
                return total
            show(f, 10, 0, warm=(3, 1))
        """)

    def test_exception_of_the_first_instruction_of_try(self):
        self.check("""
            def f(on):
                if on:
                    try:
                        missing
                    except NameError as error:
                        return str(error)
                return on
            show(f, True, warm=(False,))
        """)

    def test_exceptions_that_leave(self):
        for statement in ("x[9]", "x.y", "x + 1", "missing", "1 // (n - n)", "raise KeyError(n)", "del x; x", "a, b = x",
                          "assert n < 0", "[].index(n)", "x()", "{}[n]", "raise", "f(1, 2, 3)"):
            with self.subTest(statement=statement):
                self.check(f"""
                    def f(n, on):
                        x = [n]
                        for i in range(n):
                            if on and i == 2:
                                {statement}
                        return x
                    show(f, 5, True, warm=(5, False))
                """)

    def test_trace_function(self):
        self.check("""
            events = []
            def tracer(frame, event, arg):
                events.append((frame.f_code.co_name, event, frame.f_lineno, arg if event == "return" else None))
                return tracer
            def begin(on):
                if on:
                    sys.settrace(tracer)
                    sys._getframe(1).f_trace = tracer
            def callee(x):
                return x + 1
            def f(n, on):
                x = 0
                for i in range(n):
                    x += i
                    begin(on and i == 1)
                    x = callee(x)
                return x
            for _ in range(60): callee(1)
            jit.force_compile(callee)
            def traced(n, on):
                events.clear()
                result = f(n, on)
                sys.settrace(None)
                return result, events[:]
            for _ in range(60): traced(2, False)
            assert jit.force_compile(f)
            expected = traced(4, True)
            jit.force_uncompile(f), jit.force_uncompile(callee)
            assert traced(4, True) == expected, (traced(4, True), expected)
            assert len(expected[1]) > 20
            print(True)
        """)

    def test_profile_function_and_events_of_tools(self):
        self.check("""
            events = []
            monitoring = sys.monitoring
            monitoring.use_tool_id(3, "test")
            E = monitoring.events
            # Where a call has raised depends on whether the interpreter has made it without C.
            def add(event, code, offset, *args):
                if event in ("RAISE", "PY_UNWIND"):
                    offset = None
                events.append((event, code.co_name, offset, [str(a) for a in args if "0x" not in str(a)]))
            for event in "PY_START PY_RETURN PY_UNWIND RAISE RERAISE EXCEPTION_HANDLED CALL LINE PY_THROW".split():
                monitoring.register_callback(3, getattr(E, event), lambda *args, event=event: add(event, *args))
            def callee(x):
                if x == 3:
                    raise ValueError(x)
                return x
            def begin(on, local):
                if on and local:
                    monitoring.set_local_events(3, f.__code__, E.LINE | E.CALL | E.PY_RETURN)
                if on and not local:
                    monitoring.set_events(3, E.PY_START | E.PY_RETURN | E.PY_UNWIND | E.RAISE | E.RERAISE
                                             | E.EXCEPTION_HANDLED | E.PY_THROW)
            def f(n, on, local):
                x = 0
                for i in range(n):
                    x += i
                    begin(on and i == 1, local)
                    try:
                        x += callee(i)
                    except ValueError:
                        x += 7
                return callee(n - 2)
            def watched(n, on, local):
                events.clear()
                try:
                    result = f(n, on, local)
                except ValueError as error:
                    result = repr(error)
                monitoring.set_events(3, 0)
                monitoring.set_local_events(3, f.__code__, 0)
                return result, events[:]
            for local in False, True:
                jit.force_uncompile(f), jit.force_uncompile(callee)
                expected = watched(5, True, local)
                assert len(expected[1]) > 8
                for _ in range(60): watched(2, False, local)
                jit.force_compile(f), jit.force_compile(callee)
                assert watched(2, False, local) == (0, [])
                assert jit.is_jit_compiled(f) and jit.is_jit_compiled(callee)
                found = watched(5, True, local)
                assert found == expected, (found, expected)
                # What was watched can be native again.
                for _ in range(3): watched(2, False, local)
                assert jit.is_jit_compiled(callee)
            print(True)
        """)

    def test_recursion_limit(self):
        self.check("""
            def f(n): return 0 if n == 0 else f(n - 1) + 1
            def deepest():
                depth = 0
                while True:
                    try:
                        f(depth)
                    except RecursionError:
                        return depth
                    depth += 1
            sys.setrecursionlimit(300)
            expected = deepest()
            assert jit.force_compile(f)
            assert deepest() == expected, (deepest(), expected)
            assert jit.is_jit_compiled(f)
            # Deeper than the stack of C, as in the interpreter.
            sys.setrecursionlimit(100_000)
            assert f(60_000) == 60_000
            print(True)
        """)

    def test_finalizers(self):
        self.check("""
            log = []
            class Item:
                def __del__(self):
                    frame = sys._getframe(1)
                    log.append((frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals)))
            def f(n):
                log.clear()
                a = 1
                item = Item()
                a += 1
                item = None
                for i in range(n):
                    other = Item()
                    a += i
                del other
                return a, log[:]
            show(f, 4)
        """)

    def test_closures_defaults_and_keywords(self):
        self.check("""
            def make(x):
                def inner(y, z=(1,), *more_z): return x, y, z
                return inner
            def make(x):
                def inner(y, z=(1,), k="k"): return x, y, z, k
                return inner
            functions = [make(i) for i in range(5)]
            for inner in functions:
                for _ in range(30): inner(1)
            assert jit.force_compile(functions[0])
            for inner in functions[1:]: jit.force_compile(inner)
            def f(n):
                out = []
                for i, inner in enumerate(functions):
                    out += [inner(1), inner(1, 2), inner(z=3, y=4), inner(1, k=5), inner(1, 2, 3)]
                    inner.__defaults__ = (n, i)
                    out.append(inner(0))
                return out
            print(f(3) == [row for i in range(5) for row in [
                (i, 1, (1,), "k"), (i, 1, 2, "k"), (i, 4, 3, "k"), (i, 1, (1,), 5), (i, 1, 2, 3), (i, 0, 3, i)]])
            for wrong in (lambda: functions[0](), lambda: functions[0](1, 2, 3, 4), lambda: functions[0](1, y=2),
                          lambda: functions[0](1, q=2)):
                try:
                    wrong()
                except TypeError as error:
                    assert "make.<locals>.inner()" in str(error), error
                else:
                    print("not raised")
        """)

    def test_other_code(self):
        self.check("""
            def f(x): return x + 1
            def other(x, *rest): return x, rest
            for _ in range(60): f(1)
            assert jit.force_compile(f)
            assert f(1) == 2
            f.__code__ = other.__code__
            assert f(1, 2) == (1, (2,))
            print(not jit.is_jit_compiled(f))
        """)

    def test_threads(self):
        self.check("""
            sys.setswitchinterval(1e-5)
            def look():
                return [dict(frame.f_locals) for frame in sys._current_frames().values()]
            def f(n):
                total, x = 0, 0.5
                for i in range(n):
                    total += i
                    x = x + 1.0
                    if i % 50 == 0:
                        look()
                return total, x
            wrong = []
            def work():
                for _ in range(10):
                    if f(2000) != expected: wrong.append(1)
            expected = threads = thread = None
            expected = f(2000)
            for _ in range(60): f(3)
            assert jit.force_compile(f)
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert not wrong
            print(jit.is_jit_compiled(f))
        """)

    def test_signal(self):
        self.check("""
            import signal
            def handle(number, frame):
                stop.append((frame.f_code.co_name, frame.f_locals["n"] >= 0))
            signal.signal(signal.SIGALRM, handle)
            stop = []
            def f(limit):
                n = 0
                while not stop and n < limit:
                    n += 1
                return stop
            for _ in range(60): f(10)
            assert jit.force_compile(f)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert f(10**12) == [("f", True)], stop
            print(jit.is_jit_compiled(f))
        """)

    def test_exit_functions_that_native_code_calls(self):
        self.check("""
            import atexit
            def f(n, at):
                x = 0
                for i in range(n):
                    x += i
                    if i == at:
                        atexit._run_exitfuncs()
                return x + len([n])
            for _ in range(60): f(3, 99)
            assert jit.force_compile(f)
            assert f(1000, 500) == f(1000, 1001) == 499501
            assert not jit.is_enabled()
            try:
                jit.force_compile(show)
            except RuntimeError as error:
                assert "a second time" in str(error), error
                print(True)
        """)

    def test_threads_that_outlive_the_program(self):
        self.check("""
            import time
            def f(n):
                x = 0
                for i in range(n):
                    x += len([i])
                return x
            def work():
                while True: f(1000)
            thread = None
            for _ in range(60): f(3)
            assert jit.force_compile(f)
            for _ in range(3):
                thread = threading.Thread(target=work, daemon=True)
                thread.start()
            time.sleep(0.2)
            print(jit.is_jit_compiled(f))
        """)

    def test_machine_code_ends_with_its_function(self):
        self.check("""
            def make():
                namespace = {}
                exec("def f(n, again=None):\\n    if again: again()\\n    return n + 1", namespace)
                return namespace.pop("f")
            for i in range(200):
                f = make()
                f(1)
                assert jit.force_compile(f)
                dead = weakref.ref(f)
                box = [f]
                del f
                assert box[0](1, box.clear) == 2
                assert dead() is None
            print(True)
        """)


if __name__ == "__main__":
    unittest.main()
