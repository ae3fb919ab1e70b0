"""Some seconds of lazy_stress.py: with more, it is run by hand (see docs/lazy-imports.md)."""

import os
import subprocess
import sys
import unittest

STRESS = os.path.join(os.path.dirname(__file__), "lazy_stress.py")


class LazyStress(unittest.TestCase):
    def test_namespaces_stay_whole(self):
        done = subprocess.run(
            [sys.executable, STRESS, "--seconds", "3", "--threads", "6"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        for action in ("clear", "copy", "defer", "delete", "iterate", "list", "read", "rebind", "run_code"):
            self.assertIn(action, done.stdout)


if __name__ == "__main__":
    unittest.main()
