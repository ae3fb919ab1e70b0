"""Native code: functions that are entered with their arguments, by native code and by C code."""

import unittest

from jit_programs import ProgramTest, setUpModule


class DirectTest(ProgramTest):
    def test_any_number_of_parameters(self):
        # More than eight are passed by the runtime.
        functions = []
        for count in range(11):
            names = ", ".join(f"p{i}" for i in range(count))
            functions.append(f"""
            def f{count}({names}):
                for last in ({names}{"," if count else ""}):
                    out.append(last)
                return [{names}]
            """)
        calls = "\n".join(f"""
                objects = [object() for _ in range({count})]
                counts = [sys.getrefcount(o) for o in objects]
                got = f{count}({", ".join(f"objects[{i}]" for i in range(count))})
                if got != objects or [sys.getrefcount(o) - 2 for o in objects] != counts:
                    print("wrong", {count})
                del got, out[:]
        """ for count in range(11))
        self.check(f"""
            import sys
            out = []
            {"".join(functions)}
            def run():
                {calls}
            for i in range(400):
                run()
            try:
                f3(1, 2)
            except TypeError as error:
                print(error)
        """)

    def test_called_by_c(self):
        self.check("""
            import functools, zlib
            class Key:
                def __init__(self, x): self.x = x
                def __lt__(self, other): return self.x < other.x
                def __eq__(self, other): return self.x == other.x
                def __hash__(self): return self.x
                def __getattr__(self, name): return name
                def __call__(self, a, b=2): return self.x, a, b
                def __missing__(self, key): return key
            def first(pair): return pair[0]
            def enclosing(offset):
                return lambda x: x + offset
            def late(x):
                made = lambda: x
                return made()
            def rest(*args): return args
            def named(*, x=1): return x
            def default(a, b=5): return a, b
            def items(x): yield x
            out = []
            for i in range(300):
                keys = [Key(7 * j % 11) for j in range(12)]
                out.append([key.x for key in sorted(keys)])
                out.append(len(set(keys)))
                out.append(sorted([(j % 3, j) for j in range(9)], key=first))
                out.append(list(map(enclosing(i), range(4))))
                out.append(list(map(late, range(4))))
                out.append(list(map(rest, "ab", "cd")))
                out.append(list(map(default, "ab")))
                out.append([list(made) for made in map(items, "ab")])
                out.append(functools.reduce(lambda a, b: a * b, range(1, 8)))
                out.append(list(map(keys[3], "ab")))
                out.append(functools.partial(named, x=i)())
            print(zlib.crc32(repr(out).encode()), out[::331])
        """)

    def test_what_c_code_calls_raises_and_looks(self):
        self.check("""
            import sys, traceback, zlib
            def look(x):
                frame = sys._getframe()
                names = []
                while frame is not None and frame.f_code.co_filename == "<string>":
                    names.append((frame.f_code.co_name, frame.f_lineno, sorted(map(str, frame.f_locals))))
                    frame = frame.f_back
                return names
            def fail(x):
                y = x - 3
                return 10 // y
            def caught(x):
                try:
                    return fail(x)
                except ZeroDivisionError:
                    return list(map(fail, [x + 1]))
            def deep(n):
                return n and list(map(deep, [n - 1]))
            def endless(n):
                return list(map(endless, [n + 1]))
            out = []
            for i in range(400):
                out.append(list(map(look, [1])))
                out.append(list(map(caught, range(6))))
                try:
                    list(map(fail, range(6)))
                except ZeroDivisionError as error:
                    out.append([(e.name, e.lineno, e.colno) for e in traceback.extract_tb(error.__traceback__)])
            out.append(deep(40))
            try:
                endless(0)
            except RecursionError as error:
                out.append(str(error)[:24])
            print(out[0], out[-1], out[-2], zlib.crc32(repr(out).encode()))
        """)

    def test_what_c_code_calls_is_left(self):
        # Guesses are wrong, variables are written to, and tracing starts, in functions that C code calls.
        self.check("""
            import sys
            def add(x):
                z = x + x
                return z
            def write(x):
                before = x
                sys._getframe().f_locals["x"] = "written"
                return before, x
            def traced(x):
                if x == 390:
                    sys.settrace(tracer)
                y = list(map(add, [x]))
                if x == 390:
                    sys.settrace(None)
                return y
            lines = []
            def tracer(frame, event, arg):
                lines.append((frame.f_code.co_name, event))
                return tracer
            out = []
            for i in range(400):
                out.append(list(map(add, [i, "s", 1.5, (i,)] if i > 200 else [i])))
                out.append(list(map(write, [i])))
                out.append(list(map(traced, [i])))
            print(out[-9:], lines)
        """)

    def test_calls_of_functions_without_native_code(self):
        self.check("""
            import clinker.jit, zlib
            def callee(a, b, c=3):
                return a, b, c
            def closed(n):
                def inner(a):
                    return a + n
                return inner
            callee = clinker.jit.jit_suppress(callee)
            inner = clinker.jit.jit_suppress(closed(2))
            class Made:
                @clinker.jit.jit_suppress
                def __init__(self, x):
                    self.x = x
                    if x == 399:
                        raise ValueError(x)
            def caller(i):
                return callee(i, i + 1), callee(i, b=2, c=4), inner(i), Made(i).x
            out = []
            try:
                for i in range(1000):
                    out.append(caller(i))
            except ValueError as error:
                entry, names = error.__traceback__, []
                while entry is not None:
                    names.append((entry.tb_frame.f_code.co_name, entry.tb_lineno))
                    entry = entry.tb_next
                print(names)
            print(out[-1], zlib.crc32(repr(out).encode()))
        """)


if __name__ == "__main__":
    unittest.main()
