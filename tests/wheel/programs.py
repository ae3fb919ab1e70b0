"""Runs programs with the interpreter of the tests, in which the wheel is installed."""

import os
import subprocess
import sys
import textwrap


def run(*options, source, env=None):
    """Run a program; return (exit status, output, errors)."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run([sys.executable, *options, "-c", textwrap.dedent(source)],
                            capture_output=True, text=True, env=environment | (env or {}), timeout=300)
    return result.returncode, result.stdout, result.stderr
