"""Native code of loops: variables whose type changes after the first round, and those that get another value in each."""

import unittest

from jit_programs import ProgramTest, run, setUpModule

START = """
import sys, gc
def shown(f, *args):
    try:
        return f(*args)
    except Exception as error:
        line = error.__traceback__.tb_next
        return type(error).__name__, str(error), line and line.tb_lineno
def often(f, *rows):
    results = [[repr(shown(f, *row)) for row in rows] for _ in range(300)]
    assert all(found == results[0] for found in results), (f.__name__, results)
    print(f.__name__, *results[0], sep="\\n  ")
"""


class FirstRoundTest(ProgramTest):
    """What is of another type before the loop than at its end: the first round is built on its own."""

    def test_sums(self):
        self.check(START + """
def halves(xs):
    total = 0
    for x in xs:
        total += x * 0.5
    return total
def products(xs, ys):
    total = 0
    for i in range(len(xs)):
        total += xs[i] * ys[i]
    return total
def least(xs):
    found = None
    for x in xs:
        y = x - 1
        if found is None or y < found:
            found = y
    return found
def last(xs):
    now = "nothing"
    for x in xs:
        before = now
        now = x + 1
    return before, now
def twice(xs):
    a = b = 0
    for x in xs:
        a += x * 0.5
    for x in xs:
        b += a * x
    return a, b
def nested(rows):
    total = 0
    for row in rows:
        part = 0
        for x in row:
            part += x / 4
        total += part
    return total, part
def counted(n):
    i = total = 0
    while i < n:
        total = total + i / 2
        i += 1
    return i, total
for values in [], [1.5], [2, 3.5], [1, 2, 3, 4], list(range(40)), [1.5] * 9 + [2**70], [3, "s"]:
    often(halves, (values,))
    often(products, (values, values[::-1]))
    often(least, (values,))
    often(last, (values,))
    often(twice, (values,))
    often(nested, ([values, values[1:]],))
often(counted, (0,), (1,), (2,), (77,))
""")

    def test_ways_out(self):
        self.check(START + """
def breaks(xs, end):
    total = 0
    for x in xs:
        if x == end:
            break
        total += x * 0.25
    else:
        return total, "end"
    return total, x
def goes_on(xs):
    total = count = 0
    for x in xs:
        if x < 2:
            continue
        total += x * 0.25
        count += 1
    return total, count
def returns(xs, end):
    total = 0
    for x in xs:
        total += x * 0.25
        if total > end:
            return total
    return None, total
def raises(xs):
    total = 0
    for x in xs:
        try:
            total += 1.5 / x
        except ZeroDivisionError:
            total -= 1000
        except TypeError:
            return total, "type"
    return total
def fails(xs):
    total = 0
    for x in xs:
        total += 1.5 / x
    return total
def finishes(xs):
    total = 0
    try:
        for x in xs:
            total += 1.5 / x
    finally:
        print(total) if len(xs) == 3 else None
    return total
rows = [], [0], [1], [2, 0], [1, 2, 3], [0, 1, 2, 3, 4, 0, 4], ["s"], [4, "s"], list(range(1, 30))
for row in rows:
    for f in goes_on, raises, fails:
        often(f, (row,))
    for end in 0, 2, 5.5:
        often(breaks, (row, end))
        often(returns, (row, end))
    for _ in range(60):
        print(shown(finishes, row))
""")

    def test_who_looks(self):
        self.check(START + """
def peek():
    return dict(sys._getframe(1).f_locals)
def looks(xs):
    total, seen = 0, []
    for x in xs:
        seen.append(peek()["total"])
        total += x * 0.5
        seen.append(locals()["total"])
    return seen, total
def writes(xs):
    total = 0
    for x in xs:
        total += x * 0.5
        if x == 3:
            sys._getframe().f_locals["total"] = "written"
    return total
def traced(xs):
    total = 0
    for x in xs:
        total += x * 0.5
        if x == 2:
            sys.settrace(lambda frame, event, arg: None)
            sys.settrace(None)
    return total
rows = [[], [1], [1, 2], [1.5, 2, 3], list(range(9))]
for f in looks, writes, traced:
    often(f, *[(row,) for row in rows])
def gives(xs):
    total = 0
    for x in xs:
        total += x * 0.5
        yield total
def collects(xs):
    return list(gives(xs))
often(collects, *[(row,) for row in rows])
""")


