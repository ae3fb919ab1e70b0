"""The soak: it finds what is wrong with a server, and nothing in a short run."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import jit_programs
from jit_programs import setUpModule

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "soak")
sys.path.append(FOLDER)

import heap
import soak


def run(folder, *options):
    return subprocess.run([sys.executable, os.path.join(folder, "soak.py"), *options], capture_output=True, text=True)


class SoakTest(unittest.TestCase):

    def check_found(self, before_it_starts, *expected):
        """What a server does that differs from the real one in what it executes before it starts."""
        with tempfile.TemporaryDirectory() as temporary:
            folder = shutil.copytree(FOLDER, os.path.join(temporary, "soak"))
            with open(os.path.join(folder, "server.py"), "r+") as file:
                text = file.read()
                file.seek(0)
                file.write(text.replace("def main():", before_it_starts + "\n\ndef main():"))
            result = run(folder, "--minutes", "0.1")
        self.assertEqual((result.returncode, result.stderr), (1, ""), result.stdout)
        for text in ("FAILED: ", *expected):
            self.assertIn(text, result.stdout)

    def test_short(self):
        result = run(FOLDER, "--minutes", "0.15", "--jit", "auto,after=50")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertIn("nothing wrong", result.stdout)

    def test_wrong_answer(self):
        self.check_found("work.ROUTES['numbers'] = lambda number: 'many'", "numbers of ", "many\ninstead of\n")

    def test_exception(self):
        self.check_found("work.ROUTES['json'] = lambda number: 1 // 0", "json of ", "ZeroDivisionError")

    def test_crash(self):
        self.check_found("import os; work.ROUTES['classes'] = lambda number: os.abort()",
                         "the server ended with status -6", "Fatal Python error: Aborted")

    def test_stale_code(self):
        self.check_found("churn.ask = lambda probe: 0", "class: 0 instead of -300")

    def test_no_start(self):
        self.check_found("raise OSError('no port')", "the server ended with status 1", "OSError: no port")

    def test_memory(self):
        flat = [(second, min(40 + second, 100)) for second in range(600)]
        self.assertIn("100.0 MiB at the end, at most 121.0 allowed", soak.judged(flat, 10))
        leak = [(second, 100 + second / 10) for second in range(600)]
        with self.assertRaisesRegex(soak.Wrong, "121.0 MiB after warming up, 156.*at the end"):
            soak.judged(leak, 10)
        self.assertIn("in a run of at least 5 minutes", soak.judged(leak, 1))
        # What is given out is small, and so is a leak of 100 bytes for each change.
        leak = [(60 * minute, 4.5 + minute * 0.17) for minute in range(30)]
        with self.assertRaisesRegex(soak.Wrong, "in use: 6.3 MiB after warming up, 9.3 MiB at the end, at most 7.6 allowed"):
            soak.judged(leak, 30, "in use", soak.MORE_IN_USE)

    def test_what_is_given_out(self):
        before = heap.in_use()
        if before is None or jit_programs.HAS_ADDRESS_SANITIZER:
            self.skipTest("the C library does not tell")
        block = bytearray(10 << 20)
        self.assertAlmostEqual(heap.in_use() - before, len(block) / 2**20, delta=0.5)


if __name__ == "__main__":
    unittest.main()
