"""mypy checks its own sources."""

import os
import unittest

from mypy import api

OPTIONS = [
    "--config-file=mypy_self_check.ini",
    f"--cache-dir={os.devnull}",
    "--num-workers=0",
    # tomli, which only older releases of Python need, and filelock, which only other tests need, are not installed.
    "--disable-error-code=import-not-found",
]


class SelfCheckSuite(unittest.TestCase):
    def test_self_check(self) -> None:
        out, err, status = api.run([*OPTIONS, "--package=mypy"])
        self.assertEqual((err, status), ("", 0), out)
