"""What a compiler that guesses has most to lose by, for cargo xtask bench jit --hostile: types that never settle, classes and globals that
are changed all the time, exceptions that are raised all the time."""

import pyperf

LOOPS = 20_000


def add(a, b):
    return a + b


def types():
    """Each instruction sees another type each time."""
    values = [1, 2.5, "a", [1], (2,), True]
    last = None
    for i in range(LOOPS):
        value = values[i % 6]
        last = add(value, value)
        twice = value * 2
        if twice == values[0]:
            last = twice
        value.__class__
    return last


class Changing:
    def method(self):
        return 1


COUNT = 0


def definitions():
    """A global and a method are defined again and again, and new names appear among the globals."""
    global COUNT
    changing, total = Changing(), 0
    for i in range(LOOPS):
        COUNT = i
        total += COUNT
        if i % 10 == 0:
            Changing.method = (lambda self: 2) if i % 20 else (lambda self: 3)
        total += changing.method()
        if i % 100 == 0:
            globals()[f"name_{i % 1000}"] = i
    return total


def fail(value):
    if value % 2:
        raise ValueError(value)
    return value


def exceptions():
    """Exceptions of Python code and of built-in operations, each of which is caught."""
    total, empty = 0, {}
    for i in range(LOOPS):
        try:
            total += fail(i)
        except ValueError:
            total -= 1
        try:
            total += empty[i]
        except KeyError:
            total += 2
    return total


if __name__ == "__main__":
    runner = pyperf.Runner()
    for function in types, definitions, exceptions:
        runner.bench_func(function.__name__, function)
