"""Native code: generators that hand all of their items over to a built-in function."""

import unittest

from jit_programs import ProgramTest, setUpModule


class ConsumeTest(ProgramTest):
    def test_each_consumer(self):
        self.check("""
            import sys
            class Truth:
                def __init__(self, value): self.value = value
                def __bool__(self): return self.value
            class Int(int): pass
            class Float(float): pass
            class Text(str): pass
            class Add:
                def __radd__(self, other): return other + 0.25
            values = [[], [1], [1, 2, 3], [0, 0, 0, 1], list(range(40)), [True, 1, 2.5, False], [1.5, 2, 1e100, -1e100, 0.1] * 3,
                      ["a", "b", "", "c"], [None, 0, 0.0], [2**62, 2**62, 2**63, 1, 0.5], [Int(3), 1, 0.1, 0.2, 0.3], [1, Float(0.5), 0.1, 0.2],
                      [1, Add(), 0.1, 0.2, 0.3], [[1], [2]], [(1, 2), (1, 2), "x"], [Truth(True), Truth(False)], [Text("x"), "x", "y"], [b"a", "a"], [1j, 2, 3.5]]
            consumers = [any, all, sum, sorted, list, tuple, set, frozenset, ", ".join, max, dict.fromkeys]
            def show(value):
                if isinstance(value, (set, frozenset)):
                    return type(value).__name__, sorted(map(repr, value)), sys.getsizeof(value)
                if isinstance(value, list):
                    return repr(value), sys.getsizeof(value)
                return repr(value)
            def expression(consume, items): return consume(x for x in items)
            def function(consume, items):
                def gen():
                    for x in items:
                        yield x
                    return 5
                return consume(gen())
            def delegated(consume, items):
                def gen():
                    yield from items
                    yield from (x for x in items)
                return consume(gen())
            for round in range(40):
                out = []
                for make in expression, function, delegated:
                    for consume in consumers:
                        for items in values:
                            try:
                                out.append(show(make(consume, items)))
                            except TypeError as error:
                                out.append(str(error).replace("Truth", "T"))
                if round in (0, 39):
                    print([item for item in out if " object at " not in str(item)])
            for count in range(50):
                print(count, sys.getsizeof(list(x for x in range(count))), sys.getsizeof(sorted(-x for x in range(count))), sys.getsizeof(set(x for x in range(count))))
            def starts(start): return sum((x for x in range(9)), start)
            for i in range(100):
                out = [starts(5), starts(0.5), starts(-2), sum((x for x in "ab" if 0), start=3), sorted((-x for x in range(4)), reverse=True), sorted((x for x in "bca"), key=ord)]
            print(out)
            for bad in lambda: sum(x for x in "ab"), lambda: sum((x for x in "a"), ""), lambda: sorted((x for x in "ba"), 1), lambda: list(x for x in 5), lambda: list((x for x in "a"), 2), lambda: set(x=(x for x in "a")):
                try: bad()
                except TypeError as error: print(error)
        """)

    def test_goes_on_afterwards(self):
        self.check("""
            def gen(n, log):
                try:
                    for i in range(n):
                        log.append(i)
                        sent = yield i
                        if sent is not None:
                            log.append(sent)
                finally:
                    log.append("end")
            for i in range(200):
                log = []
                g = gen(10, log)
                out = [next(g), any(x == 3 for x in g), any(x > 1 for x in [g.send("s")]), all(x < 7 for x in g), sum(g), list(g), g.gi_frame is None]
                h = gen(10, log)
                out += [any(h), next(h), h.gi_running, h.gi_frame.f_lineno - h.gi_code.co_firstlineno]
                h.close()
                k = gen(4, log)
                out += [set(k) == {0, 1, 2, 3}, tuple(k)]
                def outer():
                    yield any(x == 2 for x in range(5))
                    yield sum(sum(x for x in range(y)) for y in range(6))
                    yield "".join("".join(str(x) for x in range(y)) for y in range(4))
                out += list(outer())
            print(out, log)
        """)

    def test_errors(self):
        self.check("""
            import traceback
            class Bad:
                def __bool__(self): raise ValueError("bool")
                def __hash__(self): raise KeyError("hash")
                def __radd__(self, other): raise OSError("add")
                def __lt__(self, other): raise LookupError("less")
            def f(consume, items, broken):
                return consume(10 // x if broken else x for x in items)
            cases = [(any, [0, 0, Bad()], False), (all, [1, Bad()], False), (set, [1, 2, Bad(), 3], False), (sum, [1, 2, Bad()], False), (sorted, [Bad(), Bad()], False),
                     ("".join, ["a", 1], False), (set, ["a", []], False), (list, [1, 2, 0, 3], True), (tuple, [1, 0], True), (sum, [1, 0], True), (any, [20, 0], True), (all, [2, 0], True)]
            for i in range(120):
                for consume, items, broken in cases:
                    try:
                        f(consume, items, broken)
                    except Exception:
                        if i == 119:
                            traceback.print_exc()
            def itself():
                yield 1
                yield list(g)
            def stops():
                yield 1
                raise StopIteration(3)
            def closes():
                yield 1
                g.close()
                yield 2
            for i in range(60):
                for make in itself, stops, closes:
                    g = make()
                    try:
                        out = list(g)
                    except (ValueError, RuntimeError) as error:
                        out = error, error.__cause__
                    if i == 59:
                        print(make.__name__, out)
        """)

    def test_frames_and_locals(self):
        self.check("""
            import sys, gc, weakref
            def stack(n=6):
                frame, names = sys._getframe(1), []
                while frame and len(names) < n:
                    names.append((frame.f_code.co_name, frame.f_lineno))
                    frame = frame.f_back
                return names
            def look(x, when):
                if x == when:
                    return stack()
            def f(when):
                return [list(look(x, when) for x in range(5)), any(look(x, when) is None and False for x in range(5)),
                        tuple(sum(look(y, when) is None for y in range(x)) for x in range(5))]
            for i in range(200):
                out = f(3)
            print(out)
            def writes(n):
                x = 0
                while x < n:
                    yield x
                    if x == 7:
                        sys._getframe().f_locals["x"] = 20
                    x += 1
            for i in range(100):
                out = list(writes(25))
            print(out)
            class Noted:
                def __init__(self, x): self.x = x
                def __del__(self): log.append(self.x)
                def __bool__(self): return False
            for i in range(100):
                log = []
                any(Noted(x) for x in range(4))
                log.append("any")
                held = list(Noted(x) for x in range(3))
                log.append("list")
                held = None
                sum(len([Noted(x)]) for x in range(3))
                all(not Noted(x) for x in range(3))
            print(log)
            base = [sys.getrefcount(o) for o in (None, f)][1:]
            item = object()
            before = sys.getrefcount(item)
            for i in range(300):
                list(item for _ in range(5)); tuple(item for _ in range(5)); set(item for _ in range(5)); any(item is None for _ in range(5))
            print(sys.getrefcount(item) - before)
        """)

    def test_events_inside(self):
        self.check("""
            import sys, signal, threading
            events = []
            def tracer(frame, event, arg):
                if frame.f_code.co_name == "gen":
                    events.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
                return tracer
            def gen(n, start):
                for i in range(n):
                    if i == start:
                        sys.settrace(tracer)
                        sys._getframe().f_trace = tracer
                    yield i
            for i in range(100):
                list(gen(10, None))
            for consume in list, sum, any:
                print(consume(gen(5, 2)))
                sys.settrace(None)
                print(events)
                events.clear()
            hits = []
            signal.signal(signal.SIGALRM, lambda *args: hits.append(sys._getframe(1).f_code.co_name))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            def forever():
                x = 0
                while not hits:
                    yield x
            while not hits:
                all(x == 0 for x in forever())
            print(len(hits))
            results = []
            def work(k):
                for i in range(300):
                    results.append(sum(x * k for x in range(200)))
            threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
            switch = sys.getswitchinterval()
            sys.setswitchinterval(1e-5)
            for t in threads: t.start()
            for t in threads: t.join()
            sys.setswitchinterval(switch)
            print(len(results), sum(results))
            def deep(n):
                return sum(deep(n - 1) for _ in range(1)) if n else 1
            for i in range(60): deep(8)
            try:
                print(deep(100000))
            except RecursionError:
                print("too deep")
        """)


if __name__ == "__main__":
    unittest.main()
