"""Native code: slices."""

import unittest

from jit_programs import ProgramTest, setUpModule


class SliceTest(ProgramTest):
    def test_slices_stored_at_once(self):
        # Whatever the bounds and the step mean, in one list and between two.
        self.check("""
            import zlib
            bounds = [None, 0, 1, 2, 5, 9, 40, -1, -3, -9, -50, 2**62, -2**62, 2**70, -2**70, True]
            def make(step):
                space = {}
                exec(f'''
            def inside(a, b, i, j, k, m):
                a[k:m] = a[i:j:{step}]
            def between(a, b, i, j, k, m):
                b[k:m] = a[i:j:{step}]
            def sums(a, b, i, j, k, m):
                a[:i + 1] = a[i::{step}]
            '''.replace("\\n            ", "\\n"), space)
                return space["inside"], space["between"], space["sums"]
            out = []
            for step in (1, -1, 2, -3, None):
                for f in make(step):
                    a, b = list("abcdefgh"), list(range(10))
                    for n in range(3000):
                        f(a, b, n % 8, None, 0, None) if f.__name__ == "sums" else f(a, a, 0, 8, 0, 8)
                        a[:] = "abcdefgh"
                    for n, i in enumerate(bounds):
                        for j in bounds:
                            for k, m in zip(bounds[n:] + bounds[:n], bounds):
                                a, b = list("abcdefgh"), list(range(10))
                                try:
                                    f(a, b, i, j, k, m)
                                except (TypeError, ValueError) as error:
                                    out.append(str(error))
                                out.append(a + b)
            print(len(out), zlib.crc32(str(out).encode()), out[::9973])
        """)

    def test_other_containers(self):
        self.check("""
            class List(list):
                def __getitem__(self, key): return list.__getitem__(self, key) + ["got"]
                def __setitem__(self, key, value): list.__setitem__(self, key, value + ["set"])
            class Index:
                def __index__(self): return 2
            def turn(a, k):
                a[:k + 1] = a[k::-1]
                return a
            for n in range(3000):
                turn([1, 2, 3, 4], n % 4)
            for a in (List("abcd"), bytearray(b"abcd"), [], list(range(100))):
                for k in (2, 0, -1, 90):
                    print(turn(a, k))
            for a, k in ((b"abc", 1), ("abc", 1), ((1, 2), 1), (None, 1), ([1, 2], "x"), ([1, 2], None), ([1, 2], 1.5)):
                try:
                    print(turn(a, k))
                except TypeError as error:
                    print(error, error.__traceback__.tb_next.tb_lasti)
            def through(a, k):
                a[k:] = a[:k:-1]
                return a
            for n in range(3000):
                through([1, 2, 3, 4], 2)
            print(through(list("abcdefgh"), Index()))
        """)

    def test_what_is_replaced(self):
        # Finalizers run when an item is replaced, and see the list as it is then.
        self.check("""
            import sys
            class Item:
                def __init__(self, name): self.name = name
                def __del__(self): print("del", self.name, [getattr(x, "name", x) for x in items])
            def copy(a, b, i, j):
                a[i:j] = b[i:j]
            def turn(a, k):
                a[:k] = a[k - 1::-1]
            items = [0, 1, 2, 3]
            for n in range(3000):
                copy(items, items, 1, 3)
                turn(items, 4)
            items = [Item(n) for n in "abcd"]
            turn(items, 3)
            print([x.name for x in items], [sys.getrefcount(x) for x in items])
            copy(items, [5, 6, 7, 8], 1, 3)
            kept = Item("kept")
            items[:2] = [kept, kept]
            copy(items, [9] * 4, 0, 2)
            print(sys.getrefcount(kept))
            items = [float(n) for n in range(4)]
            for n in range(200):
                copy(items, [n + 0.5] * 4, 0, 3)
            print(items)
        """)


if __name__ == "__main__":
    unittest.main()
