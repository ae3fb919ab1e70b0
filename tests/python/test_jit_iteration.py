"""Native code: loops over dictionaries, sets, strings, enumerate(), zip() and reversed()."""

import unittest

from jit_programs import ProgramTest, run, setUpModule

# Loops, by the kind of iterator that machine code takes the items out of.
KINDS = {
    "range_iterator": "for x in range(3): pass",
    "list_iterator": "for x in list((i,)): pass",
    "dict_keyiterator": "for x in {i: i}: pass",
    "dict_valueiterator": "for x in {i: i}.values(): pass",
    "dict_itemiterator": "for x, y in {i: i}.items(): pass",
    "set_iterator": "for x in {i}: pass",
    "list_reverseiterator": "for x in reversed([i]): pass",
    "str_ascii_iterator": "for x in str(i): pass",
    "enumerate": "for x, y in enumerate([i]): pass",
    "zip": "for x, y in zip([i], [i]): pass",
}


class IterationTest(ProgramTest):
    def test_machine_code_knows_the_kinds(self):
        for kind, loop in KINDS.items():
            with self.subTest(kind=kind):
                source = f"def f(i):\n    {loop}\nfor i in range(300):\n    f(i)\n"
                status, output, errors = run(source, "auto,after=100,dump,allow=<string>:f")
                self.assertEqual(status, 0)
                self.assertIn(f"GuardType({kind})", output + errors)

    def test_dictionaries_and_sets(self):
        self.check("""
            def keys(d): return [k for k in d], [k for k in d.keys()]
            def values(d):
                out = []
                for v in d.values():
                    out.append(v)
                return out
            def items(d):
                out = []
                for k, v in d.items():
                    out.append((v, k))
                for pair in d.items():
                    out.append(pair)
                return out
            def members(s):
                total = 0
                for x in s:
                    total += x
                return total
            class A:
                def __init__(self):
                    self.a, self.b, self.c = 1, "two", 3.0
            holes = {i: str(i) for i in range(40)}
            for i in range(0, 40, 3):
                del holes[i]
            split = A().__dict__
            mixed = {"a": 1, 2: "b", None: 3.5, (1,): []}
            removed = set(range(50))
            for i in range(0, 50, 2):
                removed.discard(i)
            dicts = [{}, {"x": 1}, {i: i for i in range(300)}, {str(i): i for i in range(30)},
                     holes, split, mixed, dict.fromkeys("abc")]
            sets = [set(), {1}, frozenset(range(100)), removed]
            for _ in range(60):
                seen = [(keys(d), values(d), items(d)) for d in dicts]
                totals = [members(s) for s in sets]
            print(seen)
            print(totals)
        """)

    def test_what_changes_meanwhile(self):
        self.check("""
            import traceback
            def shown(f, *args):
                try:
                    return f(*args)
                except Exception:
                    return traceback.format_exc()
            def grows(d, at):
                n = 0
                for k in d:
                    n += 1
                    if n == at:
                        d[object()] = 1
                return n
            def shrinks(d, at):
                n = 0
                for k, v in d.items():
                    n += 1
                    if n == at:
                        del d[k]
                return n
            def replaces(d, at):
                n = 0
                for v in d.values():
                    n += 1
                    if n == at:
                        first = next(iter(d))
                        del d[first]
                        d[-n] = v
                    if n > 200:
                        break
                return n
            def set_grows(s, at):
                n = 0
                for x in s:
                    n += 1
                    if n == at:
                        s.add(-1)
                return n
            def list_shrinks(l, at):
                out = []
                for i, x in enumerate(l):
                    out.append((i, x))
                    if i == at:
                        l.pop()
                        del l[0]
                for x in reversed(l):
                    out.append(x)
                    if len(out) == at:
                        del l[:2]
                for x, y in zip(l, l):
                    out.append(x is y)
                    if x == at:
                        l.clear()
                return out
            for i in range(150):
                at = 3 if i % 10 == 0 else 1000
                out = [shown(f, {j: j for j in range(10)}, at) for f in (grows, shrinks, replaces)]
                out.append(shown(set_grows, set(range(10)), at))
                out.append(shown(list_shrinks, list(range(10)), at))
                if i % 30 == 0:
                    print(*out)
        """)

    def test_pairs(self):
        self.check("""
            def numbered(x, start=0):
                out = []
                for i, item in enumerate(x, start):
                    out.append((item, i))
                return out, i if out else None
            def total(x):
                s = 0
                for i, y in enumerate(x):
                    s += i * y
                return s, i
            def two(a, b): return [(y, x) for x, y in zip(a, b)]
            def three(a, b, c): return [(z, y, x) for x, y, z in zip(a, b, c)]
            def four(a, b, c, d): return [(z, y, x, w) for x, y, z, w in zip(a, b, c, d)]
            def nested(a, b):
                out = []
                for i, (x, y) in enumerate(zip(a, b)):
                    out += i, y, x
                return out
            def strict(a, b):
                out = []
                try:
                    for x, y in zip(a, b, strict=True):
                        out.append(y)
                except ValueError as error:
                    out.append(str(error))
                return out
            def back(l): return [x for x in reversed(l)], [x for x in reversed(range(len(l)))]
            def pairwise(l):
                it = iter(l)
                return [(x, y) for x, y in zip(it, it)]
            def letters(s): return [c for c in s]
            l, t, g = list(range(9)), tuple("abcdefg"), lambda: (x * x for x in range(7))
            for _ in range(70):
                out = [numbered(l), numbered(t, 5), numbered("xyz"), numbered({}, 2), numbered(g()),
                       numbered([1], 2**63 - 2), numbered([1, 2, 3], 2**63 - 2), numbered([1, 2], 2**70),
                       numbered(["a", "b"], -1), total(l), total(range(9)), total(g()),
                       two(l, t), two(t, l), two(g(), l), two(l, g()), two({1: 2}, "ab"), two([], l),
                       three(l, l, t), three(t, g(), l), four(l, t, l, t), nested(l, t), nested(t, g()),
                       strict(l, l), strict(l, t), strict(t, l), strict(g(), l), back(l), pairwise(l),
                       letters("abc\\0\\x7f"), letters("a\\xe9\\u1234\\U00012345")]
            print(*out, sep="\\n")
        """)

    def test_unpacking_that_fails(self):
        self.check("""
            import traceback
            def f(x, which):
                out = []
                try:
                    if which == 0:
                        for a, b in zip(x, x, x): out.append(a)
                    elif which == 1:
                        for a, b, c in enumerate(x): out.append(a)
                    elif which == 2:
                        for a, b, c in {1: 2}.items(): out.append(a)
                    elif which == 3:
                        for i, (a, b) in enumerate(x): out.append((i, a))
                    elif which == 4:
                        for a, b in zip(x): out.append(a)
                    else:
                        for a, b in zip(): out.append(a)
                except Exception:
                    out.append(traceback.format_exc())
                return out
            for _ in range(120):
                out = [f([1, 2], i) for i in range(6)] + [f([(1, 2), (3,)], 3)]
            print(*out, sep="\\n")
        """)

    def test_the_tuple_is_shared_or_kept(self):
        self.check("""
            import gc
            def kept(it):
                first = next(it)
                out = [first]
                for x, y in it:
                    out.append((x, y))
                return out, first
            def dropped(it):
                next(it)
                return [(x, y) for x, y in it]
            def whole(it): return [pair for pair in it]
            def partly(it):
                for x, y in it:
                    if y == 4:
                        break
                return x, y, list(it), it.__reduce__()[0].__name__
            def watched(it):
                out = []
                for x, y in it:
                    out.append([r for r in gc.get_referents(it) if type(r) is tuple][-1:])
                return out
            make = (lambda: enumerate([3, 4, 5, 6]), lambda: zip([3, 4, 5, 6], (1, 3, 4, 5)),
                    lambda: iter({3: 4, 4: 5, 5: 6}.items()))
            for _ in range(80):
                out = [f(m()) for m in make for f in (kept, dropped, whole, partly)]
                out += [watched(m()) for m in make[1:]]
                gc.collect()
            print(*out, sep="\\n")
        """)

    def test_when_objects_die(self):
        self.check("""
            log = []
            class A:
                def __init__(self, n): self.n = n
                def __del__(self): log.append(("del", self.n))
            def pops(l):
                for i, x in enumerate(l):
                    l[i] = None
                    log.append(("body", i, x.n))
                    x = None
                    log.append("after")
            def gives(d):
                for k, v in d.items():
                    d[k] = v = None
                    log.append(("item", k))
            def zipped(a, b):
                for x, y in zip(a, b):
                    a[0] = b[-1] = x = y = None
                    log.append("zip")
            def made(n):
                for i, x in enumerate(A(j) for j in range(n)):
                    log.append(i)
            def breaks(l):
                for i, x in enumerate(l):
                    if i == 1:
                        l.clear()
                        break
                del x
                log.append("broken")
            for i in range(120):
                log.clear()
                pops([A(0), A(1), A(2)])
                gives({j: A(j) for j in range(3)})
                zipped([A("a"), A("b")], [A("c"), A("d")])
                made(3)
                breaks([A("x"), A("y"), A("z")])
            print(*log, sep="\\n")
        """)

    def test_iterators_that_run_code(self):
        self.check("""
            import sys, traceback
            class It:
                def __init__(self, n, end): self.n, self.end = n, end
                def __iter__(self): return self
                def __next__(self):
                    self.n -= 1
                    if self.n < 0:
                        raise self.end
                    frame = sys._getframe(1)
                    return self.n, frame.f_lineno - frame.f_code.co_firstlineno, dict(frame.f_locals).get("total")
            def numbered(it):
                total = 0
                for i, x in enumerate(it):
                    total += i
                    last = x
                return total, last
            def zipped(it, l):
                total = 0
                for x, y in zip(it, l):
                    total += y
                    last = x
                return total, last
            def again(l):
                # The iterator goes on with the loop's own enumerate.
                out = []
                def inner():
                    for n in l:
                        yield n
                        if n == 2:
                            out.append(("inner", next(e)[0]))
                e = enumerate(inner())
                try:
                    for i, x in e:
                        out.append((i, x))
                except ValueError as error:
                    out.append(str(error))
                return out
            def shown(f, *args):
                try:
                    return f(*args)
                except BaseException:
                    return traceback.format_exc()
            for i in range(100):
                out = [shown(numbered, It(4, StopIteration)), shown(numbered, It(3, StopIteration(5))),
                       shown(numbered, It(3, KeyError("k"))), shown(zipped, It(4, StopIteration), [1, 2, 3, 4, 5]),
                       shown(zipped, It(2, OSError("o")), [1, 2, 3, 4, 5]), shown(again, [1, 2, 3])]
            print(*out, sep="\\n")
        """)

    def test_another_kind_comes_later(self):
        self.check("""
            def f(x):
                out = []
                for y in x:
                    out.append(y)
                return out
            def g(x):
                out = []
                for a, b in x:
                    out.append((b, a))
                return out
            kinds = [{1: 2}, {3}, "abc", "\\xff\\u1234", {1: 2}.values(), reversed, range(3), (1, 2), b"ab"]
            for kind in kinds * 2:
                for _ in range(100):
                    out = f(kind if kind is not reversed else reversed([1, 2]))
                print(out)
            pairs = [lambda: {1: 2}.items(), lambda: enumerate("ab"), lambda: zip("ab", "cd"), lambda: [(1, 2)],
                     lambda: ([1, 2], "ab"), lambda: ((i, i) for i in range(3))]
            for pair in pairs * 2:
                for _ in range(100):
                    out = g(pair())
                print(out)
        """)

    def test_tracing_starts_in_a_loop(self):
        self.check("""
            import sys
            events = []
            def trace(frame, event, arg):
                if frame.f_code.co_name in ("loop", "keys"):
                    events.append((event, frame.f_lineno - frame.f_code.co_firstlineno, dict(frame.f_locals)))
                return trace
            class It:
                def __init__(self, at): self.n, self.at = 0, at
                def __iter__(self): return self
                def __next__(self):
                    self.n += 1
                    if self.n == self.at:
                        sys._getframe(1).f_trace = trace
                        sys.settrace(trace)
                    if self.n == 5:
                        sys.settrace(None)
                        raise StopIteration
                    return self.n
            def loop(at):
                n = 0
                for i, x in enumerate(It(at)):
                    n += i + x
                for x, y in zip(It(at), It(0)):
                    n += x * y
                for i, x in enumerate(It(at), 7):
                    n += i + x
                return n
            def keys(d):
                n = 0
                for k, v in d.items():
                    n += v
                    if k == 2:
                        sys._getframe().f_trace = trace
                        sys.settrace(trace)
                sys.settrace(None)
                return n
            for i in range(100):
                loop(0)
                keys({1: 1})
            print(loop(3), keys({1: 1, 2: 2, 3: 3}))
            print(*events, sep="\\n")
        """)


if __name__ == "__main__":
    unittest.main()
