"""Native code: calls of functions of C by their address."""

import unittest

from jit_programs import ProgramTest, setUpModule


class NativeTest(ProgramTest):
    def test_each_convention(self):
        self.check("""
            import math, operator, sys
            from collections import deque
            def builtin(x, i):
                return (hash(x) == hash(x), getattr(x, "nothing", i), ord("a"), abs(-i), divmod(i, 7), sum([i, 1]),
                        sorted([3, i, 1]), max(i, 5), min([i, 4]), math.gcd(i, 12), operator.add(i, 1), callable(x))
            def method(d, l, s, i):
                l.append(i)
                l.extend([i, 2])
                l.insert(0, i)
                return (d.get(i, 1), d.get(-1), l.pop(), l.pop(0), l.index(i), s.startswith("a"), s.split(), s.join("bc"),
                        s.upper(), s.encode("utf-8"), d.copy(), d.setdefault(i, 3), d.pop(i), l.clear(), s.replace("a", str(i)))
            def unbound(d, s, i):
                return dict.get(d, i, 5), str.upper(s), str.join("-", ["a", s]), list.copy([i])
            def classes(i, items):
                return (list(items), tuple(items), set(items), dict(), range(i), frozenset(items), str(i), int("7"), float("2"),
                        bool(i), type(i), bytes(), enumerate(items).__class__, str())
            def static(i):
                return str.maketrans({"a": i}), dict.fromkeys("ab", i), int.from_bytes(b"ab")
            def others(q, i):
                q.append(i)
                q.rotate(1)
                return q.popleft(), len(q), q.count(i)
            d, q = {1: 2, 5: 6}, deque([1, 2, 3])
            for i in range(400):
                out = (builtin("x", i), method(d, [1], "a b", i), unbound(d, "s", i), classes(i, (1, 2)), static(i), others(q, i))
                if i % 57 == 0:
                    print(out)
        """)

    def test_something_else_is_called(self):
        self.check("""
            import operator
            class D(dict):
                def get(self, *args): return "mine", args
            class E(dict): pass
            def get(d, x): return d.get(x, 1)
            def call(f, x): return f(x)
            def unbound(f, d, x): return f(d, x)
            def make(c): return c()
            class Meta(type):
                def __call__(cls): return "made"
            class M(metaclass=Meta): pass
            class Plain: pass
            functions = [abs, hash, int, operator.neg, [].append, str, lambda x: x + 1, D().get, operator.itemgetter(slice(2)), repr, "abc".join]
            for i in range(300):
                get({1: 2}, 1); call(abs, -i); unbound(dict.get, {}, 1); make(list)
            for round in range(60):
                out = [get(D(), 1), get(E({1: 5}), 1), get({1: 7}, 1)]
                for f in functions:
                    try:
                        out.append(call(f, round))
                    except TypeError as error:
                        out.append(str(error))
                for f, d in (dict.get, E({1: 4})), (dict.get, []), (list.count, [1]), (D.get, D()), (list.count, {}), (list.remove, [1, 1]):
                    try:
                        out.append(unbound(f, d, 1))
                    except TypeError as error:
                        out.append(str(error))
                for c in list, dict, M, Plain, set, int, type:
                    try:
                        out.append(str(type(make(c))))
                    except TypeError as error:
                        out.append(str(error))
                if round in (0, 1, 59):
                    print(out)
        """)

    def test_references(self):
        self.check("""
            import sys, weakref
            class Noted:
                def __init__(self, name): self.name = name
                def __del__(self): log.append(self.name)
                def __eq__(self, other): log.append("eq"); return False
                def __hash__(self): return 5
            log = []
            def counts(x, holder):
                return sys.getrefcount(x), sys.getrefcount(holder[0]), sys.getrefcount([]), sys.getrefcount(sys.getrefcount)
            def temporary(i):
                log.append(i)
                ids = id(Noted("id")), len([Noted("len")])
                log.append("then")
                [Noted("item")].count(Noted("argument"))
                {}.get(Noted("key"))
                [].append(Noted("appended"))
                log.append("end")
            def replaced(i):
                x = Noted(("x", i))
                r = weakref.ref(x)
                hash(x)
                x = None
                return r() is None
            x, holder, f = object(), [object()], sys.getrefcount
            base = None
            for i in range(300):
                found = counts(x, holder)
                if base is None:
                    base = found
                if found[:3] != base[:3]:
                    print("counts", i, found, base)
                temporary(i)
                if not replaced(i):
                    print("kept", i)
                if i == 200:
                    print(log)
                log.clear()
            before = [sys.getrefcount(o) for o in (x, holder[0], abs, None)][:3]
            def many(x, n):
                for i in range(n):
                    abs(i); hash(x); holder.index(holder[0]); isinstance(x, (int, str)); holder.count(x)
            many(x, 3000)
            print([sys.getrefcount(o) - b for o, b in zip((x, holder[0], abs), before)])
        """)

    def test_errors(self):
        self.check("""
            import traceback
            class Bad:
                def __hash__(self): raise ValueError("hash")
                def __eq__(self, other): raise KeyError("eq")
                def __index__(self): return 1 // 0
                def __str__(self): raise OSError("str")
                def __iter__(self): raise LookupError("iter")
            def f(which, bad, held):
                if which == 0: return hash(bad)
                if which == 1: return {}.get(bad)
                if which == 2: return [1].index(2)
                if which == 3: return (held.pop(0), held.pop(bad))
                if which == 4: return str(bad)
                if which == 5: return tuple(bad), list(bad)
                if which == 6: return [bad].count(1)
                if which == 7: return chr(-1)
                if which == 8: return "".join(["a", bad])
                if which == 9: return set(bad)
            for i in range(400):
                try:
                    f(i % 10, Bad(), [1, 2])
                except Exception as error:
                    if i >= 390:
                        traceback.print_exc()
            def fine(which, bad, held):
                return f(which, bad, held)
            for i in range(100):
                for which in range(10):
                    try: fine(which, Bad(), [1, 2])
                    except Exception: pass
        """)

    def test_recursion_and_frames(self):
        self.check("""
            import sys
            class Deep:
                def __init__(self, inner): self.inner = inner
                def __repr__(self): return "<" + repr(self.inner) + ">"
                def __hash__(self): return hash(self.inner) + 1
            def nest(depth):
                x = 1
                for i in range(depth):
                    x = Deep(x)
                return x
            for i in range(200):
                text, number = repr(nest(5)), hash(nest(7))
            print(text, number)
            for f in repr, hash:
                try:
                    f(nest(100000))
                except RecursionError as error:
                    print(f.__name__, "too deep")
            def names(a, b):
                c = a + 1
                return sorted(locals()), sys._getframe().f_lineno, eval("a + c"), vars(), dir()
            for i in range(300):
                out = names(i, 2)
            print(out)
            class A:
                def __init__(self): self.x = 1
            class B(A):
                def __init__(self):
                    super().__init__()
                    self.y = super(B, self).__hash__() is not None
            for i in range(300):
                b = B()
            print(b.x, b.y)
        """)

    def test_tracing_begins_in_a_call(self):
        self.check("""
            import sys
            events = []
            def tracer(frame, event, arg):
                if frame.f_code.co_name == "traced":
                    events.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
                return tracer
            class Key:
                def __hash__(self):
                    if start:
                        sys.settrace(tracer)
                        sys._getframe().f_back.f_trace = tracer
                    return 3
            start = False
            def traced(d, k):
                a = d.get(k)
                b = d.get(k)
                return a, b
            for i in range(300):
                traced({}, Key())
            start = True
            print(traced({}, Key()))
            sys.settrace(None)
            print(events)
            def profiled(n):
                for i in range(n):
                    abs(i); [].append(i)
            for i in range(100): profiled(30)
            calls = []
            sys.setprofile(lambda frame, event, arg: calls.append((event, getattr(arg, "__name__", arg))))
            profiled(2)
            sys.setprofile(None)
            print(calls)
        """)


if __name__ == "__main__":
    unittest.main()
