"""What machine code relies on without asking, as that variables of modules are constant, and what happens when it changes."""

import unittest

from jit_programs import ProgramTest


class SettledTest(ProgramTest):
    def test_functions_that_are_replaced(self):
        self.check("""
            import sys
            def one(x):
                return x + 1
            def other(x):
                return x - 1
            def swap(i):
                global one
                if i % 50 == 49:
                    one, globals()["other"] = other, one
                return i
            def run(n):
                total = 0
                for i in range(n):
                    total += one(i)
                    swap(i)
                    total += one(i) * one(2)
                return total
            for n in (10, 40, 120, 300):
                print(n, run(n))
            def named(i):
                return one(swap(i)), one(i)
            print([named(i) for i in range(200)][40:60])
        """)

    def test_what_is_loaded_before_it_is_replaced(self):
        # The function that is called is the one that was loaded before its arguments.
        self.check("""
            import sys, weakref
            def f(x):
                return "first", x
            def g(x):
                return "second", x
            def change(i):
                global f
                if i == 150:
                    f = g
                return i
            def run(i):
                return f(change(i)), f(i)
            for i in range(148):
                run(i)
            for i in range(148, 154):
                print(run(i))
            def h(): pass
            gone = weakref.ref(h, lambda _: print("h is gone"))
            def call(i, then):
                h()
                if then:
                    then()
                    print("after", gone() is None)
                    try:
                        h()
                    except NameError as error:
                        print(error, error.__traceback__.tb_lineno)
            def drop():
                global h
                del h
                print("dropped")
            for i in range(200):
                call(i, None)
            print(sys.getrefcount(h))
            call(200, drop)
        """)

    def test_builtins(self):
        self.check("""
            import builtins
            def run(x):
                return len(x), isinstance(x, list)
            for i in range(300):
                run([1, 2])
            print(run([1, 2]))
            len = lambda x: "mine"
            print(run([1, 2]))
            for i in range(300):
                run([1, 2])
            del len
            print(run([1, 2]))
            def shadow(x, then):
                before = len(x)
                then()
                return before, len(x)
            for i in range(300):
                shadow([1], int)
            print(shadow([1], lambda: globals().update(len=lambda x: "updated")))
            print(shadow([1], lambda: globals().pop("len")))
            print(shadow([1], lambda: globals().__setitem__("l" + str("en"), str)))
            print(shadow([1], lambda: globals().__delitem__("".join(["le", "n"]))))
            class Name(str):
                pass
            print(shadow([1], lambda: globals().__setitem__(Name("len"), repr)))
            del globals()["len"]
            print(shadow([1], lambda: None))
            original = builtins.len
            def change():
                builtins.len = lambda x: "of builtins"
            print(shadow([1], change))
            for i in range(300):
                shadow([1], int)
            builtins.len = original
            print(shadow([1], int))
        """)

    def test_attributes_of_modules(self):
        self.check("""
            import math, sys, types
            module = types.ModuleType("module")
            exec("def f(x): return x * 2\\ninner = __import__('math')", module.__dict__)
            def run(x, then=None):
                a = module.f(x), math.floor(x + 0.5), module.inner.ceil(x)
                if then:
                    then()
                return a, module.f(x), math.floor(x), module.inner.ceil(x)
            for i in range(300):
                run(i)
            print(run(3))
            print(run(3, lambda: setattr(module, "f", str)))
            floor = math.floor
            print(run(3, lambda: setattr(math, "floor", lambda x: "floor")))
            print(run(3, lambda: setattr(math, "floor", floor)))
            for i in range(300):
                run(i)
            print(run(4))
            def another():
                global module
                module = types.SimpleNamespace(f=lambda x: "simple", inner=math)
            print(run(5, another))
            print(run(5))
            def fails():
                del module.f
            try:
                run(6, fails)
            except AttributeError as error:
                print(error, error.__traceback__.tb_lineno)
        """)

    def test_modules_that_get_another_class(self):
        self.check("""
            import types
            module = types.ModuleType("module")
            module.value = 5
            module.f = lambda: "f"
            class Odd(types.ModuleType):
                @property
                def value(self):
                    return "property"
                def __getattribute__(self, name):
                    return (lambda: "odd") if name == "f" else object.__getattribute__(self, name)
            def run(then=None):
                before = module.value, module.f()
                if then:
                    then()
                return before, module.value, module.f()
            for i in range(300):
                run()
            def change():
                module.__class__ = Odd
            print(run())
            print(run(change))
            for i in range(300):
                run()
            print(run(lambda: setattr(module, "__class__", types.ModuleType)))
            print(run())
        """)

    def test_numbers_and_flags(self):
        self.check("""
            import math, sys, types
            WIDTH, SCALE, NAME, DEBUG, NOTHING, BIG = 10, 0.5, "name", False, None, 1 << 70
            count = 0
            module = types.ModuleType("module")
            module.limit, module.rate = 7, 1.5
            class Mode:
                FAST = 1
                SLOW = 2.5
                TEXT = "text"
                ON = True
            def run(x, then=None):
                global count
                count += 1
                a = x * WIDTH + 1, x * SCALE, NAME + "!", BIG + x, module.limit * x, module.rate + math.pi
                if then:
                    then()
                if DEBUG:
                    a += "debug",
                if NOTHING is None:
                    a += "none",
                b = Mode.FAST == x, Mode.SLOW * x, Mode.TEXT, Mode.ON and x
                return a, b, x * WIDTH, x * SCALE, NAME, count, module.limit
            for i in range(300):
                run(i)
            print(run(1))
            def change(name, value):
                print(name, run(3, lambda: globals().__setitem__(name, value)))
                print(name, run(3))
                for i in range(100):
                    run(i)
            change("WIDTH", 11)
            change("WIDTH", 2.5)
            change("SCALE", 3)
            change("NAME", "another")
            change("DEBUG", True)
            change("NOTHING", 0)
            change("BIG", 1)
            for name, value in [("FAST", 3), ("SLOW", 2), ("TEXT", None), ("ON", 0), ("FAST", "text")]:
                print(name, run(3, lambda: setattr(Mode, name, value)))
                print(run(3))
                for i in range(100):
                    run(i)
            print(run(3, lambda: setattr(module, "limit", 8)), run(4))
            print(run(3, lambda: setattr(math, "pi", 3)), run(4))
            value = sys.getrefcount(Mode.TEXT)
            for i in range(300):
                run(i)
            print(sys.getrefcount(Mode.TEXT) - value)
        """)

    def test_flags_that_other_threads_change(self):
        self.check("""
            import threading, signal, time
            RUNNING = True
            def spin():
                count = 0
                while RUNNING:
                    count += 1
                return count > 0
            def spin_with_calls():
                count = 0
                while RUNNING:
                    count = abs(count + 1)
                return count > 0
            for function in (spin, spin_with_calls):
                for _ in range(4):
                    RUNNING = True
                    def stop():
                        global RUNNING
                        RUNNING = False
                    timer = threading.Timer(0.02, stop)
                    timer.start()
                    print(function.__name__, function())
                    timer.join()
            def on_alarm(number, frame):
                global RUNNING
                RUNNING = False
            signal.signal(signal.SIGALRM, on_alarm)
            for _ in range(3):
                RUNNING = True
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                print(spin())
        """)

    def test_one_code_object_with_two_namespaces(self):
        self.check("""
            code = compile('''
            def helper(x):
                return name, x
            def run(n):
                for i in range(n):
                    last = helper(i), kind(i), len([i])
                return last
            '''.replace("\\n            ", "\\n"), "<code>", "exec")
            def namespace(name, kind, **more):
                namespace = {"name": name, "kind": kind, **more}
                exec(code, namespace)
                return namespace
            first, second = namespace("first", int), namespace("second", str)
            third = namespace("third", float, __builtins__={"range": range, "len": lambda x: "own len"})
            for _ in range(20):
                for each in (first, second, third):
                    each["run"](50)
            print(first["run"](5), second["run"](5), third["run"](5))
            first["kind"] = lambda x: "changed"
            print(first["run"](5), second["run"](5), third["run"](5))
            # Dictionaries come and go, at the addresses of others.
            for i in range(100):
                each = namespace(i, [int, float, str, bool][i % 4])
                each["run"](200)
                if i % 10 == 0:
                    print(each["run"](3))
                    each["helper"] = lambda x: "helper"
                    print(each["run"](3))
                each.clear() if i % 3 == 0 else None
        """)

    def test_classes(self):
        self.check("""
            class A:
                kind = 1
                def __init__(self, x):
                    self.x = x
                def get(self):
                    return self.x
            class B(A):
                kind = 2
                def get(self):
                    return -self.x
            first = A
            def run(x, then=None):
                a = A(x)
                if then:
                    then()
                return a.get(), A.kind, A(x).get(), isinstance(a, A), isinstance(A(x), first)
            for i in range(300):
                run(i)
            print(run(1))
            def rebind():
                global A
                A = B
            print(run(2, rebind))
            print(run(2))
            for i in range(300):
                run(i)
            print(run(3, lambda: setattr(A, "kind", 7)))
            print(run(3, lambda: setattr(A, "get", lambda self: "got")))
            print(run(3, lambda: setattr(A, "__init__", lambda self, x: setattr(self, "x", "init"))))
        """)

    def test_functions_that_are_changed(self):
        self.check("""
            def f(x, y=1):
                return x + y
            def g(x, y=1):
                return x * y
            def run(x, then=None):
                a = f(x)
                if then:
                    then()
                return a, f(x), f(x, 5)
            for i in range(300):
                run(i)
            print(run(10, lambda: setattr(f, "__defaults__", (7,))))
            print(run(10, lambda: setattr(f, "__code__", g.__code__)))
            for i in range(300):
                run(i)
            print(run(10))
        """)

    def test_frames_further_out(self):
        self.check("""
            import threading
            def leaf(x):
                return x
            def other(x):
                return "other", x
            def deep(n, then):
                if n == 0:
                    then()
                    return leaf(0)
                return deep(n - 1, then), leaf(n)
            def nothing():
                pass
            for i in range(100):
                deep(5, nothing)
            def change():
                global leaf
                leaf = other
            print(deep(5, nothing))
            print(deep(5, change))
            for i in range(100):
                deep(5, nothing)
            print(deep(5, nothing))

            value = "before"
            def read():
                return value
            def changed():
                return "changed"
            started, done = threading.Event(), threading.Event()
            def wait(n):
                for i in range(n):
                    result = read()
                    if i == n - 2:
                        started.set()
                        done.wait()
                results.append(result)
            results = []
            for _ in range(100):
                done.set()
                wait(3)
            started.clear()
            done.clear()
            thread = threading.Thread(target=wait, args=(100,))
            thread.start()
            started.wait()
            read = changed
            done.set()
            thread.join()
            print(results[-2:])
        """)

    def test_generators(self):
        self.check("""
            def step(x):
                return x + 1
            def back(x):
                return x - 1
            def numbers(n):
                for i in range(n):
                    yield step(i)
                    yield step(-i)
            async def wait(x):
                return step(x)
            async def waits(n):
                return [await wait(i) for i in range(n)]
            def finish(coroutine):
                try:
                    coroutine.send(None)
                except StopIteration as stop:
                    return stop.value
            for _ in range(100):
                list(numbers(5))
                finish(waits(5))
            suspended = numbers(5)
            print([next(suspended) for _ in range(4)])
            step = back
            print(list(suspended), list(numbers(3)), finish(waits(4)))
            for _ in range(100):
                list(numbers(5))
            print([x for x in numbers(4)])
        """)

    def test_greenlets_begin(self):
        # What they run cannot be found any more: nothing is relied on from then on.
        self.check("""
            import sys, types
            def f(x):
                return x
            def run(x, then=None):
                a = f(x)
                if then:
                    then()
                return a, f(x)
            for i in range(300):
                run(i)
            def begin():
                sys.modules["greenlet"] = types.ModuleType("greenlet")
            print(run(1, begin))
            def change():
                global f
                f = str
            for i in range(300):
                run(i)
            print(run(2, change), run(3))
        """)

    def test_the_recursion_limit(self):
        # Functions that are executed in place of calls count as deep as their frames would be.
        self.check("""
            import sys
            def small(x):
                return x + 1
            def inner(x):
                return small(x)
            def middle(x):
                return inner(x)
            def around(x, then=None):
                a = middle(x)
                if then:
                    then()
                try:
                    return a, middle(a)
                except RecursionError as error:
                    last = error.__traceback__
                    while last.tb_next:
                        last = last.tb_next
                    return a, "too deep", last.tb_frame.f_code.co_name
            for i in range(300):
                around(i)
            limit = sys.getrecursionlimit()
            def depth():
                frame, count = sys._getframe(), 0
                while frame:
                    frame, count = frame.f_back, count + 1
                return count
            def lower():
                sys.setrecursionlimit(depth())
            def at(n, then):
                return at(n - 1, then) if n else around(n, then)
            for n in (0, 5, 20):
                print(n, at(n, lower))
                sys.setrecursionlimit(limit)
                print(n, at(n, None))
            def descend(n):
                try:
                    return descend(small(n))
                except RecursionError:
                    return n
            for _ in range(30):
                descend(0)
            sys.setrecursionlimit(300)
            print(descend(0))
            sys.setrecursionlimit(limit)
            print(descend(0))
        """)

    def test_frames_that_are_evaluated_otherwise(self):
        self.check("""
            import _testinternalcapi
            def small(x):
                return x + 1
            def middle(x):
                return small(x) * 2
            def around(x, then=None):
                a = middle(x)
                if then:
                    then()
                return a, middle(x)
            for i in range(300):
                around(i)
            seen = []
            print(around(1, lambda: _testinternalcapi.set_eval_frame_record(seen)))
            _testinternalcapi.set_eval_frame_default()
            print(seen)
            print(around(2))
        """)

    def test_functions_that_are_watched(self):
        # By a tool, although they are executed in place of calls.
        self.check("""
            import sys
            monitoring = sys.monitoring
            events = monitoring.events
            def small(x):
                if x > 1000:
                    return 0
                return x + 1
            def middle(x):
                return small(x) * 2
            def around(x, then=None):
                a = middle(x)
                if then:
                    then()
                return a, middle(x), middle(a)
            def warm():
                for i in range(300):
                    around(i)
            warm()
            lines = []
            monitoring.use_tool_id(3, "test")
            monitoring.register_callback(3, events.LINE, lambda code, line: lines.append((code.co_name, line)))
            monitoring.register_callback(3, events.PY_START, lambda code, offset: lines.append((code.co_name, "starts")))
            monitoring.register_callback(3, events.BRANCH, lambda code, *where: lines.append((code.co_name, "branches")))
            for function in (small, middle):
                for which in (events.LINE, events.PY_START):
                    print(around(1, lambda: monitoring.set_local_events(3, function.__code__, which)))
                    print(lines)
                    del lines[:]
                    monitoring.set_local_events(3, function.__code__, 0)
                    print(around(1), lines)
                    warm()
            print(around(1, lambda: monitoring.set_events(3, events.BRANCH)))
            print(lines)
            monitoring.set_events(3, 0)
            warm()
            del lines[:]
            print(around(1), lines)
            monitoring.free_tool_id(3)
            names = []
            def tracer(frame, event, arg):
                names.append((frame.f_code.co_name, event))
                return tracer
            print(around(1, lambda: sys.settrace(tracer)))
            sys.settrace(None)
            print(names)
            print(around(1))
        """)

    def test_finalizers_at_the_end(self):
        self.check("""
            def helper(x):
                return x
            class Last:
                def __del__(self):
                    print("last", helper is None or helper(5))
            def run(last):
                return helper(last)
            for i in range(300):
                run(i)
            last = Last()
            run(last)
        """)


if __name__ == "__main__":
    unittest.main()
