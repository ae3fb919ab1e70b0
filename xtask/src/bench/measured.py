"""Runs the command in sys.argv and prints, as JSON, what it took: its output goes nowhere.

A process of its own, because the peak memory that the system reports of a child is never below that of its parent.
"""

import json
import os
import sys
import time

null = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in (0, 1, 2)]
start = time.perf_counter()
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, _, used = os.wait4(process, 0)
wall = time.perf_counter() - start
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
