"""Native code: operators and subscripts for which the interpreter has no specialized form."""

import unittest

from jit_programs import ProgramTest, setUpModule


class OperandTest(ProgramTest):
    def test_operators_on_numbers(self):
        self.check("""
            import zlib
            def over(a, b): return a / b
            def floor(a, b): return a // b
            def rest(a, b): return a % b
            def bits(a, b): return (a & b) | (a ^ b)
            def shift(a, b): return (a << b) >> 1
            def mixed(a, b): return a * b - a
            out = []
            for f in (over, floor, rest, bits, shift, mixed):
                for i in range(1, 3000):
                    out.append(f(i, i % 7 + 1))
                # What has not been seen, and what does not fit.
                for a, b in ((-7, 2), (7, -2), (2**53 + 1, 3), (2**60, 1), (2**63 - 1, 2), (2**70, 3), (-2**53, 1),
                             (2**53, 2**53 - 1), (1, 0), (0, 5), (True, 3), (1.5, 2), (2, 0.25), (float("inf"), 3),
                             (-2**63, -1), (5, 63), ("x", 2), (None, 1)):
                    for _ in range(50):
                        try:
                            out.append((f.__name__, f(a, b)))
                        except (TypeError, ZeroDivisionError, OverflowError, ValueError) as error:
                            out.append((f.__name__, str(error)))
            def halves(numbers):
                total = 0.0
                for n in numbers:
                    total += n * 0.5 + 2 * n
                return total
            out.append(halves(range(3000)))
            out.append(halves([1.5] * 3000))
            out.append(halves([2**70, 3, 2.5] * 1000))
            print(zlib.crc32(str(out).encode()), out[::131])
        """)

    def test_floats_and_ints_at_one_place(self):
        self.check("""
            import zlib
            def add(a, b): return a + b
            def subtract(a, b): return a - b
            def multiply(a, b): return a * b
            def over(a, b): return a / b
            def less(a, b): return a < b
            def equal(a, b): return 1 if a == b else 2
            def dot(a, b): return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
            numbers = [0, 1, -1, 0.5, -0.0, 3, 2.5, 1e308, float("inf"), float("nan"), True, 2**30 - 1, 2**30, 2**53 + 1,
                       2**62, 2**70]
            out = []
            for f in (add, subtract, multiply, over, less, equal):
                for pairs in ([(1.5, 2.5)], [(1.5, 2), (2, 1.5), (0.5, 0.25)],
                              [(a, b) for a in numbers for b in numbers] * 60, [("x", "y"), (None, 1)]):
                    for a, b in pairs * (3000 // len(pairs) + 1):
                        try:
                            out.append(f(a, b))
                        except (TypeError, ZeroDivisionError, OverflowError) as error:
                            out.append(str(error))
            vectors = [(0, 1, 0), (0.5, 0, 2), (1.5, 2.5, 3.5), (1, 2, 3)]
            for i in range(9000):
                out.append(dot(vectors[i % 3], vectors[i % 4 or 2]))
            print(zlib.crc32(str(out).encode()), out[::5003])
        """)

    def test_negative_indices(self):
        self.check("""
            def last(items, back): return items[-back]
            def put(items, back, value): items[-back] = value
            out = []
            for items in ([1, 2, 3], (4, 5, 6), [1.5, 2.5], "abc", b"abc"):
                for i in range(2000):
                    out.append(last(items, i % 2 + 1))
                for back in (0, 3, 4, 2**70, 1.0, True):
                    try:
                        out.append(last(items, back))
                    except (IndexError, TypeError) as error:
                        out.append(str(error))
            items = [0] * 5
            for i in range(2000):
                put(items, i % 5 + 1, i * 0.5)
            for items in (items, {-1: 0}, (1, 2)):
                for back in (1, 6, 2**70, 1.0, True):
                    try:
                        put(items, back, "x")
                        out.append(items)
                    except (IndexError, TypeError) as error:
                        out.append(str(error))
            print(out[::97], out[-30:])
        """)

    def test_functions_of_math(self):
        self.check("""
            import math
            from math import sin, cos as c
            class Floaty:
                def __float__(self): return 0.25
            class Sub(float): pass
            def root(x): return math.sqrt(x)
            def sine(x): return sin(x)
            def cosine(x): return c(x)
            def other(f, x): return f(x)
            out = []
            for f in (root, sine, cosine, lambda x: other(math.sqrt, x)):
                out.extend(f(i * 0.37) for i in range(2500))
                for x in (-1.0, -0.0, float("inf"), float("-inf"), float("nan"), 4, -4, 10**20, 10**400, True, Floaty(),
                          Sub(2.0), "x", None, 1e308):
                    for _ in range(60):
                        try:
                            out.append(f(x))
                        except (ValueError, TypeError, OverflowError) as error:
                            out.append(f"{type(error).__name__}: {error}")
            out.extend(other(f, 0.5) for f in (math.sqrt, math.sin, math.cos, math.tan, abs, str) for _ in range(500))
            sin = lambda x: -x
            out.extend(sine(0.5) for _ in range(100))
            math.sqrt = len
            try:
                root(2.0)
            except TypeError as error:
                out.append(str(error))
            import zlib
            print(zlib.crc32(repr(out).encode()), out[::701])
        """)

    def test_slices(self):
        self.check("""
            import zlib
            log = []
            class Loud:
                def __init__(self, name): self.name = name
                def __del__(self): log.append(self.name)
            def get(items, start, stop, step): return items[start:stop:step]
            def put(items, start, stop, value): items[start:stop] = value
            bounds = [None, 0, 1, 2, 5, 6, -1, -2, -6, -7, 100, -100, 2**70, -2**70, True]
            out = []
            for items in (list(range(6)), [], tuple(range(6)), "abcdef", range(6)):
                for start in bounds:
                    for stop in bounds:
                        for step in (None, 1, 2, -1, -2, -7, 100, 2**40, -2**40, 0, 1.5):
                            try:
                                out.append(get(items, start, stop, step))
                            except (TypeError, ValueError) as error:
                                out.append(str(error))
            for start in bounds:
                for stop in bounds:
                    for value in ([1], [1, 2], [], (7, 8), "xy", list(range(40))):
                        items = [0.5 * i for i in range(7)]
                        put(items, start, stop, value)
                        out.append(items)
            for i in range(600):
                items = [Loud(3 * i), Loud(3 * i + 1), Loud(3 * i + 2)]
                put(items, 0, 2, [1, 2])
                put(items, None, None, items)
                log.append(len(items))
            print(zlib.crc32(repr((out, log)).encode()), out[::997], log[:12])
        """)

    def test_classes_that_are_asked_for(self):
        self.check("""
            class Sub(int): pass
            def is_int(x): return isinstance(x, int)
            def is_any(x, kind): return isinstance(x, kind)
            def sizes(x): return len(x)
            out = []
            for f in (lambda x: is_int(x), lambda x: is_any(x, tuple)):
                for values in ([1], [1, 2.5], [True], [Sub(1), "x"], [None, (1,)]):
                    for i in range(1500):
                        out.append(f(values[i % len(values)]))
            for kind in (int, float, (int, str), Sub, object):
                out.extend(is_any(1, kind) for _ in range(100))
            for x in ([1], (1, 2), {1: 2}, {1, 2, 3}, "abcd", b"abcde", range(6), frozenset([1])):
                out.extend(sizes(x) for _ in range(1500))
            for bad in (1, None):
                try:
                    sizes(bad)
                except TypeError as error:
                    out.append(str(error))
            print(out[::499], sum(map(int, out[:18000])))
        """)

    def test_arrays(self):
        self.check("""
            import zlib
            from array import array
            import sys
            class Sub(array):
                def __getitem__(self, index): return "sub"
                def __setitem__(self, index, value): print("set", index, value)
            def get(a, i): return a[i]
            def put(a, i, value): a[i] = value
            def total(a):
                result = 0
                for i in range(len(a)):
                    result += a[i] * 2
                return result
            def scale(a, by):
                for i in range(len(a)):
                    a[i] = a[i] * by
            out = []
            for code in "dfbBhHiIlLqQ":
                a = array(code, range(50))
                for i in range(3000):
                    out.append(get(a, i % 50))
                    put(a, i % 50, i % 100 + (0.5 if code in "df" else 0))
                out.append(total(a))
                scale(a, 3 if code not in "bB" else 1)
                out.append(a.tobytes())
                # Ints in arrays of doubles, other indices, and what does not fit.
                for index, value in ((0, 1), (-1, 2), (-50, 3), (50, 4), (-51, 5), (2**70, 6), (True, True), (1.0, 7),
                                     (0, -1), (0, 256), (0, 2**31), (0, -2**31 - 1), (0, 2**63), (0, 2**64), (0, 10**400),
                                     (0, 1.5), (0, float("nan")), (0, "x"), (0, None)):
                    for _ in range(60):
                        try:
                            put(a, index, value)
                            out.append(get(a, index))
                        except (IndexError, TypeError, OverflowError) as error:
                            out.append(f"{type(error).__name__}: {error}")
                # An array that changes its size, and whose memory is exported.
                view = memoryview(a)
                put(a, 0, 1)
                out.append(view[0])
                view.release()
                del a[1:]
                out.append(get(a, 0))
                try:
                    get(a, 1)
                except IndexError as error:
                    out.append(str(error))
            a = array("d", [1.5] * 10)
            for i in range(3000):
                get(a, i % 10), put(a, i % 10, 2.5)
            # The same code with other things.
            for thing in (Sub("d", [1]), [7], {0: 8}, array("i", [9]), array("u", "x")):
                for _ in range(60):
                    try:
                        put(thing, 0, 5.5)
                        out.append(get(thing, 0))
                    except TypeError as error:
                        out.append(str(error))
            x = 1234.5
            before = sys.getrefcount(x)
            for i in range(3000):
                put(a, i % 10, x)
            out.append(sys.getrefcount(x) - before)
            print(zlib.crc32(str(out).encode()), out[::211])
        """)

    def test_array_module_that_is_imported_again(self):
        self.check("""
            import sys, array
            def get(a): return a[0]
            first = array.array("d", [1.5])
            print(sum(get(first) for _ in range(3000)))
            del sys.modules["array"], array
            import array
            second = array.array("d", [2.5])
            print(type(first) is type(second))
            print(sum(get(second) for _ in range(3000)))
            print(sum(get(first) for _ in range(3000)))
        """)

    def test_numbers_without_memory(self):
        # The memory that a number gets is missing once: it is raised a little later, and nothing else is lost.
        self.check("""
            import _testcapi
            def floats(n, out):
                x = 0.5
                for i in range(n):
                    x = x * 1.0001 + i
                    out[i] = x
                return x
            def ints(n, out):
                x = 1 << 40
                for i in range(n):
                    x = x * 3 & 0xfffffffffffff
                    out[i] = x + (1 << 20)
                return x
            for function in (floats, ints):
                for _ in range(3):
                    expected = [None] * 2000
                    result = function(2000, expected)
                kinds = set()
                for start in range(0, 1800, 7):
                    out = [None] * 2000
                    _testcapi.set_nomemory(start, start + 1)
                    try:
                        kinds.add(function(2000, out) == result)
                    except MemoryError:
                        kinds.add("MemoryError")
                    finally:
                        _testcapi.remove_mem_hooks()
                    filled = [item for item in out if item is not None]
                    assert filled == expected[:len(filled)], (function, start)
                print("MemoryError" in kinds, False in kinds)
        """)


if __name__ == "__main__":
    unittest.main()
