"""Native code: operators and comparisons that classes define by methods."""

import unittest

from jit_programs import ProgramTest, setUpModule


class OperatorTest(ProgramTest):
    def test_results(self):
        self.check("""
            class Vector:
                def __init__(self, x, y):
                    self.x = x
                    self.y = y
                def __add__(self, other):
                    return Vector(self.x + other.x, self.y + other.y)
                def __sub__(self, other):
                    if other.is_point():
                        return NotImplemented
                    return Vector(self.x - other.x, self.y - other.y)
                def __mul__(self, other):
                    return self.x * other
                def __rmul__(self, other):
                    return "reflected", other
                def __iadd__(self, other):
                    self.x += other.x
                    return self
                def __eq__(self, other):
                    return self.x == other.x and self.y == other.y
                def __lt__(self, other):
                    return self.x < other.x
                def is_point(self):
                    return False
                def __repr__(self):
                    return f"{type(self).__name__}({self.x}, {self.y})"
            class Point(Vector):
                def is_point(self):
                    return True
                def __rsub__(self, other):
                    return ("rsub", self.x, other.x)
                def __radd__(self, other):
                    return "comes first"
            class Other:
                x = y = 3
                def is_point(self):
                    return True
                def __rsub__(self, other):
                    return ("other", other.x)
            def run(a, b, n):
                kept = []
                for i in range(n):
                    kept.append(a + b)
                    kept.append(b - a)
                    kept.append(a * 3)
                    kept.append(a == b)
                    kept.append(a < b)
                    if a != b:
                        kept.append("different")
                    if a == b:
                        kept.append("same")
                    c = a
                    c += b
                    kept.append(c)
                return len(kept), kept[:16], kept[-8:]
            print(run(Vector(1, 2), Vector(3, 4), 1200))
            print(run(Vector(1.5, 2), Vector(3, 4), 300))
            print(run(Vector(2**62, 2), Vector(2**62, 4), 60))
            print(run(Vector(1, 2), Point(3, 4), 300))
            print(run(Point(1, 2), Point(3, 4), 300))
            print(run(Vector(1, 2), Vector(3, 4), 1200))
            def sub(a, b, n):
                for i in range(n):
                    result = a - b
                return result
            print(sub(Vector(1, 2), Vector(3, 4), 1000))
            print(sub(Vector(1, 2), Other(), 100))
            print(sub(Vector(1, 2), Point(3, 4), 100))
            for a, b in [(Vector(1, 2), 3), (Vector(1, 2), None), (3, Vector(1, 2))]:
                try:
                    print(sub(a, b, 100))
                except (TypeError, AttributeError) as error:
                    print(type(error), error)
            print(3 * Vector(1, 2), [1] * 2)
        """)

    def test_what_is_not_implemented(self):
        self.check("""
            import traceback
            class A:
                def __init__(self, value):
                    self.value = value
                def __add__(self, other):
                    if self.value > 900:
                        return NotImplemented
                    return self.value
                def __iadd__(self, other):
                    return NotImplemented
                def __or__(self, other):
                    return self.answer
                def __eq__(self, other):
                    if self.value > 900:
                        return NotImplemented
                    return "yes"
                def __gt__(self, other):
                    return NotImplemented
                answer = 5
            class B(A):
                def __radd__(self, other):
                    return "B"
                def __lt__(self, other):
                    return []
            def add(a, b):
                return a + b
            def add_in_place(a, b):
                a += b
                return a
            def either(a, b):
                return a | b
            def either_in_place(a, b):
                a |= b
                return a
            def equal(a, b):
                return a == b
            def greater(a, b):
                return a > b
            def test(a, b):
                return 1 if a == b else 2
            def test_greater(a, b):
                return 1 if a > b else 2
            functions = [add, add_in_place, either, either_in_place, equal, greater, test, test_greater]
            def run(a, b, n):
                for function in functions:
                    try:
                        for i in range(n):
                            result = function(a, b)
                        print(function.__name__, result)
                    except TypeError:
                        traceback.print_exc(file=sys.stdout)
            import sys
            for a, b in [(A(1), A(2)), (A(1000), A(2)), (A(1), B(2)), (A(1000), B(2)), (B(1), A(1)), (A(1), 5), (A(1000), 5.5)]:
                run(a, b, 200)
            A.answer = NotImplemented
            run(A(1), A(2), 100)
            run(A(1), 7, 100)
            a = A(1000)
            print(equal(a, a), test(a, a))
        """)

    def test_leaving_in_the_middle(self):
        self.check("""
            import sys, traceback
            class Odd:
                def __mul__(self, other):
                    names = []
                    frame = sys._getframe()
                    while frame:
                        names.append((frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals)[:3]))
                        frame = frame.f_back
                    print(names[:4])
                    return 7
            class V:
                def __init__(self, x):
                    self.x = x
                def __add__(self, other):
                    square = self.x * other.x
                    return square + 1
                def __sub__(self, other):
                    return (self + other) - 1
                def __xor__(self, other):
                    return NotImplemented if (self - other) > 2**40 else 5
                def __lt__(self, other):
                    return (self - other) < 100
            class W(V):
                def __rxor__(self, other):
                    return "W"
            def run(a, b, n):
                total = 0
                for i in range(n):
                    total += (a - b) + (a ^ b if i % 2 else 1)
                    if a < b:
                        total += 1
                return total
            print(run(V(1), V(2), 1500))
            for a, b in [(V(2**62), V(4)), (V(1.5), V(2)), (V(Odd()), V(1)), (V(2**30), W(2**30)), (V(2**30), V(2**30)),
                         (V("x"), V(1)), (V("x"), V("y"))]:
                try:
                    print(run(a, b, 60))
                except TypeError:
                    traceback.print_exc(file=sys.stdout)
            print(run(V(1), V(2), 1500))
        """)

    def test_changes(self):
        self.check("""
            class A:
                def __add__(self, other):
                    return 1
                def __lt__(self, other):
                    return True
            def run(a, b, n=300):
                return sum(a + b for _ in range(n)), [a < b for _ in range(n)].count(True)
            a, b = A(), A()
            print(run(a, b))
            A.__add__ = lambda self, other: 2
            print(run(a, b))
            A.__lt__ = lambda self, other: 0
            print(run(a, b))
            def other(self, other):
                return 3
            A.__add__.__code__ = other.__code__
            print(run(a, b))
            A.__add__ = 5 .__add__
            try:
                print(run(a, b))
            except TypeError as error:
                print(error)
            del A.__add__
            try:
                print(run(a, b))
            except TypeError as error:
                print(error)
            class Base:
                def __add__(self, other):
                    return 4
            A.__bases__ = (Base,) if False else A.__bases__
            class C(Base):
                pass
            print([C() + C() for _ in range(300)].count(4))
            Base.__add__ = lambda self, other: 6
            print([C() + C() for _ in range(300)].count(6))
            C.__radd__ = lambda self, other: 7
            print([C() + C() for _ in range(300)].count(6))
        """)

    def test_finalizers_and_references(self):
        self.check("""
            import sys
            log = []
            class A:
                def __init__(self, name):
                    self.name = name
                def __add__(self, other):
                    return A(self.name + other.name)
                def __eq__(self, other):
                    return self.name == other.name
                def __and__(self, other):
                    self = None
                    other = None
                    return 1
                def __del__(self):
                    log.append(self.name)
            def run(n):
                a, b = A("a"), A("b")
                for i in range(n):
                    c = A("x") + A("y") + b
                    log.append("=")
                    A("l") == A("r")
                    log.append("&")
                    A("p") & A("q")
                    log.append(".")
                return sys.getrefcount(a), sys.getrefcount(b)
            print(run(900), len(log), log[:20], log[-20:])
            class Raises(A):
                def __add__(self, other):
                    raise ValueError(self.name)
            def fail(a, b):
                try:
                    return a + b
                except ValueError as error:
                    return str(error), error.__traceback__.tb_next.tb_lineno
            for i in range(400):
                result = fail(Raises("1"), A("2"))
            print(result, log[-6:])
        """)

    def test_recursion_and_tracing(self):
        self.check("""
            import sys
            class A:
                depth = 0
                def __add__(self, other):
                    if other == 0:
                        return 0
                    return self + (other - 1)
                def __matmul__(self, other):
                    return self @ other
                def __mul__(self, other):
                    return other * 2
            a = A()
            print([a + 5 for _ in range(300)].count(0))
            try:
                a @ 1
            except RecursionError as error:
                print(error)
            def run(n):
                total = 0
                for i in range(n):
                    total += a * i
                return total
            print(run(2000))
            events = []
            def trace(frame, event, arg):
                events.append((frame.f_code.co_name, event, frame.f_lineno, arg if event != "exception" else None))
                return trace
            sys.settrace(trace)
            run(3)
            sys.settrace(None)
            print(events)
            print(run(2000))
        """)