class StaysTest(ProgramTest):
    """Variables that get another value in each round before they are read: they are in their slots till then."""

    def test_nested_loops(self):
        self.check(START + """
def grid(n, m, a):
    result = []
    for i in range(n):
        for j in range(m):
            x = a[j]
            y = x * i
            z = y + j
            a[j] = z
        result.append(z)
    return result, a, x, y, z
def moved(n, m):
    y = "start"
    for i in range(n):
        for j in range(m):
            if j:
                y = i * 0.5
                k = j + i
        yield y
def collects(n, m):
    return list(moved(n, m))
def maybe(n, m):
    for i in range(n):
        for j in range(m):
            if j % 3 == 1:
                t = i * 1.5
                u = t + j
            else:
                t = j
        if i == m:
            del t
    return t, u
for n, m in (0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (3, 3), (5, 7), (7, 5):
    for start in 1, 2.5, "s", None:
        often(lambda n, m: grid(n, m, [start] * m), (n, m))
        often(lambda n, m: grid(n, m, [1] * m), (n, m))
    often(collects, (n, m))
    often(maybe, (n, m))
""")

    def test_who_looks(self):
        self.check(START + """
class Thing:
    def __del__(self):
        log.append("gone")
log = []
def sees(xs, y):
    seen = []
    for x in xs:
        seen.append(repr(locals()["y"]))
        y = x * 0.5
        z = y + x
        seen.append(sys._getframe().f_locals["y"])
        seen.append(locals()["z"])
    return seen, y
def sees_late(xs, y):
    seen = []
    for k in range(2):
        for x in xs:
            if x == 3:
                seen.append(repr(locals().get("y")))
            y = x * 0.5
            z = y + x
            if x == 2:
                seen.append((locals()["y"], locals()["z"]))
    return seen, y, z
def drops(xs, y):
    for x in xs:
        y = x * 0.5
        z = y + x
    return list(log), y, z
def fails(xs, y):
    for x in xs:
        y = 6.5 / x
        z = y + 1
    return y, z
for row in [1], [2, 3], [1, 2, 3, 4, 3], [4, 0], [0]:
    for y in 1, 2.5, "s", None, [], 2**80:
        for f in sees, sees_late, fails:
            often(f, (row, y))
    for _ in range(60):
        log.clear()
        print(shown(drops, row, Thing()), log)
""")

    def test_operands(self):
        """What is on the stack is not what its variable holds by then."""
        self.check(START + """
class Odd:
    def __init__(self, read):
        self.read = read
    def __getitem__(self, index):
        if self.read:
            sys._getframe(1).f_locals
        return [k * 7.25 for k in range(30)][index]
def between(x, y, items):
    z = x + 1.0
    return x, (x := y * 2.5), items[0], z
def added(x, y, items):
    z = x + 1.0
    return x + (x := y * 2.5) + items[0] + x, z
def in_loop(n, items):
    x, found = 0.5, []
    for i in range(n):
        z = x + 1.5
        found.append((x, (x := z * 0.5), items[i % 3]))
    return found
for i in range(400):
    items = [1.5, 2.5, 3.5] if i < 300 else Odd(i % 2)
    print(between(i * 1.5 + .25, i * 2.5, items), added(i * 1.5 + .25, i * 2.5, items), in_loop(5, items)[-2:])
    waste = [k * 9.5 for k in range(20)]
""")


class IsUsedTest(unittest.TestCase):
    def test_nothing_is_boxed_in_loops(self):
        status, output, errors = run("""
            import clinker.jit
            def grid(n, m, data):
                for i in range(n):
                    for j in range(m):
                        x = data[j]
                        y = x * i
                        data[j] = y + 0.5
                return y
            def halves(xs):
                total = 0
                for x in xs:
                    total += x * 0.5
                return total
            for i in range(3000):
                grid(3, 4, [1.5] * 4)
                halves([1.5, 2.5, 3.5])
            for f in grid, halves:
                clinker.jit.print_hir(f)
        """, "auto,after=200")
        self.assertEqual(status, 0, errors)
        # Both loops of one, whose guess about the iterator holds although there is no y before the first round; and only what is
        # returned becomes an object.
        self.assertEqual(output.count("RangeNext"), 2, output)
        self.assertNotIn("Call(next", output)
        self.assertEqual(output.count("BoxFloat"), 2, output)


