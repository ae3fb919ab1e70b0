"""Native code: calls of Python functions, with what is passed by keyword, by default, or collected."""

import unittest

from jit_programs import ProgramTest, run, setUpModule


class CallTest(ProgramTest):
    def test_arguments_find_their_places(self):
        self.check("""
            def plain(a, b=2, c=3): return a, b, c
            def long(a, b=2, c=3):
                for x in (a,):
                    a = x
                return a, b, c
            def only(a, /, b=5, *, c, d=7): return a, b, c, d
            def rest(a, *args, d=7): return a, args, d
            def keywords(a, /, b=1, **kw): return a, b, kw
            def all_kinds(a, /, b=2, *args, c, d=4, **kw): return a, b, args, c, d, kw
            def nothing_but(*args, **kw): return args, kw
            class C:
                def method(self, x, y=1, *args, z=2, **kw): return x, y, args, z, kw
                def short(self, x, y=1): return y, x
                @classmethod
                def of_class(cls, x, y=1): return cls.__name__, x, y
                @staticmethod
                def static(x, y=1): return x, y
            def f(i, o):
                return (plain(i, c=1), plain(b=i, a=2), plain(c=i, b=1, a=0), plain(i),
                        long(i, c=1), long(b=i, a=2), long(i, 3),
                        only(i, c=2), only(i, c=2, b=3), only(i, 2, c=i, d=i), only(i, d=1, c=2),
                        rest(i), rest(i, 1, 2), rest(i, 1, d=2), rest(i, d=2), rest(a=i),
                        keywords(i), keywords(i, b=2), keywords(i, c=2, b=3), keywords(i, a=2, z=i),
                        all_kinds(i, c=1), all_kinds(i, 1, 2, 3, c=1, a=4, e=i), all_kinds(i, b=i, c=1, d=0),
                        nothing_but(), nothing_but(i), nothing_but(a=i), nothing_but(i, 2, a=i, b=2),
                        o.method(i), o.method(i, z=1), o.method(i, 2, 3, q=i), o.method(y=1, x=i, w=0),
                        o.short(i, y=2), o.short(y=i, x=1), o.short(x=i),
                        C.of_class(i, y=2), C.static(y=i, x=1), C.short(o, y=i, x=3))
            o = C()
            out = [f(i, o) for i in range(3000)]
            print(out[::701])
        """)

    def test_the_order_of_evaluation(self):
        self.check("""
            def show(x):
                trace.append(x)
                return x
            def callee(a, b=1, *args, c=2, **kw): return a, b, args, c, list(kw)
            def f():
                return callee(show(1), d=show(2), c=show(3), b=show(4)), callee(show(5), show(6), show(7), z=show(8), y=show(9))
            for i in range(3000):
                trace = []
                out = f()
            print(out, trace)
        """)

    def test_defaults_that_change(self):
        self.check("""
            def f(a, b=1, *, c=2, d=3): return a, b, c, d
            def g(a, b=1): return a, b
            def call(i): return f(i), f(i, c=5), f(i, b=2, d=4), g(i), g(a=i)
            out = []
            for i in range(6000):
                if i == 1000: f.__kwdefaults__["c"] = "in place"
                if i == 1500: f.__kwdefaults__ = {"d": 1, "c": "swapped"}
                if i == 2000: f.__defaults__ = ("new",)
                if i == 2500: g.__defaults__ = ("more", "than before")
                if i == 3000: f.__kwdefaults__["e"] = "not a parameter"
                if i == 3500: g.__code__ = (lambda a, b: (b, a)).__code__
                if i == 4000: f.__code__ = (lambda b, a, *, d, c: (a, b, c, d)).__code__
                if i == 4500: del f.__kwdefaults__["c"]; f.__kwdefaults__["c"] = "again"
                out.append(call(i))
            print(out[::333])
            del f.__kwdefaults__["c"]
            try:
                call(0)
            except TypeError as error:
                print(error)
            f.__kwdefaults__ = None
            try:
                call(0)
            except TypeError as error:
                print(error)
        """)

    def test_functions_of_one_code_with_other_defaults(self):
        self.check("""
            def make(i):
                def f(a, b=i, *, c=i): return a, b, c
                def g(a, b="g", *args, **kw): return a, b, args, kw
                return f, g
            def call(i):
                return function(i), function(i, c=1), function(b=2, a=i), other(i, x=1)
            out = []
            for i in range(3000):
                if i % 50 == 0:
                    function, other = make(i)
                out.append(call(i))
            print(out[::111])
        """)

    def test_calls_that_raise(self):
        self.check("""
            import traceback
            def plain(a, b=2, c=3): return a
            def only(a, /, *, k): return a
            def keywords(a, **kw): return a
            class C:
                def __init__(self, a, b=1): self.a = a
                def m(self, a, *, b=1): return a
            calls = [
                lambda i: plain(i, d=1), lambda i: plain(i, a=1), lambda i: plain(b=i),
                lambda i: plain(i, 1, 2, 3), lambda i: plain(i, 1, 2, c=1), lambda i: only(i), lambda i: only(a=i, k=1),
                lambda i: only(i, 1, k=2), lambda i: keywords(i, a=2), lambda i: keywords(),
                lambda i: C(i, c=1), lambda i: C(b=i), lambda i: C(i, self=2), lambda i: C(i).m(i, c=1), lambda i: C(i).m(b=i),
            ]
            for call in calls:
                seen = set()
                for i in range(300):
                    try:
                        call(i)
                    except TypeError as error:
                        seen.add("".join(traceback.format_exception(error)))
                print(len(seen), seen.pop())
            def sometimes(i, **kw): return plain(i, **kw) if i % 7 else plain(i, b=i) if i % 2 else plain(i, e=i)
            out = []
            for i in range(3000):
                try:
                    out.append(sometimes(i))
                except TypeError as error:
                    out.append(str(error))
            print(out[::14])
        """)

    def test_errors_in_the_callee(self):
        self.check("""
            import traceback
            def inner(a, *args, b=1, **kw):
                return a / b
            def outer(i):
                return inner(i, 1, 2, b=i % 1000, c=4)
            class C:
                def __init__(self, a, *, b=1): self.a = a // b
            def make(i): return C(i, b=i % 500).a
            for i in range(3000):
                for f in outer, make:
                    try:
                        f(i)
                    except ZeroDivisionError:
                        print(i, traceback.format_exc())
        """)

    def test_classes(self):
        self.check("""
            class Point:
                def __init__(self, x, y=1, *, z=2): self.x = x; self.y = y; self.z = z
                def __repr__(self): return f"{self.x, self.y, self.z}"
            class Slots:
                __slots__ = "a", "b"
                def __init__(self, a, b=2, *args):
                    self.a = a
                    self.b = b, args
                def __repr__(self): return f"<{self.a, self.b}>"
            class Child(Point):
                def __init__(self, *args, **kw): super().__init__(*args, **kw)
            class Other(Point):
                def __init__(self, x): super().__init__(x, z=3)
            class Loops(Point):
                def __init__(self, x, y=None):
                    for i in range(2):
                        self.x = x, i
                    self.y = self.z = y
            class Wrong:
                def __init__(self, x=0):
                    self.x = x
                    if x == 2500: return 5
            def f(i):
                return (Point(i), Point(i, 5), Point(i, z=5), Point(y=i, x=0), Slots(i), Slots(i, b=3), Slots(i, 3, 4, 5),
                        Child(i), Child(i, z=0), Other(i), Loops(i), Loops(i, y=3), Wrong(x=i) and 0, Wrong(i) and 0)
            out = []
            for i in range(6000):
                if i == 3000: Point.__init__.__defaults__ = (i,)
                if i == 3500: Point.__init__ = lambda self, x, y=0, *, z=0: self.__dict__.update(x=y, y=x, z=z)
                if i == 4000: Point.__new__ = lambda cls, *args, **kw: object.__new__(cls)
                if i == 4500: Slots.__init__ = lambda self, a, b=0, *args: (setattr(self, "a", 0), setattr(self, "b", 0)) and None
                try:
                    out.append(f(i))
                except TypeError as error:
                    print(i, error)
                if i == 5000: del Slots.__init__
            print(out[::250])
        """)

    def test_references(self):
        self.check("""
            import sys, weakref
            class T:
                def __init__(self, name, log=None): self.name, self.log = name, log
                def __del__(self): (self.log or trace).append(self.name)
            def plain(a, b=None, *, c=None):
                for x in (1,):
                    counts = sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(c)
                a = b = c = None
                trace.append("in")
                return counts
            def rest(*args, **kw):
                for x in (1,):
                    counts = [sys.getrefcount(a) for a in args], [sys.getrefcount(v) for v in kw.values()]
                counts += sys.getrefcount(args), sys.getrefcount(kw)
                del args, kw
                trace.append("in")
                return counts
            def f():
                t = T("kept")
                out = plain(T("a"), c=T("c")), plain(t, b=t), plain(b=t, a=T("last"))
                trace.append("between")
                return out + (rest(T("x"), t, T("y"), k=T("k"), l=t), rest(t), rest(q=T("q")))
            for i in range(2000):
                trace = []
                out = f()
            print(out, trace)
            # Nothing is left, and nothing is released twice.
            values = [object() for _ in range(4)]
            def g(i):
                a, b, c, d = values
                plain(a, c=b); rest(a, b, k=c, l=d); T(a, log=trace); T(b)
            before = [sys.getrefcount(v) for v in values]
            for i in range(3000):
                trace = []
                g(i)
            trace = []
            print([sys.getrefcount(v) - b for v, b in zip(values, before)])
        """)

    def test_frames(self):
        self.check("""
            import sys
            def look(a, *args, b=1, **kw):
                frame = sys._getframe()
                names = []
                while frame:
                    names.append((frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals)))
                    frame = frame.f_back
                return names[:3], dict(sys._getframe().f_locals) and 0
            def change(a, *, b=1):
                sys._getframe().f_locals["b"] = "changed"
                return a, b
            class C:
                def __init__(self, a, b=2): self.seen = look(a, b=b)
            def f(i):
                return look(i, 2, b=3, c=4), C(i, b=4).seen, C(i).seen, change(i, b=2), change(a=i)
            for i in range(2000):
                out = f(i)
            print(out)
        """)

    def test_recursion_through_keywords(self):
        self.check("""
            import sys
            def down(n, *, step=1, **kw):
                if n <= 0: return 0
                return 1 + down(n - step, step=step, **kw) if n % 2 else 1 + down(n - 1, step=1, x=n)
            def endless(n, *args, k=0): return endless(n, n, k=k)
            for i in range(50):
                print(down(i * 3), end=" ")
            depth = []
            for i in range(30):
                try:
                    endless(i)
                except RecursionError as error:
                    depth.append(str(error))
            print(set(depth))
            sys.setrecursionlimit(5000)
            print(down(4000))
        """)

    def test_observers_that_come_during_a_call(self):
        self.check("""
            import sys
            log = []
            def start(a, *, on=False, **kw):
                if on: sys.setprofile(lambda frame, event, arg: log.append((frame.f_code.co_name, event)))
                return a
            def later(a, *args, k=1): return a, args, k
            def f(i, on):
                start(i, on=on, x=1)
                return later(i, 2, k=3)
            for i in range(3000):
                f(i, i == 2500)
                if i == 2502: sys.setprofile(None)
            print(log)
            def trace(frame, event, arg):
                log.append((frame.f_code.co_name, event, frame.f_lineno))
                return trace
            def traced(a, *args, k=1):
                if k == 2600: sys.settrace(trace)
                return later(a, k=k)
            log.clear()
            for i in range(3000):
                traced(i, k=i)
                if i == 2601: sys.settrace(None)
            print(log)
        """)

    def test_several_functions_at_one_place(self):
        self.check("""
            import sys
            class A:
                def m(self, x): return "A", x
                def deep(self, n): return 0 if n == 0 else 1 + others[n % 3].deep(n - 1)
            class B:
                __slots__ = ()
                def m(self, x):
                    for i in range(2): x = x, i
                    return x
                def deep(self, n): return 0 if n == 0 else 2 + others[n % 3].deep(n - 1)
            class C(A):
                def m(self, x, y=7): return "C", x, y
                def deep(self, n): return 0 if n == 0 else 3 + others[n % 3].deep(n - 1)
            class D:
                def m(self, *args): return args
            class E:
                def m(self, x): yield x
            class F:
                def m(self, x): raise ValueError(x)
            def f1(x): return x + 1
            def f2(x): return [x]
            def f3(x, y=1): return x, y
            def make(k): return lambda x: (k, x)
            others = [A(), B(), C()]
            objects = [A(), B(), C(), D(), E(), F()]
            functions = [f1, f2, f3, make(1), len, str, A().m, functools_partial] if (functools_partial := int) else None
            def call(o, x): return o.m(x)
            def apply(f, x): return f(x)
            out = []
            for many in 2, 3, 4, 6:
                for i in range(3000):
                    try:
                        out.append(call(objects[i % many], i))
                    except ValueError as error:
                        out.append((str(error), error.__traceback__.tb_next.tb_next.tb_lineno))
                    if i == 2000: A.m = lambda self, x: ("changed", x)
                    if i == 2200: B.m.__code__ = (lambda self, x: ("code", x)).__code__
            print([type(o) if hasattr(o, "gi_frame") else o for o in out[::37]])
            out.clear()
            for many in 2, 3, 4, 8:
                for i in range(2000):
                    f = functions[i % many]
                    out.append(apply(f, [i] if f in (f2, len) else i))
            print(out[::41])
            print([others[i % 3].deep(i * 5) for i in range(40)])
            try:
                others[0].deep(100_000)
            except RecursionError as error:
                print(error)
            values = [object(), object()]
            before = [sys.getrefcount(v) for v in values]
            for i in range(3000):
                call(objects[i % 4], values[i % 2]), apply(functions[i % 3 % 2 * 2 + 1], values[0]) and 0
            out = None
            print([sys.getrefcount(v) - b for v, b in zip(values, before)])
        """)

    def test_closures(self):
        self.check("""
            import sys, gc
            def make(k, m=[]):
                count = 0
                def add(x, *, y=1, **kw):
                    nonlocal count
                    count += 1
                    if count % 7 == 0: k.append(count)
                    return x + y + len(k), kw
                def read(): return count, len(k)
                def unset():
                    return late
                def fill(value):
                    nonlocal late
                    late = value
                def inner_cells(x, y=0):
                    def more(z): return x + y + z + count
                    return more(1) + more(z=2)
                if False: late = None
                return add, read, unset, fill, inner_cells
            def use(i):
                return add(i), add(i, y=2), add(x=i, z=3), read(), inner_cells(i), inner_cells(i, y=i)
            out = []
            for i in range(4000):
                if i % 1000 == 0:
                    add, read, unset, fill, inner_cells = make([])
                out.append(use(i))
            print(out[::301])
            def try_unset(i):
                if i == 900: fill(i)
                try:
                    return unset()
                except NameError as error:
                    return str(error)
            print([try_unset(i) for i in range(1200)][::100])
            def fib(n):
                def go(n): return n if n < 2 else go(n - 1) + go(n=n - 2)
                return go(n)
            print([fib(n) for n in range(15)])
            cells = [len(gc.get_referrers(c)) * 0 + sys.getrefcount(c) for c in add.__closure__]
            for i in range(2000): use(i)
            print([sys.getrefcount(c) - n for c, n in zip(add.__closure__, cells)])
        """)

    def test_super(self):
        self.check("""
            class A:
                def __init__(self, x, *, y=1): self.x, self.y = x, y
                def m(self, x, y=2): return self.x, x, y
                @staticmethod
                def s(x, y=2): return x, y
                @classmethod
                def c(cls, x, y=2): return cls.__name__, x, y
            class B(A):
                def __init__(self, x): super().__init__(x, y=x)
                def m(self, x): return super().m(x), super().m(x, y=3), super(B, self).m(x=x), super().s(x, y=1), super().c(x, y=4)
            class M(A):
                def m(self, x, y=5): return "M", x, y
            class N(B, M): pass
            out = []
            for i in range(4000):
                out.append((B(i).m(i), N(i).m(i) if i > 1000 else 0))
                if i == 3000: A.m = lambda self, x, y=9: ("changed", x, y)
                if i == 3500: A.__init__ = lambda self, x, *, y=0: setattr(self, "x", -x)
            print(out[::230])
        """)

    def test_functions_within_functions(self):
        self.check("""
            def leaf(a, b=1, *, c=2): return a + b * c
            def middle(x, *, y=3): return leaf(x, c=y) + leaf(b=x, a=y)
            class V:
                def __init__(self, x, *, y=0): self.x = x; self.y = y
                def plus(self, other, *, scale=1): return V(self.x + other.x * scale, y=self.y + scale)
                @property
                def total(self, *, k=5): return self.x + self.y + k
                def __getitem__(self, i, *rest): return self.x + i
            def f(i):
                v = V(i, y=1).plus(V(2.5), scale=i)
                return middle(i), middle(i, y=i), v.x, v.y, v.total, v[i]
            out = [f(i) for i in range(4000)]
            out += [f(float(i)) for i in range(300)] + [f(2 ** 70 + i) for i in range(300)]
            print(out[::99])
        """)

    def test_bound_methods(self):
        self.check("""
            import sys, traceback, weakref
            class C:
                def __init__(self):
                    self.bound = self.work
                def work(self, a, b=2, *rest, key=0):
                    for _ in range(a % 3):
                        b += 1
                    if a == 77:
                        del self.bound
                        methods[0] = None
                        raise ValueError(a)
                    return sys.getrefcount(self), a, b, rest, key
                def __del__(self):
                    print("gone")
            methods = [None]
            def temporary(o):
                return o.work
            def run(o, n):
                out = []
                local = o.work
                methods[0] = local
                for i in range(n):
                    out.append(local(i))
                    out.append(o.bound(i, 5))
                    out.append(methods[0](i, 1, 2, 3))
                    out.append(temporary(o)(i))
                    out.append(local(i, key=i))
                    out.append((o.work if i % 2 else local)(i))
                    out.append(o.bound(local(1)[1]))
                return out
            for _ in range(30):
                print(run(C(), 20)[-7:])
            def fail(o):
                methods[0] = o.bound
                for i in range(70, 80):
                    o.bound(i)
            for _ in range(3):
                o = C()
                try:
                    fail(o)
                except ValueError as error:
                    for frame, line in traceback.walk_tb(error.__traceback__):
                        print(frame.f_code.co_name, line)
                print(hasattr(o, "bound"), methods)
            print(sys.getrefcount(o))
            def deep(o, n):
                bound = o.work
                def down(n):
                    return bound(n) if n == 0 else down(n - 1)
                return down(n)
            print(deep(o, 300))
            def rebinds(o, n):
                method = o.rebind
                total = 0
                for i in range(n):
                    total += method(i)
                    method = o.rebind
                return total
            C.rebind = lambda self, i: i + len([self])
            print(rebinds(o, 2000))
            del o
        """)


if __name__ == "__main__":
    unittest.main()
