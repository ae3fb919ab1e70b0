"""Native code: numbers in variables that get their first value in a loop."""

import unittest

from jit_programs import ProgramTest, setUpModule


class UnboundTest(ProgramTest):
    def test_loops_that_end_at_once(self):
        self.check("""
            def shown(f, *args):
                try:
                    return f(*args)
                except NameError as error:
                    return type(error).__name__, str(error), error.__traceback__.tb_next.tb_lineno
            def last(n):
                for i in range(n):
                    x = i * 2
                    y = x / 3
                return i, x, y
            def one(n):
                for i in range(n):
                    pass
                return i
            def outer(n, m):
                for i in range(n):
                    for j in range(m):
                        k = i + j
                    k += 1
                return i, j, k
            def local(n):
                for i in range(n):
                    x = i
                return locals()
            def deleted(n):
                for i in range(n):
                    x = i + 1
                    if i == 2:
                        del x
                return i, x
            def some(n, m):
                for i in range(n):
                    if i >= m:
                        t = i * 1.5
                    if i > m:
                        t += 1
                return t
            def either(n, m):
                for i in range(n):
                    if i < m:
                        t = None
                    else:
                        t = i
                return t
            def either_way(n, m):
                for i in range(n):
                    if i < m:
                        t = i
                    elif i > m:
                        t = "s"
                    if i > 1:
                        u = t
                return t, u
            def while_loop(n):
                while n:
                    n -= 1
                    x = n * 3
                return x
            def two(n):
                for i in range(n):
                    a = i
                for i in range(n - 1):
                    b = a + i
                return a, b, i
            calls = [(last, 5), (last, 0), (one, 3), (one, 0), (outer, 3, 3), (outer, 3, 0), (outer, 0, 3),
                     (local, 0), (local, 3), (deleted, 5), (deleted, 3), (deleted, 0),
                     (some, 6, 2), (some, 6, 9), (some, 0, 0), (either, 5, 3), (either, 3, 5), (either, 0, 0),
                     (either_way, 5, 3), (either_way, 5, 1), (either_way, 1, 3), (while_loop, 4), (while_loop, 0),
                     (two, 3), (two, 1), (two, 0)]
            for _ in range(100):
                out = [shown(*call) for call in calls]
            print(*out, sep="\\n")
        """)

    def test_who_looks_in_the_first_round(self):
        self.check("""
            import sys, traceback
            def look():
                frame = sys._getframe(1)
                return sorted(frame.f_locals)
            def write(name, value):
                sys._getframe(1).f_locals[name] = value
            def f(n, at, what):
                out = []
                for i in range(n):
                    if i == at:
                        out.append(what())
                    x = i * 2
                    if i == at + 1:
                        out.append((what(), x))
                    y = x + 0.5
                return out, look()
            def g(n, at):
                for i in range(n):
                    if i == at:
                        write("x", "written")
                        try:
                            print(x)
                        except NameError as error:
                            print(error)
                    x = i + 1
                return x
            def h(l):
                total = 0
                try:
                    for i in range(len(l)):
                        total += l[i]
                        t = l[i] * 2
                except TypeError:
                    return total, look(), sys.exception().__traceback__.tb_frame.f_locals.get("t")
                return total, t
            def again(l):
                for i in range(len(l)):
                    try:
                        t = l[i] + 1
                    except TypeError:
                        look()
                        continue
                    u = t * 2
                return look(), i
            class A:
                def __index__(self): return 3
                def __add__(self, other): print(look.__code__ and sorted(sys._getframe(1).f_locals)); return 7
            for i in range(120):
                if i == 60:
                    print("---")
                outs = [f(4, 0, look), f(4, 2, look), f(0, 0, look), h([1, 2]), h(["s"]), h([1, None]), h([]) if i < 0 else 0,
                        again([1, "a", 2]), again(["a", 1]), again(["a"])]
                if i % 30 == 0:
                    print(*outs, sep="\\n")
                    for at in 0, 1, 5:
                        print(g(3, at))
                    print(again([A(), 1]), again([1, A()]))
        """)

    def test_guesses_that_fail(self):
        self.check("""
            def f(l):
                for i in range(len(l)):
                    x = l[i]
                    y = x * 2
                    z = y + i
                return x, y, z, i
            def g(n, big):
                for i in range(n):
                    x = i * big
                return x
            def h(l):
                for x in l:
                    y = x + 1
                    for z in l:
                        w = z + y
                return x, y, z, w
            def floats(n):
                for i in range(n):
                    x = i / 2
                    if x > 2:
                        x = x * x
                    y = x
                return x, y
            for i in range(200):
                out = [f([1, 2, 3]), g(4, 5), h([1, 2]), floats(6)]
                if i % 40 == 0:
                    out += [f([1.5, 2]), f([1, "a"] if i < 0 else [1, 2 ** 70]), f([True, 2]), g(3, 2 ** 62), g(3, 0.5), h([1.0, 2]),
                            h([2 ** 63 - 1, 1])]
                    print(*out, sep="\\n")
        """)

    def test_generators_and_comprehensions(self):
        self.check("""
            import sys
            def gen(n):
                for i in range(n):
                    yield i
                    x = i * 2
                    yield x, sorted(sys._getframe().f_locals)
                yield i, x
            def comps(n):
                for i in range(n):
                    l = [j * k for j in range(i) for k in range(2)]
                    d = {j: i for j in l}
                return i, l, d, [i for i in range(2)], i
            def nested(n):
                for i in range(n):
                    def inner():
                        for j in range(n):
                            k = j + 1
                        return k
                    total = inner() + i
                return total
            def with_cell(n):
                for i in range(n):
                    x = i * 2
                    f = lambda: x
                return f(), i
            def shown(f, n):
                out = []
                try:
                    r = f(n)
                    return list(r) if hasattr(r, "send") else r
                except NameError as error:
                    return str(error)
            def until(n):
                out = []
                g = gen(n)
                for x in g:
                    out.append(x)
                    if len(out) == 3:
                        g.close()
                return out
            for _ in range(100):
                out = [shown(f, n) for f in (gen, comps, nested, with_cell, until) for n in (0, 1, 4)]
            print(*out, sep="\\n")
        """)


if __name__ == "__main__":
    unittest.main()
