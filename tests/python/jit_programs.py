"""Runs programs with native code and in the interpreter, for the tests of the compiler."""

import os
import subprocess
import sys
import textwrap
import unittest

MODES = "auto,after=200", "all,sync", "all,warm"


def run(source, mode):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run([sys.executable, "-X", f"jit={mode}", "-c", textwrap.dedent(source)],
                            capture_output=True, text=True, env=env, timeout=300)
    return result.returncode, result.stdout, result.stderr


class ProgramTest(unittest.TestCase):
    """Runs a program in the interpreter and with native code, and compares all that it shows."""

    maxDiff = None

    def check(self, source):
        expected = run(source, "0")
        self.assertNotEqual(expected[1:], ("", ""), "the program shows nothing")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(run(source, mode), expected)
