"""Threads resolve, delete, rebind, copy and iterate namespaces with deferred imports, all at once, for some time.

Nothing but the imported object (or that the name is missing) may be seen, nothing may be lost, and nothing may crash:

    python lazy_stress.py [--seconds N] [--threads N]
"""

import argparse
import collections
import importlib.abc
import importlib.machinery
import itertools
import random
import sys
import threading
import time
import types

SLOTS = [f"slot_{number}" for number in range(24)]
PREFIX = "_lazy_stress_"
ATTRIBUTE = 12345
KEPT = 5000
LOADS = {name: compile(name, "<load>", "eval") for name in SLOTS}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Has every module whose name begins with PREFIX, so that there always is one that was not imported yet."""

    def find_spec(self, name, path, target=None):
        if name.startswith(PREFIX):
            return importlib.machinery.ModuleSpec(name, self)

    def exec_module(self, module):
        module.value = ATTRIBUTE


def check(name, value):
    """A slot is bound to a module, to its attribute, or to what a thread bound it to."""
    if type(value) is types.ModuleType:
        assert value.__name__.startswith(PREFIX) and not name.endswith("_value"), (name, value)
    elif type(value) is not int or value not in (ATTRIBUTE, -1):
        raise AssertionError(f"{name} is {type(value)!r}")


def check_all(items):
    for name, value in items:
        if name.startswith("slot_"):
            check(name, value)


class Stress:
    def __init__(self, seconds, threads):
        self.end = time.monotonic() + seconds
        self.threads = threads
        self.errors = []
        self.done = collections.Counter()
        self.numbers = itertools.count()
        self.spaces = [types.ModuleType(f"space{number}") for number in range(3)]
        self.lock = threading.Lock()

    def defer(self, space, name, choose):
        """Binds a name of a module to a deferred import, as an import statement in it does."""
        number = next(self.numbers)
        module = f"{PREFIX}{number}"
        if choose.random() < 0.5:
            code = f"lazy import {module} as {name}"
        else:
            code = f"lazy from {module} import value as {name}_value"
        # One that no thread is likely to import still: memory has an end.
        sys.modules.pop(f"{PREFIX}{number - KEPT}", None)
        exec(code, space.__dict__)

    def rebind(self, space, name, choose):
        setattr(space, name, -1)

    def delete(self, space, name, choose):
        space.__dict__.pop(name, None)
        try:
            delattr(space, f"{name}_value")
        except AttributeError:
            pass

    def read(self, space, name, choose):
        for key in (name, f"{name}_value"):
            value = getattr(space, key, -1)
            check(key, value)
            check(key, space.__dict__.get(key, -1))

    def copy(self, space, name, choose):
        namespace = space.__dict__
        for copy in (namespace.copy(), dict(namespace), {**namespace}, namespace | {}):
            if name in copy:
                check(name, copy[name])
        other = {}
        other.update(namespace)
        check_all(other.items())

    def iterate(self, space, name, choose):
        namespace = space.__dict__
        try:
            check_all(namespace.items())
            check_all((key, namespace.get(key, -1)) for key in list(namespace))
            for value in namespace.values():
                assert "lazy_import" not in type(value).__name__, value
        except RuntimeError as error:
            # Another thread changed it meanwhile: so says eager code.
            assert "changed" in str(error), error

    def list(self, space, name, choose):
        check_all(list(space.__dict__.items()))
        keys, values = list(space.__dict__), list(space.__dict__.values())
        assert not any("lazy_import" in type(value).__name__ for value in values), (keys, values)

    def run_code(self, space, name, choose):
        """Specialized loads of globals see what lookups see; a name that was deleted is missing, as in eager code."""
        load = types.FunctionType(LOADS[name], space.__dict__)
        for _ in range(20):
            try:
                check(name, load())
            except NameError:
                pass

    def clear(self, space, name, choose):
        if choose.random() < 0.05:
            space.__dict__.clear()

    def work(self, seed):
        choose = random.Random(seed)
        actions = [self.defer] * 4 + [
            self.rebind, self.delete, self.read, self.read, self.copy, self.iterate, self.list,
            self.run_code, self.clear,
        ]
        done = collections.Counter()
        try:
            while time.monotonic() < self.end and not self.errors:
                action = choose.choice(actions)
                action(choose.choice(self.spaces), choose.choice(SLOTS), choose)
                done[action.__name__] += 1
        except BaseException as error:
            self.errors.append(error)
        with self.lock:
            self.done.update(done)

    def run(self):
        workers = [threading.Thread(target=self.work, args=(seed,)) for seed in range(self.threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    sys.meta_path.insert(0, Finder())
    stress = Stress(options.seconds, options.threads)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        stress.run()
    finally:
        sys.setswitchinterval(old)
    print(", ".join(f"{name} {count}" for name, count in sorted(stress.done.items())))
    for error in stress.errors:
        sys.excepthook(type(error), error, error.__traceback__)
    sys.exit(bool(stress.errors))


if __name__ == "__main__":
    main()