class SetItemTest(ProgramTest):
    """Assignments to subscripts of objects whose class has a `__setitem__`."""

    def test_results(self):
        self.check("""
            import sys, gc
            class Grid:
                def __init__(self, width, height):
                    self.width = width
                    self.height = height
                    self.data = [0] * (width * height)
                def place(self, x, y):
                    if 0 <= x < self.width and 0 <= y < self.height:
                        return y * self.width + x
                    raise IndexError((x, y))
                def __getitem__(self, x_y):
                    x, y = x_y
                    return self.data[self.place(x, y)]
                def __setitem__(self, x_y, value):
                    x, y = x_y
                    self.data[self.place(x, y)] = value
            class Logged(Grid):
                log = ()
                def __setitem__(self, key, value):
                    self.log += (key, value, sys._getframe(1).f_lineno),
                    super().__setitem__(key, value)
            class Counted(dict):
                count = 0
                def __setitem__(self, key, value):
                    self.count += 1
                    dict.__setitem__(self, key, value)
            class Odd:
                def __setitem__(self, key, value, more=7):
                    self.last = key, value, more
                    return "nobody sees it"
            class Rest:
                def __setitem__(self, *args):
                    self.last = args
            class Deletes(dict):
                def __delitem__(self, key):
                    pass
            def smooth(g, w, h):
                for y in range(1, h - 1):
                    for x in range(1, w - 1):
                        g[x, y] = (g[x - 1, y] + g[x + 1, y] + g[x, y]) * 0.25 + x * y
                return g.data
            def fill(o, n):
                for i in range(n):
                    o[i, i % 3] = o
                    o[0, 0] = i
                    o[1, 0] = [i]
                return o
            def show(f, *args):
                try:
                    return f(*args)
                except Exception as error:
                    tb, lines = error.__traceback__, []
                    while tb:
                        lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
                        tb = tb.tb_next
                    return type(error).__name__, str(error), lines
            for _ in range(40):
                print(sum(smooth(Grid(9, 7), 9, 7)))
            print(show(smooth, Grid(9, 7), 10, 7))
            print(show(smooth, Grid(9, 7), 9, 8))
            print(show(fill, Grid(3, 3), 5)[:2])
            logged = Logged(6, 5)
            smooth(logged, 6, 5)
            print(logged.log[:3], len(logged.log), logged.data)
            for _ in range(40):
                c = fill(Counted(), 30)
                print(c.count, len(c), c[1, 0])
            print(fill(Odd(), 30).last, fill(Rest(), 30).last[0], len(fill(Deletes(), 30)))
            def on_and_on(o, key, n):
                for i in range(n):
                    o[key] = i
            for o in Odd(), Rest(), Counted(), {}, [0], Odd():
                for _ in range(30):
                    print(show(on_and_on, o, 0, 50), getattr(o, "last", None))
            def change(o, n):
                for i in range(n):
                    if i == 60:
                        Odd.__setitem__ = lambda self, key, value: print("another", key, value)
                    if i == 64:
                        del Odd.__setitem__
                    o[i] = -i
            for _ in range(3):
                print(show(change, Odd(), 70))
                Odd.__setitem__ = lambda self, key, value: None
        """)

    def test_what_dies(self):
        self.check("""
            import sys
            class Thing:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    print("dies", self.name)
            class Box:
                def __setitem__(self, key, value):
                    self.key = key
                    if key.name == "refused":
                        raise ValueError(key.name)
                def __del__(self):
                    print("box dies")
            class Pair:
                def __init__(self):
                    self.a = self.b = 0.0
                def __setitem__(self, key, value):
                    if key == 0:
                        self.a = value
                    elif key == 1:
                        self.b = value
                    else:
                        raise IndexError(key)
            def put(n, name):
                for i in range(n):
                    Box()[Thing(name)] = Thing("value")
                    print("next", i)
            def pairs(p, n):
                for i in range(n):
                    p[i & 1] = i * 0.5
                    p[0] = p.b
                return p.a, p.b
            for _ in range(20):
                put(5, "key")
                try:
                    put(5, "refused")
                except ValueError as error:
                    print(error)
            thing = Thing("kept")
            before = sys.getrefcount(thing)
            def hold(o, key, n):
                for i in range(n):
                    o[key] = key
            for _ in range(60):
                hold(Box(), thing, 3)
                print(pairs(Pair(), 40))
            print(sys.getrefcount(thing) - before)
            def bad(p, n):
                for i in range(n):
                    p[i] = i
            for _ in range(60):
                try:
                    bad(Pair(), 5)
                except IndexError as error:
                    print(error, error.__traceback__.tb_next.tb_lineno)
        """)


if __name__ == "__main__":
    unittest.main()
