"""Native code: attributes, names, calls and operators, also where an instruction sees many types."""

import unittest

from jit_programs import MODES, ProgramTest, run, setUpModule


class SiteTest(ProgramTest):
    def test_names_and_attributes_that_change(self):
        self.check("""
            value = 1
            def read(): return value
            class A:
                x = 1
                def m(self): return self.x
            class S:
                __slots__ = "s",
            a, s = A(), S()
            out = []
            for i in range(3000):
                out.append(read())
                value = i
                if i % 500 == 250:
                    A.m = lambda self: -self.x
                if i % 500 == 499:
                    A.m = lambda self: self.x
                a.x = i
                s.s = i
                out.append((a.m(), s.s))
                if i == 2000:
                    a.__dict__["x"] = "d"
                if i == 2500:
                    a.__class__ = type("B", (A,), {})
                if i == 2700:
                    del a.x
                    out.append(a.x)
                    a.y = 1
            print(out[::97])
            len_of = len
            def size(l): return len(l)
            print(sum(size([1]) for _ in range(2000)))
            import builtins
            builtins.len = lambda l: 7
            print(sum(size([1]) for _ in range(2000)))
            builtins.len = len_of
        """)

    def test_sites_that_see_many_types(self):
        self.check("""
            class Plain:
                kind = "plain"
                def __init__(self, x): self.x = x
                def get(self): return self.x
            class Slots:
                __slots__ = "x", "unset"
                kind = "slots"
                def __init__(self, x): self.x = x
                def get(self): return self.x + 1
            class Dict(Plain):
                kind = "dict"
                def __init__(self, x):
                    self.__dict__ = {"x": x}
                def get(self): return self.x + 2
            class Property:
                kind = property(lambda self: "property")
                @property
                def x(self): return 7
                @x.setter
                def x(self, value): pass
                get = classmethod(lambda cls: 8)
            class Getattr:
                def __getattr__(self, name):
                    if name == "x": return 9
                    if name == "get": return lambda: 10
                    if name == "kind": return "getattr"
                    raise AttributeError(name)
            class Meta(type):
                kind = "meta"
            class OfMeta(metaclass=Meta):
                x = 11
                get = staticmethod(lambda: 12)
            def look(thing):
                return thing.x, thing.get(), thing.kind
            def change(thing, x):
                thing.x = x
            things = [Plain(1), Slots(2), Dict(3), Property(), Getattr(), OfMeta, Plain(4), Plain]
            def all_things():
                out = []
                for thing in things:
                    try:
                        out.append(look(thing))
                    except Exception as error:
                        out.append(repr(error))
                    try:
                        change(thing, 20)
                        out.append(thing.x)
                    except Exception as error:
                        out.append(repr(error))
                return out
            for i in range(300):
                result = all_things()
                if i % 30 == 0:
                    print(result)
                if i == 120:
                    Plain.kind = "changed"
                    Plain.get = lambda self: -self.x
                    things[0].get = lambda: "own"
                if i == 180:
                    Plain.x = property(lambda self: "data descriptor")
                if i == 210:
                    del Plain.x
                    del things[1].x
                if i == 240:
                    things[1].__class__ = Slots
                    things[6].__dict__["kind"] = "shadowed"
        """)

    def test_objects_that_are_made(self):
        self.check("""
            class Point:
                made = 0
                def __init__(self, x, y):
                    Point.made += 1
                    self.x = x
                    self.y = y
            class Wrong:
                def __init__(self, x):
                    self.x = x
                    if x > 400:
                        return x
            class Raises:
                def __init__(self, x):
                    if x % 3 == 0:
                        raise ValueError(x)
            class Deep:
                def __init__(self, n):
                    self.next = Deep(n - 1) if n else None
            def make(n):
                total = 0
                for i in range(n):
                    p = Point(i, i * 0.5)
                    total += p.x + p.y
                    try:
                        Raises(i)
                    except ValueError as error:
                        total += error.args[0]
                return total
            print(make(1000), Point.made)
            def wrong(n):
                for i in range(n):
                    Wrong(i)
            try:
                wrong(1000)
            except TypeError as error:
                print(error, error.__traceback__.tb_next.tb_lineno)
            def depth(n):
                try:
                    Deep(n)
                    return True
                except RecursionError:
                    return False
            # How deep exactly depends on what the interpreter had specialized by then.
            for n in 10, 100, 300, 450, 2000:
                print(n, depth(n))
            old = Point.__init__
            def other(self, x, y):
                self.x, self.y = y, x
            for i in range(500):
                if i == 300:
                    Point.__init__ = other
                p = Point(i, 1)
            print(p.x, p.y, Point.made)
            import sys
            class Empty:
                def __init__(self):
                    pass
            def count():
                before = sys.getrefcount(Empty)
                kept = [Empty() for _ in range(100)]
                return sys.getrefcount(Empty) - before, sys.getrefcount(kept[0])
            print([count() for _ in range(20)][-1])
        """)

    def test_calls_of_functions_that_change(self):
        self.check("""
            import sys
            def add(a, b): return a + b
            def other(a, b): return a * b
            def needs(a, b, c=3): return a + b + c
            def calls(f, n):
                total = 0
                for i in range(n):
                    total += f(i, 1)
                return total
            def direct(n):
                total = 0
                for i in range(n):
                    total += add(i, 1)
                    if i == 700:
                        add.__code__ = other.__code__
                    if i == 800:
                        add.__defaults__ = (5,)
                return total
            print(calls(add, 1000), direct(1000), direct(1000), calls(needs, 1000), calls(max, 1000), calls(add, 100))
            def outer(n):
                def inner(x): return x + n
                return sum(inner(i) for i in range(10)) + inner(1)
            print([outer(i) for i in range(100)][-1])
            class Method:
                def __init__(self): self.n = 0
                def up(self, by): self.n += by; return self.n
            m = Method()
            up = m.up
            def bound(n):
                for i in range(n):
                    up(1); m.up(2); Method.up(m, 3)
                return m.n
            print(bound(500))
            def raises(x):
                if x == 600: raise KeyError(x)
                return x
            def caught(n):
                try:
                    for i in range(n):
                        raises(i)
                except KeyError as error:
                    return error.args, i, error.__traceback__.tb_next.tb_frame.f_locals
            print(caught(1000))
            def frames(n): return sys._getframe(n).f_code.co_name
            def above(n): return frames(n)
            print([above(i % 3) for i in range(300)][-6:])
        """)

    def test_unpacking_slices_and_builtins(self):
        self.check("""
            def unpack(items):
                out = []
                for item in items:
                    try:
                        a, b = item
                        out.append(a)
                        [c, d] = b, a
                        out.append(d)
                    except Exception as error:
                        out.append(repr(error))
                return out
            pairs = [(1, 2), [3, 4], "ab", (1, 2, 3), (1,), 5, {6: 7, 8: 9}, iter((1, 2)), None]
            for _ in range(150):
                result = unpack([(1, 2)] * 3 + pairs)
            print(result)
            def slices(x):
                return x[1:3], x[:-1], x[-2:], x[:], x[2:1], x[5:100], x[-100:2], x[1:None], x[True:]
            for _ in range(100):
                result = [slices(x) for x in ([1, 2, 3, 4], (1, 2, 3, 4), "abcd", b"abcd", range(4), "\u20acuro")]
            print(result)
            def store(n):
                x = list(range(10))
                for i in range(n):
                    x[1:3] = [i, i, i]
                    x[-2:] = []
                    x[:0] = (0,)
                    x[2:2] = x
                    del x[12:]
                return x
            print(store(200))
            big = 10**30
            def sizes(things):
                out = []
                for thing in things:
                    try:
                        out.append((len(thing), isinstance(thing, (list, str)), type(thing).__name__))
                    except TypeError as error:
                        out.append(repr(error))
                return out
            class Sized:
                def __len__(self): return -1 if bad else 3
            bad = False
            for i in range(200):
                result = sizes([[1], (1, 2), "abc", {}, Sized(), 5, big, Sized])
                if i == 100: print(result)
                try:
                    bad = i > 150
                    len(Sized())
                except ValueError as error:
                    result = repr(error)
            print(result)
            def numbers(values):
                out = []
                for a in values:
                    for b in values:
                        for operation in ("+", "-", "*", "<", "==", ">="):
                            try:
                                if operation == "+": out.append(a + b)
                                elif operation == "-": out.append(a - b)
                                elif operation == "*": out.append(a * b)
                                elif operation == "<": out.append(a < b)
                                elif operation == "==": out.append(a == b)
                                else: out.append(a >= b)
                            except TypeError as error:
                                out.append(repr(error))
                return out
            values = [1, -2, 2.5, True, big, float("nan"), float("inf"), -0.0, "x", 2**29, -2**30, 1j]
            for _ in range(20):
                result = numbers(values)
            print(result)
        """)

    def test_super(self):
        self.check("""
            class A:
                def __new__(cls, *args): return object.__new__(cls)
                def m(self, *args): return "A.m", args
                @classmethod
                def c(cls, *args): return cls.__name__, args
                @staticmethod
                def s(*args): return args
                @property
                def p(self): return "p"
            class B(A):
                def __new__(cls, *args): return super().__new__(cls, *args)
                def m(self, *args): return super().m(*args), super(B, self).p
                @classmethod
                def c(cls, *args): return super().c(*args)
                def s(self, *args): return super().s(*args)
            class Meta(type):
                def m(cls): return "Meta.m"
            class Sub(Meta):
                def m(cls): return super().m()
                def __setattr__(cls, name, value): super().__setattr__(name, value)
            class K(metaclass=Sub): pass
            for _ in range(200):
                b = B(1)
                K.x = 1
                out = [b.m(1), b.c(2), B.c(3), b.s(4), K.m(), K.x]
            print(out)
        """)

    def test_objects_with_dictionaries(self):
        self.check("""
            class Plain:
                def m(self): return 1
                def put(self, v): self.v = v
            class Sub(dict): pass
            class WithDel:
                def __init__(self, log): self.log = log
                def __del__(self): self.log.append("died")
            def make():
                o = Plain()
                o.__dict__["v"] = 0
                vars(o)["w w"] = 0
                return o
            log = []
            def run(objects, n):
                out = []
                for i in range(n):
                    o = objects[i % len(objects)]
                    out.append(o.m())
                    o.put(i)
                    o.v = o.v + 1
                    out.append(o.v)
                return sum(out), out[-4:]
            a, b = make(), make()
            print(run([a, b], 3000))
            a.m = lambda: 5
            print(run([a, b], 300))
            del a.m
            print(run([a, b], 300))
            Plain.m = lambda self: 7
            print(run([a, b, Plain()], 300))
            del a.v
            a.other = 1
            print(run([a, b], 300), list(a.__dict__))
            b.__dict__ = Sub(v=1)
            print(run([a, b], 300), b.__dict__)
            b.__dict__ = {3: 4, "v": 1}
            print(run([a, b], 300), b.__dict__)
            b.__dict__ = {}
            print(run([a, b], 300), b.__dict__)
            def replace(o, n):
                for i in range(n):
                    o.v = WithDel(log)
                    o.put(None)
            replace(a, 500)
            print(len(log))
            try:
                Plain.v = property(lambda self: 3)
                run([a, b], 300)
            except AttributeError as error:
                print(error)
        """)

    def test_what_has_not_been_executed(self):
        # Paths that are taken first when there is native code already, each of which calls, raises and has variables.
        source = """
            from clinker import jit
            class Item:
                def __init__(self, n): self.n = n
            def work(n, items, out):
                total, text = 0.5, ""
                for i in range(n):
                    if i % 5000 == 4999 or i > 30000:
                        total -= items[i % 3]
                        for c in "ab":
                            text += c
                        if i > 45000:
                            out.append(Item(i).n + len(text))
                            text = text[-2:]
                    elif i > 20000 and i % 3 == 0:
                        try:
                            total += items[i]
                        except IndexError as error:
                            out.append(error.__traceback__.tb_lineno)
                            total = -total
                    else:
                        total += i
                    if i % 10000 == 7:
                        out.append((i, total, text[:4], sorted(locals())))
                return total, text[:5], len(out), out[:99], out[-99:]
            for i in range(3):
                print(work(60000, [1, 2, 3], []))
            STATISTICS
        """
        self.check(source.replace("STATISTICS", ""))
        source = source.replace("STATISTICS", "print(0 < jit.stats()['compilation']['unseen'] <= 9)")
        self.assertEqual(run(source, "auto,after=200")[1].splitlines()[-1], "True")

    def test_finalizers_of_what_an_instruction_drops(self):
        # A temporary object dies between two accesses, and its finalizer changes what the first one has found out.
        self.check("""
            class A:
                def __init__(self): self.i, self.j = 0, 1
                def method(self): return "old"
            class Change:
                def __del__(self):
                    global G, H
                    if kind == 0:
                        A.method = lambda self: "new"
                    elif kind == 1:
                        a.__dict__ = {"j": "dict"}
                    elif kind == 2:
                        G = "changed"
                        for i in range(100): globals()[f"more{i}"] = i
                        del globals()["more7"], H
                        H = "again"
                    elif kind == 3:
                        a.__class__ = B
                    else:
                        a.j = "set"
            class B(A):
                def method(self): return "other"
            class Plain: pass
            G, H = "global", "also"
            kind = -1
            def make(): return [7, (Change if kind >= 0 else Plain)()]
            def method(self): return make()[self.i], self.method(), self.j
            def names(self): return make()[self.i] + len(G), G, H, self.j
            def value(self):
                one = self.j
                return make()[self.i], one, self.j, self.method()
            for f in (method, names, value):
                for kind in range(5):
                    a = A()
                    last, kind = kind, -1
                    for n in range(300): f(a)
                    kind = last
                    try:
                        print(f.__name__, kind, f(a), sorted(a.__dict__))
                    except AttributeError as error:
                        print(error)
                    A.method = lambda self: "old"
        """)

    def test_loops_whose_variables_are_unbound_at_first(self):
        # In the first round of the outer loop of each call, the inner one cannot be entered: that is no reason to drop its guesses.
        source = """
            from clinker import jit
            bodies = [([i + 0.5, i * 2.0], [0.0, 0.5], 1.5 + i) for i in range(5)]
            pairs = [(bodies[i], bodies[j]) for i in range(5) for j in range(i)]
            def work(rounds):
                for i in range(rounds):
                    for ([x1, y1], v1, m1), ([x2, y2], v2, m2) in pairs:
                        dx = x1 - x2
                        dy = y1 - y2
                        near = 0.01 * (dx * dx + dy * dy) ** -1.5
                        v1[0] -= dx * near
                        v2[0] += dy * near
                        if near < 0: print(locals())
                    for r, [vx, vy], m in bodies:
                        r[0] += 0.01 * vx
                return near, sorted(locals())
            for n in range(60): last = work(1000)
            print(last, bodies)
            STATISTICS
            bodies[2][0][1] = 3
            for n in range(60): last = work(100)
            print(last, bodies)
        """
        self.check(source.replace("STATISTICS", ""))
        source = source.replace("STATISTICS", "print(jit.stats()['compilation']['refuted'])")
        self.assertEqual(run(source, "auto,after=200")[1].splitlines()[1], "1")

    def test_memory_is_used_again_for_as_much(self):
        """Not behind what malloc() has given, which it finds in the end."""
        source = """
            class Two:
                def __init__(self, n):
                    self.n = n
                def add(self, other):
                    return Two(self.n + other.n)
            class Three:
                __slots__ = "a", "b", "c"
                def __init__(self):
                    self.a = self.b = self.c = 1
            kept = []
            def two(n):
                for i in range(n):
                    one = Two(i)
                    both = one.add(one)
                    if i % 7 == 0:
                        kept.append(both)
                    if len(kept) > 50:
                        kept.clear()
            def three(n):
                for i in range(n):
                    made = Three()
                    kept.append(made)
                    if len(kept) > 9:
                        kept.clear()
            for _ in range(50):
                two(300)
                three(100)
            print("done")
        """
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(run(source, mode, PYTHONMALLOC="malloc"), (0, "done\n", ""))

    def test_objects_whose_memory_is_used_again(self):
        self.check("""
            import gc, sys, weakref
            log = []
            class Noted:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    log.append(self.name)
            class Plain:
                def __init__(self, a, b):
                    self.a = a
                    self.b = b
            class Deep(Plain):
                pass
            class Slots:
                __slots__ = ("a", "b", "__weakref__")
                def __init__(self, a, b):
                    self.a = a
                    self.b = b
            class More(Slots):
                __slots__ = ("c",)
            class Both(Slots):
                pass
            class Large:
                __slots__ = tuple(f"a{i}" for i in range(60))
                def __init__(self, a, b):
                    self.a0 = a
                    self.a59 = b
            class Numbers(list):
                def __init__(self, a, b):
                    self.a = a
                    self.append(b)
            classes = [Plain, Deep, Slots, More, Both, Large, Numbers]
            def run(cls, n):
                for i in range(n):
                    object = cls(Noted(i), cls(Noted(-i), None))
                    if i % 5 == 0:
                        del object
                    if i % 7 == 0:
                        log.append("|")
                return n
            def extras(cls, n):
                # A dictionary, a weak reference, a cycle, another class.
                seen = []
                for i in range(n):
                    object = cls(Noted(i), None)
                    kind = i % 8
                    if kind == 1 and hasattr(object, "__dict__"):
                        seen.append(len(object.__dict__))
                    if kind == 2 and cls is not Large:
                        reference = weakref.ref(object, lambda _: log.append("gone"))
                    if kind == 3 and cls is not Large:
                        object.b = object
                    if kind == 4 and cls is Plain:
                        object.__class__ = Deep
                    if kind == 5 and hasattr(object, "__dict__"):
                        object.__dict__ = {"b": Noted("in")}
                    if kind == 6 and cls not in (Large, More, Slots):
                        object.other = Noted("other")
                return sum(seen)
            gc.disable()
            for cls in classes:
                print(cls.__name__, run(cls, 600), extras(cls, 600), len(log), log[:12], log[-12:])
                log.clear()
                gc.collect()
                print(len(log), sys.getrefcount(cls) - sys.getrefcount(Noted))
                log.clear()
            gc.enable()
            # A long chain goes to the trashcan.
            def chain(n):
                node = None
                for i in range(n):
                    node = Plain(i, node)
                return node
            for _ in range(3):
                print(chain(100000).a)
            before = gc.get_count()[0]
            kept = [Plain(1, 2) for _ in range(100)]
            print(gc.get_count()[0] - before >= 100, len([o for o in gc.get_objects() if type(o) is Plain]))
            del kept
            print(gc.get_count()[0] - before < 100)
        """)

    def test_classes_of_other_classes(self):
        self.check("""
            import enum
            class Kind(enum.Enum):
                SMALL = 1
                BIG = 2
                def size(self):
                    return self.value
            class Level(enum.IntEnum):
                LOW = 1
                HIGH = 2
            class Meta(type):
                def of_meta(cls):
                    return cls.__name__
            class Value:
                pass
            class A(metaclass=Meta):
                value = Value()
                number = 5
                def method(self):
                    return 7
                @classmethod
                def of_class(cls):
                    return cls.number
                @property
                def prop(self):
                    return 8
            class B(A):
                number = 6
            def kinds(n):
                out = []
                for i in range(n):
                    kind = Kind.SMALL if i % 2 else Kind.BIG
                    out.append((kind is Kind.BIG, kind.size(), Level.LOW < Level.HIGH, Level.LOW.value))
                return out[-2:]
            def look(cls, n):
                for i in range(n):
                    out = (cls.value, cls.number, cls.method(None), cls.of_class(), cls.of_meta(), cls.__name__, type(cls.prop))
                return out[1:], type(out[0]).__name__
            print(kinds(900))
            print(look(A, 900), look(B, 900), look(A, 100))
            B.number = 9
            print(look(B, 900))
            Meta.number = 10
            print(look(A, 900))
            Meta.number = property(lambda cls: "meta")
            print(look(A, 900))
            del Meta.number
            print(look(A, 900))
            Value.__get__ = lambda self, instance, owner: (instance, owner.__name__)
            print(look(A, 900), A.value)
            del Value.__get__
            print(look(A, 900))
            Meta.__getattribute__ = lambda cls, name: "all" if name == "number" else type.__getattribute__(cls, name)
            print(look(A, 900))
            del Meta.__getattribute__
            print(look(A, 900))
            Meta.__getattr__ = lambda cls, name: name
            del B.number, A.number
            print(look(B, 900))
        """)

    def test_super(self):
        self.check("""
            class A:
                def f(self): return "A"
                @classmethod
                def c(cls): return "A.c", cls.__name__
                @property
                def p(self): return "A.p"
                def __getattr__(self, name):
                    if name == "missing": return lambda: "dynamic"
                    raise AttributeError(name)
            class M:
                def f(self): return "M" + super().f()
            class B(A):
                def f(self): return "B" + super().f()
                @classmethod
                def c(cls): return "B.c", super().c()
                @property
                def p(self): return "B" + super().p
                def gone(self):
                    try:
                        return super().g()
                    except AttributeError as error:
                        return str(error)
            class C(B): pass
            class D(B, M, A):
                def f(self): return "D" + super().f()
            class E(B):
                def __getattribute__(self, name): return object.__getattribute__(self, name)
            class F(C):
                def f(self): return "F" + super(C, self).f() + super(B, self).f()
            classes = [B, C, D, E, F]
            def all_of(objects):
                return [(o.f(), o.c(), o.p, o.gone()) for o in objects]
            out = []
            for i in range(300):
                out = all_of([cls() for cls in classes])
                if i % 75 == 0:
                    print(out)
            old = A.f
            A.f = lambda self: "a"
            print(all_of([cls() for cls in classes]))
            A.f = "not a function"
            for cls in classes:
                try: cls().f()
                except TypeError as error: print(error)
            A.f = staticmethod(lambda: "static")
            print(all_of([cls() for cls in classes]))
            A.f = old
            A.g = lambda self: "g"
            print(all_of([cls() for cls in classes]))
            D.__bases__ = (C, M, A)
            M.f = lambda self: "m" + super(M, self).f()
            print(all_of([cls() for cls in classes]))
            wrong = B.f
            for value in 5, A(), M():
                try: wrong(value)
                except TypeError as error: print(error)
            B.f.__closure__[0].cell_contents = A
            try: print(B().f())
            except AttributeError as error: print(error)
            B.f.__closure__[0].cell_contents = B
            print(all_of([cls() for cls in classes]))
        """)

    def test_methods_of_objects_that_have_no_dictionary_yet(self):
        self.check("""
            class Items(list):
                def size(self):
                    return len(self)
                def first(self):
                    return self[0]
            class Slots:
                __slots__ = "a",
                def get(self):
                    return self.a
            class More(Slots):
                def twice(self):
                    return self.a * 2
            class Text(str):
                def marked(self):
                    return self + "!"
            class Error(Exception):
                def code(self):
                    return self.args[0]
            def run(objects, n):
                out = []
                for i in range(n):
                    items, more, text, error = objects[i % len(objects)]
                    out.append((items.size(), items.first(), more.get(), more.twice(), text.marked(), error.code()))
                return out
            def make(i):
                more = More()
                more.a = i
                return Items([i, 2]), more, Text(i), Error(i)
            objects = [make(i) for i in range(3)]
            for _ in range(40):
                print(run(objects, 30)[-3:])
            for thing in objects[1]:
                thing.other = 1
                print(vars(thing))
            for _ in range(40):
                print(run(objects, 30)[-3:])
            items, more, text, error = objects[2]
            items.size = lambda: "size"
            more.twice = lambda: "twice"
            text.marked = lambda: "marked"
            error.code = lambda: "code"
            for _ in range(40):
                print(run(objects, 30)[-3:])
            More.get = lambda self: "get"
            print(run(objects, 30)[-3:])
        """)


if __name__ == "__main__":
    unittest.main()
