"""Native code: tuples, dictionaries and objects that are not made, which nobody may notice."""

import unittest

from jit_programs import VECTORS, ProgramTest, run, setUpModule


class UnmadeTest(ProgramTest):
    def test_tuples_that_nobody_sees(self):
        self.check("""
            import gc, sys, traceback
            class Grid:
                def __init__(self, width, height, item=0.0):
                    self.width = width
                    self.data = [item] * (width * height)
                def __repr__(self):
                    return "Grid"
                def index(self, x, y):
                    if 0 <= x < self.width:
                        return y * self.width + x
                    raise IndexError(x, y)
                def __getitem__(self, xy):
                    x, y = xy
                    return self.data[self.index(x, y)]
                def __setitem__(self, xy, value):
                    x, y = xy
                    self.data[self.index(x, y)] = value
            def swap(a, b):
                return b, a
            def three(a, b, c):
                return a, b, c
            def run(grid, n, step=1, odd=None):
                total = 0.0
                for i in range(n):
                    x, y = swap(i % 7, i * step % 5)
                    grid[y, x] = i * 0.5
                    total += grid[y, x] + grid[0, i % 5]
                    p, q, r = three(i, total, odd)
                    if i % 100 == 99:
                        print(p, q, r, sys.getrefcount(r) - sys.getrefcount(odd))
                return total
            grid = Grid(7, 5)
            print(run(grid, 3000))
            # Other types, what raises in the middle, what does not fit.
            print(run(Grid(7, 5, 2**70), 300, odd=object))
            for case in ((Grid(3, 5), 200), (Grid(7, 2), 200), (grid, "x"), (grid, 200, 2**62)):
                for _ in range(60):
                    try:
                        run(*case)
                    except (IndexError, TypeError) as error:
                        trace = error.__traceback__
                        names = []
                        while trace:
                            shown = {name: value for name, value in trace.tb_frame.f_locals.items()
                                     if isinstance(value, (int, float, tuple))}
                            names.append((trace.tb_frame.f_code.co_name, trace.tb_lineno, trace.tb_lasti, shown))
                            trace = trace.tb_next
                        if _ % 10 == 0: print(repr(error), names)
            # The tuple itself, when the interpreter goes on in the middle.
            class Odd(int):
                def __le__(self, other):
                    frame = sys._getframe(1)
                    if frame.f_code.co_name == "index": frame = frame.f_back
                    print(frame.f_code.co_name, frame.f_locals.get("xy"), gc.is_tracked(frame.f_locals.get("xy")))
                    return True
                __ge__ = __lt__ = __gt__ = __le__
            def read(grid, x, y):
                return grid[x, y]
            for i in range(3000):
                read(grid, i % 7, i % 5)
            kept = [object() for _ in range(3)]
            for _ in range(100):
                print(read(grid, Odd(3), 2))
            for _ in range(100):
                for pair in ((kept[0], kept[1]), ("a", 1), (1, None), (1.0, 1)):
                    try:
                        read(grid, *pair)
                    except TypeError as error:
                        message = str(error)
            print(message, [sys.getrefcount(item) - sys.getrefcount(kept[0]) for item in kept])
            # What is kept is a tuple still.
            def keep(a, b):
                t = a, b
                u = swap(*t) if a else swap(b, a)
                return t, u, t is u, t[0], len(t)
            for i in range(3000):
                kept = keep(i, i + 0.5)
            print(kept, gc.is_tracked(kept[0]))
        """)

    def test_tuples_without_memory(self):
        # The memory of the tuple that the interpreter needs is missing once: that is raised, soon after at the latest.
        self.check("""
            import _testcapi
            class Grid:
                def __init__(self):
                    self.data = list(range(100))
                def __getitem__(self, xyz):
                    x, y, z = xyz
                    return self.data[y * 10 + x + z]
            def read(grid, x, y):
                return grid[x, y, 0]
            grid = Grid()
            for i in range(3000):
                read(grid, i % 7, i % 5)
            # None that has been freed is left.
            kept = [(i, i, i) for i in range(5000)]
            kinds = set()
            for start in range(30):
                out = [None] * 4
                _testcapi.set_nomemory(start % 6, start % 6 + 1)
                try:
                    for x in range(4):
                        out[x] = read(grid, x, True)
                except MemoryError:
                    kinds.add("MemoryError")
                else:
                    kinds.add("all")
                finally:
                    _testcapi.remove_mem_hooks()
                assert all(item in (None, 10 + x) for x, item in enumerate(out)), out
            print("MemoryError" in kinds)
        """)

    def test_keywords_that_nobody_gives(self):
        self.check("""
            def shows(*args, **names):
                return args, names
            class Log:
                def __init__(self):
                    self.level = 3
                def is_on(self, level):
                    return level >= self.level
                def log(self, level, text, *args, **names):
                    if self.is_on(level):
                        return shows(text, *args, **names)
                def gives(self, level, **names):
                    if level > 2:
                        return names
                def twice(self, level, **names):
                    more = names
                    if level > 2:
                        more["a"] = 1
                        return names, more is names
                def changes(self, level, **names):
                    if level > 2:
                        names["level"] = level
                    return level
            def run(log, n, top):
                out = []
                for i in range(n):
                    level = i % top
                    out.append((log.log(level, "text"), log.log(level, "text", i), log.gives(level),
                                log.twice(level), log.changes(level), log.log(level, "text", why=i)))
                return out
            log = Log()
            for top in 2, 3, 5, 2, 7:
                for _ in range(5):
                    out = run(log, 80, top)
                    print(out[-1], out[-2])
                    given = [row[2] for row in out if row[2] is not None]
                    print(len({id(names) for names in given}) == len(given))
        """)

    def test_objects_that_nobody_sees(self):
        self.check("""
            import sys
            class V:
                def __init__(self, x, y):
                    self.x = x
                    self.y = y
                def __add__(self, other):
                    return V(self.x + other.x, self.y + other.y)
                def __sub__(self, other):
                    return V(self.x - other.x, self.y - other.y)
                def scaled(self, by):
                    return V(self.x * by, self.y * by)
                def dot(self, other):
                    return self.x * other.x + self.y * other.y
                def same(self, other):
                    return self is other
                def given(self, name):
                    if name:
                        self.name = name
                    return self
            class Slots:
                __slots__ = "a", "b", "c"
                def __init__(self, a, b):
                    self.b = b
                    self.a = a
                def both(self):
                    return self.a, self.b
                def missing(self):
                    return self.c
            class Many:
                def __init__(self, n):
                    self.a = self.b = self.c = self.d = self.e = self.f = self.g = self.h = self.i = n
                def sum(self):
                    return self.a + self.i
            class Twice:
                def __init__(self, n, other):
                    self.n = other
                    self.n = n
                def get(self):
                    return self.n
            def run(pairs, n):
                out = []
                for i in range(n):
                    a, b = pairs[i % len(pairs)]
                    out.append((a + b).dot(a - b))
                    out.append((a + b - a).scaled(2).dot(b))
                    out.append((a + b).same(a))
                    out.append(vars((a - b).given(i % 19 == 18)))
                    out.append(Slots(i, b.x).both())
                    out.append(Twice(i, b).get())
                    out.append(Many(i).sum())
                return out
            ints = V(3, 4), V(-1, 2)
            floats = V(0.5, 1.5), V(2.5, -0.0)
            large = V(2 ** 62, 2 ** 61), V(2 ** 62, 1)
            odd = V("a", "b"), V("c", "d")
            for pairs in [ints], [floats], [ints, floats], [(ints[0], floats[1])], [ints, large], [ints] * 20 + [odd]:
                for _ in range(4):
                    try:
                        print(run(pairs, 60)[-8:])
                    except TypeError as error:
                        print(error, [line for line in [error.__traceback__.tb_next.tb_lineno]])
            def misses(n):
                found = 0
                for i in range(n):
                    try:
                        Slots(i, i).missing()
                    except AttributeError as error:
                        found += error.obj.a + error.obj.b
                return found
            print(misses(300))
            def changes(n, at):
                total = 0
                for i in range(n):
                    v = V(i, 1) + V(1, i)
                    total += v.dot(V(i, i))
                    if i == at:
                        V.extra = i
                        V.__del__ = lambda self: out.append((self.x, self.y, sys._getframe(1).f_code.co_name))
                return total
            out = []
            for at in -1, -1, -1, 90:
                print(changes(100, at))
            del V.__del__
            print(len(out), out[:4], out[-3:])
        """)

    def test_order_of_attributes_of_objects_that_nobody_sees(self):
        self.check("""
            import gc, sys, weakref
            class Loud:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    print("-", self.name, sys._getframe(1).f_code.co_name)
            class Holds:
                def __init__(self, first, second):
                    self.second = second
                    self.first = first
                def one(self):
                    return self.first
                def number(self):
                    return 1
            class Weak:
                def __init__(self, n):
                    self.n = n
                def ref(self):
                    return weakref.ref(self)
            def run(n):
                total = 0
                for i in range(n):
                    total += Holds(Loud(i), i).number()
                    total += Holds(Loud("a"), Loud("b")).number()
                    print(Holds(Loud("c"), i).one().name)
                    if Weak(i).ref()() is not None:
                        print("alive")
                    print(vars(Holds(i, total)), total)
                return total
            for _ in range(3):
                run(100)
            class Late:
                def __init__(self, x):
                    self.x = x
                def stop(self, at):
                    if self.x == at:
                        return gc.get_referrers(self.x), self.__dict__, self
                    return self.x
            def late(n, at):
                for i in range(n):
                    found = Late(i).stop(at)
                return found
            print(late(1000, -1), late(1000, -1))
            print(type(late(1000, 999)[2]).__name__, late(1000, 999)[1])
            class Both:
                def __init__(self, x, **names):
                    self.x = x
                    self.pair = x, 1
                def stop(self, at):
                    if self.x == at:
                        return vars(self)
                    return self.x
            def both(n, at):
                for i in range(n):
                    found = Both(i).stop(at)
                return found
            class Names(Both):
                def __init__(self, x, **names):
                    self.x = x
                    self.names = names
            def named(n, at):
                for i in range(n):
                    found = Names(i).stop(at)
                return found
            for run in both, named:
                print(run(1000, -1), run(1000, -1), run(1000, 999))
        """)

    def test_objects_without_memory(self):
        # The memory of the object that the interpreter needs is missing once: that is raised, soon after at the latest.
        self.check("""
            import _testcapi
            class V:
                def __init__(self, x, y):
                    self.x = x
                    self.y = y
                def sum(self, scale):
                    return self.x * scale + self.y
            def read(x, scale):
                return V(x, 1).sum(scale)
            for i in range(3000):
                read(i % 7, 2)
            # None that has been freed is left.
            kept = [V(i, i) for i in range(5000)]
            kinds = set()
            for start in range(30):
                out = [None] * 4
                _testcapi.set_nomemory(start % 6, start % 6 + 1)
                try:
                    for x in range(4):
                        out[x] = read(x, True)
                except MemoryError:
                    kinds.add("MemoryError")
                else:
                    kinds.add("all")
                finally:
                    _testcapi.remove_mem_hooks()
                assert all(item in (None, x + 1) for x, item in enumerate(out)), out
            print("MemoryError" in kinds)
        """)

    def test_what_is_not_made(self):
        status, out, err = run(VECTORS + """
    import clinker.jit
    def work(a, b, n):
        total = 0.0
        for i in range(n):
            total += (a - b).dot(a)
        return total
    for _ in range(300):
        work(*floats, 100)
    clinker.jit.print_hir(work)
""", "auto,after=200")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("Unmade", out)
        for avoided in "CallFunction", "new_object":
            self.assertNotIn(avoided, out)


if __name__ == "__main__":
    unittest.main()
