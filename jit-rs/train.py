"""What an interpreter with the archive runs to get its profile: what CPython's own builds run, interpreted and compiled.

    python train.py

Run by CPython's makefile with the instrumented interpreter, see PROFILE_TASK there. The second time, code that has run 64 times is
compiled, so that the profile knows the helpers of compiled code and what they call of the interpreter.
"""

import os
import subprocess
import sys

TASK = ["-m", "test", "--pgo", "--timeout=1200"]

for mode in ["0", "auto,after=64"]:
    # Makefiles of CPython go on when a test fails here: what has run is counted all the same.
    subprocess.run([sys.executable, *TASK], env=os.environ | {"PYTHON_JIT": mode}, check=False)
