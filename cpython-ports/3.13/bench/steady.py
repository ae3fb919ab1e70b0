"""Runs a benchmark of pyperformance for some seconds, and writes how long each part took.

    python steady.py RESULT SECONDS SCRIPT [ARGUMENT ...]

Instead of pyperf, the script gets a module that runs each benchmark in this process, from its very first loop on: so what a
compiler costs and gains at the start is seen. Any interpreter can run this.
"""

import argparse
import json
import sys
import time
import types

# Loops are made so long that reading the clock does not matter.
SHORTEST = 0.01


def measure(function, seconds):
    """Runs function(loops), which returns what it took; returns pairs of loops and seconds."""
    parts, loops = [], 1
    start = time.perf_counter()
    while True:
        took = function(loops)
        parts.append((loops, took))
        if time.perf_counter() - start >= seconds and len(parts) >= 3:
            return parts
        if took < SHORTEST:
            loops *= 2


class Runner:
    """As much of pyperf.Runner as the scripts use."""

    seconds = 1.0
    results = {}

    def __init__(self, values=None, warmups=None, processes=None, loops=0, min_time=0.1, metadata=None, add_cmdline_args=None):
        self.metadata = {}
        self.argparser = argparse.ArgumentParser()
        self.args = None

    def parse_args(self, args=None):
        if self.args is None:
            self.args = self.argparser.parse_args(args)
        return self.args

    def bench_time_func(self, name, function, *args, inner_loops=None, metadata=None):
        self.parse_args()
        self.results[name] = measure(lambda loops: function(loops, *args), self.seconds)

    def bench_func(self, name, function, *args, inner_loops=None, metadata=None):
        def run(loops):
            start = time.perf_counter()
            for _ in range(loops):
                function(*args)
            return time.perf_counter() - start
        self.parse_args()
        self.results[name] = measure(run, self.seconds)


def peak():
    """The most memory that this process has had, in KiB."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    result, seconds, script = sys.argv[1:4]
    Runner.seconds = float(seconds)
    module = types.ModuleType("pyperf")
    module.Runner = Runner
    module.perf_counter = time.perf_counter
    module.python_implementation = lambda: sys.implementation.name
    sys.modules["pyperf"] = module
    sys.argv[:] = sys.argv[3:]
    sys.path.insert(0, script.rpartition("/")[0])
    with open(script) as file:
        code = compile(file.read(), script, "exec")
    # In the namespace of __main__: classes are pickled by their name in it.
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    exec(code, main.__dict__)
    with open(result, "w") as file:
        json.dump({"benchmarks": Runner.results, "peak": peak()}, file)


main()