class InvariantTest(ProgramTest):
    """What is the same in each round of a loop that runs no other code."""

    def test_results(self):
        self.check(START + """
from array import array
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
class Line:
    def __init__(self, scale, data):
        self.scale, self.data = scale, data
    def at(self, i):
        return self.data[i] * self.scale
def scaled(p, xs):
    total = 0.0
    for x in xs:
        total += x * p.x + p.y
    return total
def through(line, n):
    total = 0
    for i in range(n):
        total += line.at(i)
    return total
def changes(p, xs):
    total = 0.0
    for x in xs:
        if x > 3:
            p.x = x
        total += p.x
        if x == 5:
            p.y = total
    return total, p.x, p.y
def aliased(p, q, xs):
    for x in xs:
        p.x = q.x + x
    return p.x, q.x
def shifts(a, n):
    for i in range(1, n):
        a[i] = a[i - 1] + a[0] * 2
    return list(a)
def swapped(p, q, xs):
    total = 0.0
    for x in xs:
        total += p.x - q.x * 3
        p, q = q, p
    return total
def leaves(p, xs, limit):
    for x in xs:
        if x * p.x > limit:
            break
        if x < 0:
            continue
    else:
        return "all"
    return x, p.x
def finds(p, xs):
    for x in xs:
        if x == p.y:
            return x
def whiles(p, n):
    i = 0
    while i < p.x:
        i += 1
        if i > n:
            raise ValueError(i)
    return i
def unbound(xs, p):
    for x in xs:
        if x > 2:
            y = p.x
        if x > 3:
            p = None
        if x > 8:
            z = y + p.x
    return x, y
def kept(p, xs):
    for x in xs:
        v = p.x
        w = v
        v = x
        w = w + v
    return v, w
for values in [], [1.5], [2, 3.5], [1, 2, 3, 4], list(range(12)), [1.5] * 9 + [2**70], [3, "s"], [-1.5, 9.0] * 9:
    for x in 2.5, 3, 2**70, "s", None:
        often(lambda: scaled(Point(x, 1.0), values), ())
        often(lambda: changes(Point(x, 1.0), values), ())
        often(lambda: swapped(Point(x, 1.0), Point(2.0, x), values), ())
        often(lambda: leaves(Point(x, 1.0), values, 8), ())
        often(lambda: finds(Point(1.0, x), values), ())
        often(lambda: unbound(values, Point(x, 1.0)), ())
        often(lambda: kept(Point(x, 1.0), values), ())
    often(lambda: aliased(Point(1, 2), Point(3, 4), values), ())
    often(lambda: aliased(p := Point(1, 2), p, values), ())
    often(lambda: through(Line(2.5, values), len(values)), ())
    often(lambda: through(Line(2, values), len(values) + 1), ())
for data in [1.0] * 9, array("d", [1] * 9), array("i", [1] * 9), bytearray(9), [1] * 9:
    often(lambda: shifts(data[:], 9), ())
    often(lambda: shifts(data[:], 10), ())
often(whiles, (Point(50.0, 0), 90), (Point(50, 0), 40), (Point(0, 0), 40))
""")

    def test_who_looks_at_variables_that_hold_the_same(self):
        self.check(START + """
def look():
    return {name: value for name, value in sys._getframe(1).f_locals.items() if name in "abcdi"}
class Thing:
    def __init__(self, n):
        self.n = n
        look()
def same(xs):
    a = 0
    for i in range(1):
        b = 0.5
        a -= b
    thing = Thing(100.0)
    c = 1
    for i in range(1):
        c = 0 * thing.n
    d = 2
    for i in xs:
        seen = look()
        d -= 0
    return seen, a, c, d
often(same, ([1.5],), ([1, 2],))
""")

    def test_stores_and_references(self):
        self.check(START + """
items = []
def stores(a):
    if items:
        items[0] += 0
    a = items
    return a is items
before = sys.getrefcount(items)
often(stores, (0,), (1,))
print(sys.getrefcount(items) - before)
""")

    def test_what_happens_meanwhile(self):
        self.check(START + """
import threading, signal
class Point:
    def __init__(self, x):
        self.x = x
def waits(p):
    rounds = 0
    while p.x < 1.0:
        rounds += 1
    return p.x
def counts(p, n):
    total = 0
    for i in range(n):
        total += p.x
    return total
for _ in range(300):
    waits(Point(2.0))
    counts(Point(1), 50)
p = Point(0.0)
def change():
    p.x = 5.0
threading.Timer(0.1, change).start()
print(waits(p))
p.x = 0.0
def on_signal(*args):
    p.x = "done" if args[0] == signal.SIGALRM else p.x
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, on_signal)
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    waits(p)
except KeyboardInterrupt as error:
    print(p.x, error.__traceback__.tb_next.tb_lineno)
def on_other_signal(*args):
    p.x = 7.5
p.x = 0.0
signal.signal(signal.SIGALRM, on_other_signal)
signal.setitimer(signal.ITIMER_REAL, 0.1)
print(waits(p))
def traced():
    lines = []
    def trace(frame, event, arg):
        lines.append((event, frame.f_lineno))
        return trace
    sys.settrace(trace)
    counts(Point(1), 2)
    sys.settrace(None)
    print(lines)
traced()
p = Point(1)
p.__dict__["x"] = 3
print(counts(p, 60))
del p.x
print(shown(counts, p, 60))
Point.x = 8
print(counts(p, 60))
Point.x = property(lambda self: 9)
print(counts(p, 60))
""")


if __name__ == "__main__":
    unittest.main()
