"""The differential fuzzer: it finds what differs, makes it smaller, and finds nothing in a fixed set of programs."""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import unittest

from jit_programs import setUpModule

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fuzz")
# The compiler is paused while a program is interpreted, which a program can see.
DIFFERENT = """
import _jit
def f(a, b):
    c = a + b
    if c > 3:
        show(_jit._pause(False))
        _jit._pause(True) if c > 100 else None
    return c
G1 = 12
for i in range(10):
    attempt(f, i, 3)
"""


def python(*arguments, **options):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, **options)


class FuzzTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def fuzz(self, *arguments):
        return python(os.path.join(FOLDER, "fuzz.py"), *arguments)

    def show(self, text, mode="all,warm,after=7"):
        file = os.path.join(self.folder, "program.py")
        with open(file, "w") as output:
            output.write(text)
        result = self.fuzz("--mode", mode, "--program", file)
        return result.returncode, json.loads(result.stdout)

    def test_same(self):
        self.assertEqual(self.show("def f(a): return a + 1\nfor i in range(20): attempt(f, i)\n"), (0, None))

    def test_values_of_all_kinds(self):
        self.assertEqual(self.show("""
class Meta(type):
    __name__ = __qualname__ = property(lambda self: 1 / 0)
class Odd(metaclass=Meta):
    __dict__ = 3
    def __getattr__(self, name): return 5
def f():
    yield
show(Odd, Odd(), Probe, Probe(), f, f(), [].append, 1j, {1}, len, Spy.step, ValueError(1), type, object(), 2**70, NAN)
attempt(lambda x: y, Odd())
"""), (0, None))

    def test_runs_begin_alike(self):
        self.assertEqual(self.show("import builtins\nprint(len([1]))\nbuiltins.len = 3\nbuiltins.more = 1\n"), (0, None))

    def test_depth_of_constructors_is_not_compared(self):
        # The call of a class takes one level of recursion, and two once the interpreter has specialized it.
        self.assertEqual(self.show("""
class C:
    def __init__(self, name):
        pass
def f(**more):
    f(**{'x': C('f')})
def call():
    f(x=0)
attempt(call)
""", "all,sync"), (0, None))

    def test_difference(self):
        status, difference = self.show(DIFFERENT)
        self.assertEqual((status, difference["kind"]), (1, "difference"))
        self.assertEqual((difference["interpreter"][0], difference["native"][0]), ("show True", "show False"))

    def test_crash(self):
        status, difference = self.show("import os\nos.abort()\n")
        self.assertEqual((status, difference["kind"], difference["status"]), (1, "crash", -6))

    def test_panic(self):
        status, difference = self.show("import os\nos.write(2, b'thread panicked at here.rs\\n')\n")
        self.assertEqual((status, difference["kind"]), (1, "panic"))

    def test_hang(self):
        status, difference = self.show("import _jit\nwhile not _jit._pause(False): pass\n")
        self.assertEqual((status, difference["kind"]), (1, "hang"))

    def test_waiting(self):
        # What only takes long, since it waits, does not end at once.
        self.assertEqual(self.show("import time\ntime.sleep(5)\n"), (0, None))

    def test_what_is_told_on_standard_error_fits(self):
        # More than a pipe holds.
        program = "import os\nfor i in range(100): os.write(2, b'x' * 5000)\n"
        self.assertEqual(self.show(program), (0, None))

    @unittest.skipUnless(sysconfig.get_config_var("WITH_PYMALLOC"), "only pymalloc counts blocks")
    def test_leak(self):
        status, difference = self.show("""
import _jit, sys
if not _jit._pause(False):
    sys.kept = [getattr(sys, "kept", None), *map(str, range(1000, 1100))]
""")
        self.assertEqual((status, difference["kind"]), (1, "leak"))

    def test_programs_have_seeds(self):
        script = "import generate; print(generate.program('3.7'))"
        one, other = [python("-W", "ignore", "-c", script, cwd=FOLDER) for _ in range(2)]
        self.assertEqual((one.returncode, one.stderr), (0, ""))
        self.assertEqual(one.stdout, other.stdout)

    def test_mutations_compile(self):
        result = python("-W", "ignore", "-c", """if True:
            import random, generate, mutate
            chance = random.Random(1)
            texts = [generate.program(seed) for seed in range(4)]
            for _ in range(30):
                text = mutate.mutate(chance.choice(texts), chance.choice(texts), chance)
                compile(text, "<fuzz>", "exec")
                texts.append(text)
            print(len(set(texts)))
        """, cwd=FOLDER)
        self.assertEqual(result.stdout, "34\n", result.stderr)

    def test_shrink(self):
        result = python("-W", "ignore", "-c", """if True:
            import shrink
            text = '''
def f(a, b=2):
    for i in range(10):
        if a:
            g(a, [i, 2, 3])
        else:
            h()
    return 3
x = f(1)
'''
            print(shrink.shrink(text, lambda text: "g(" in text))
        """, cwd=FOLDER)
        self.assertEqual(result.stdout.strip(), "def f():\n    g()", result.stderr)

    def test_no_difference_in_fixed_programs(self):
        script = """if True:
            import fuzz, itertools, sys
            for mode in ("all,sync", "all,warm,after=7"):
                process = fuzz.Process(mode)
                for number, text in itertools.islice(fuzz.programs(2026), 15):
                    difference = process.compare(number, text)
                    if difference is not None:
                        print(mode, number, difference)
                process.close()
            print("done")
        """
        result = python("-W", "ignore", "-c", script, cwd=FOLDER)
        self.assertEqual(result.stdout, "done\n", result.stderr)


if __name__ == "__main__":
    unittest.main()
