"""Runs programs with native code and in the interpreter, for the tests of the compiler."""

import os
import re
import subprocess
import sys
import sysconfig
import textwrap
import unittest

# The hooks of an interpreter without the GIL take no client: see TestAvailable of test_archive.py.
HAS_COMPILER = not sysconfig.get_config_var("Py_GIL_DISABLED")
HAS_ADDRESS_SANITIZER = "address" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
needs_compiler = unittest.skipUnless(HAS_COMPILER, "nothing is compiled without the GIL")

MODES = "auto,after=200", "all,sync", "all,warm"

# Classes and a function that several tests are about.
VECTORS = """
    class Vector:
        def __init__(self, x, y):
            self.x = x
            self.y = y
        def __sub__(self, other):
            if other.is_point():
                return Vector(self.x - other.x, self.y - other.y)
            return Point(self.x - other.x, self.y - other.y)
        def dot(self, other):
            return self.x * other.x + self.y * other.y
        def is_point(self):
            return False
    class Point(Vector):
        def is_point(self):
            return True
    def run(pairs, times):
        total = None
        for i in range(times):
            a, b = pairs[i % len(pairs)]
            c = a - b
            total = (c.dot(a), c.dot(c), type(c).__name__)
        return total
    ints = Point(3, 4), Point(-1, 2)
    floats = Point(0.5, 1.5), Point(2.5, -0.0)
    mixed = [ints, floats, (ints[0], floats[0]), (floats[1], ints[1])]
"""


def setUpModule():
    """For modules of tests that are about the compiler."""
    if not HAS_COMPILER:
        raise unittest.SkipTest("nothing is compiled without the GIL")


def run(source, mode, **more):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | more
    result = subprocess.run([sys.executable, "-X", f"jit={mode}", "-c", textwrap.dedent(source)],
                            capture_output=True, text=True, env=env, timeout=300)
    # With the number of the process.
    errors = re.sub("^==.*AddressSanitizer failed to allocate.*\n", "", result.stderr, flags=re.MULTILINE)
    return result.returncode, result.stdout, errors


class ProgramTest(unittest.TestCase):
    """Runs a program in the interpreter and with native code, and compares all that it shows."""

    maxDiff = None

    def check(self, source):
        expected = run(source, "0")
        self.assertNotEqual(expected[1:], ("", ""), "the program shows nothing")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(run(source, mode), expected)
