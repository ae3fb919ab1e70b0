"""Runs programs first in the interpreter, then as native code, in one process, and tells where they differ.

Reads programs from standard input, each after a line with a number and its length in bytes; writes a line of JSON for each.
Start it with `-X jit=MODE,allow=<fuzz>:*`: what is here must be interpreted.
"""

import _jit
import builtins
import faulthandler
import gc
import json
import re
import resource
import signal
import sys
import sysconfig
import threading
import traceback
import warnings

# What one run may record, and how many seconds of a processor it may take in the interpreter, and as native code, which has to be
# compiled.
MOST = 20_000
SECONDS = 4
NATIVE_SECONDS = 20
# How many blocks of memory more than in the interpreter are no leak.
MANY = 5
# How many functions that call each other by turns are found to do so in a traceback.
LONGEST_CYCLE = 4
# How many times as long that may take on a machine that has other work.
LOADED = 12

# The names of classes, whatever they say of themselves.
NAME_OF = type.__dict__["__qualname__"]
ADDRESS = re.compile(" at 0x[0-9a-f]+")


class Unending(BaseException):
    """A program records too much."""


class Fault(Exception):
    """What programs raise besides built-in exceptions."""


def canonical(value, depth=3):
    """A text that is the same for values that a program cannot tell apart, except by identity."""
    kind = type(value)
    if kind in (int, bool, type(None), type(...)):
        return repr(value)
    if kind in (float, complex):
        return repr(value)
    if kind is str:
        text = value if len(value) < 200 else value[:100] + f"...{len(value)}"
        return ADDRESS.sub(" at ADDRESS", repr(text))
    if depth <= 0:
        return NAME_OF.__get__(kind)
    if kind in (list, tuple):
        items = [canonical(item, depth - 1) for item in value[:30]]
        return f"{kind.__name__}{len(value)}({', '.join(items)})"
    if kind is dict:
        items = [f"{canonical(key, depth - 1)}: {canonical(item, depth - 1)}" for key, item in list(value.items())[:30]]
        return f"dict{len(value)}({', '.join(items)})"
    # Whatever classes and metaclasses do when they are asked.
    if issubclass(kind, BaseException):
        return f"{NAME_OF.__get__(kind)}{canonical(BaseException.args.__get__(value), depth - 1)}"
    name = NAME_OF.__get__(kind)
    if issubclass(kind, type):
        return f"class {NAME_OF.__get__(value)}"
    try:
        fields = getattr(value, "__dict__", None)
    except Exception:
        fields = None
    if type(fields) is dict and type.__getattribute__(kind, "__module__") == "fuzz":
        return f"{name}{canonical(fields, depth - 1)}"
    if name in ("function", "generator", "coroutine", "method", "async_generator"):
        return f"{name} {value.__qualname__}"
    return name


def calls_class(frame):
    """Whether the code of a frame may call a class of the program."""
    return any(issubclass(type(frame.f_globals.get(name)), type) for name in frame.f_code.co_names)


def describe_frames(entry):
    """The frames of a program in a traceback, without what only repeats itself."""
    frames, lines, index = [], [], 0
    while entry is not None:
        frame = entry.tb_frame
        if frame.f_code.co_filename == "<fuzz>":
            frames.append((f"{frame.f_code.co_qualname}@{entry.tb_lasti} line {entry.tb_lineno}", frame))
        entry = entry.tb_next
    places = [place for place, _ in frames]
    while index < len(frames):
        period, rounds = cycle(places, index)
        for place, frame in frames[index : index + period * min(rounds, 3)]:
            local = frame.f_locals if frame.f_locals is not frame.f_globals else {}
            lines.append(f"{place} {canonical(dict(local))}")
        if rounds > 100 and any(takes_levels(frame) for _, frame in frames[index : index + period]):
            # So it also depends on that which of the calls is the last one.
            return [*lines, "again and again"]
        if rounds > 3:
            lines.append(f"{rounds - 3} times more")
        index += period * rounds
    return lines


def cycle(places, start):
    """How many places from one on come again, and how often they are there."""
    for period in range(1, LONGEST_CYCLE + 1):
        rounds = 1
        while places[start + rounds * period : start + (rounds + 1) * period] == places[start : start + period]:
            rounds += 1
        if rounds > 3:
            return period, rounds
    return 1, 1


def takes_levels(frame):
    """Whether it takes one level of recursion or two what the frame does: the call of a class takes two once the interpreter has
    specialized it."""
    return frame.f_code.co_name == "__init__" or calls_class(frame)


class Observer:
    """The records of one run, and the functions with which a program makes them."""

    def __init__(self):
        self.records = []
        self.alive = 0

    def record(self, *words):
        if len(self.records) >= MOST:
            raise Unending
        self.records.append(ADDRESS.sub(" at ADDRESS", " ".join(words)))

    def describe_exception(self, error, seen=()):
        lines = [canonical(error), *describe_frames(error.__traceback__)]
        for name in ("__cause__", "__context__"):
            other = getattr(error, name)
            if other is not None and other not in seen and len(seen) < 5:
                lines.append(f"{name} {self.describe_exception(other, (*seen, error))}")
        lines.append(f"{error.__suppress_context__} {getattr(error, '__notes__', None)}")
        return "\n  ".join(lines)

    def functions(self):
        """What programs can use."""
        record = self.record

        def show(*values):
            record("show", *[self.describe_exception(value) if isinstance(value, BaseException) else canonical(value)
                             for value in values])

        def handled():
            error = sys.exception()
            record("handled", "nothing" if error is None else self.describe_exception(error))

        def attempt(function, *arguments):
            try:
                record("result", canonical(function(*arguments)))
            except Exception as error:
                record("raised", self.describe_exception(error))

        def attempt_all(function, *arguments):
            try:
                for index, value in enumerate(function(*arguments)):
                    record("item", canonical(value))
                    if index == 30:
                        break
            except Exception as error:
                record("raised", self.describe_exception(error))

        def attempt_sends(function, *arguments):
            generator = function(*arguments)
            try:
                value = next(generator)
                for index in range(30):
                    record("item", canonical(value))
                    if index % 8 == 5:
                        value = generator.throw(ValueError(index))
                    else:
                        value = generator.send(index if index % 3 else None)
                generator.close()
            except StopIteration as stop:
                record("result", canonical(stop.value))
            except Exception as error:
                record("raised", self.describe_exception(error))

        def other_module(name, source):
            # Something that it defines.
            namespace = {"__name__": "other"}
            exec(compile(source, "<fuzz>", "exec", dont_inherit=True), namespace)
            return namespace[name]

        def elsewhere(function):
            # In another thread, which is over then.
            outcome = []

            def call():
                try:
                    outcome.append((function(), None))
                except Exception as error:
                    outcome.append((None, error))
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()
            value, error = outcome[0]
            if error is not None:
                raise error
            return value

        def attempt_async(function, *arguments):
            coroutine = function(*arguments)
            try:
                value = None
                for _ in range(200):
                    value = coroutine.send(value)
                    record("step", canonical(value))
            except StopIteration as stop:
                record("result", canonical(stop.value))
            except Exception as error:
                record("raised", self.describe_exception(error))
            finally:
                coroutine.close()

        def peek():
            frame = sys._getframe(1)
            local = frame.f_locals if frame.f_locals is not frame.f_globals else {}
            record("peek", frame.f_code.co_qualname, str(frame.f_lineno), str(frame.f_lasti), canonical(dict(local), 2))

        def poke(name, value):
            frame = sys._getframe(1)
            # Native code releases what was there when the call is over, not at once.
            if type(frame.f_locals.get(name)) in (int, float, bool, str, type(None)):
                frame.f_locals[name] = value

        def where():
            frame, stack = sys._getframe(1), []
            while frame is not None and len(stack) < 20:
                if frame.f_code.co_filename == "<fuzz>":
                    stack.append(f"{frame.f_code.co_qualname}:{frame.f_lasti}")
                frame = frame.f_back
            record("where", *stack)

        def tracer(frame, event, argument):
            if frame.f_code.co_filename != "<fuzz>":
                return None
            frame.f_trace_opcodes = len(self.records) % 3 == 0
            record("trace", event, frame.f_code.co_qualname, str(frame.f_lineno), str(frame.f_lasti))
            return tracer

        def profiler(frame, event, argument):
            if frame.f_code.co_filename == "<fuzz>":
                record("profile", event, frame.f_code.co_qualname, str(frame.f_lasti))

        def trace(on):
            sys.settrace(tracer if on else None)
            sys._getframe(1).f_trace = tracer if on else None

        def profile(on):
            sys.setprofile(profiler if on else None)

        def item(sequence, index):
            return sequence[index % len(sequence)] if sequence else "" if type(sequence) is str else 0

        def put(sequence, index, value):
            if sequence:
                sequence[index % len(sequence)] = value

        def cut(value):
            if type(value) in (list, tuple):
                flat = [None if type(part) in (list, tuple, dict) else part for part in value[:12]]
                return flat if type(value) is list else tuple(flat)
            return value[:12] if type(value) is str else value

        def clamp(value):
            if type(value) is int and not -2**70 < value < 2**70:
                return value & (2**64 - 1) if value & 1 else -(value & (2**63 - 1))
            return value

        def swapped(numbers):
            for number in numbers:
                yield number * 2, number

        observer = self

        class Probe:
            def __init__(self, n=0, x=0.5):
                self.n = n
                observer.alive += 1

            def __repr__(self):
                return type(self).__name__

            def step(self, d):
                return d

            def __del__(self):
                observer.alive -= 1
                if len(observer.records) < MOST:
                    record("del", type(self).__qualname__, canonical(self.__dict__.get("n")))

        class Spy(Probe):
            """Looks at the frame that drops it."""

            def __del__(self):
                frame = sys._getframe(1)
                if frame.f_code.co_filename == "<fuzz>" and len(observer.records) < MOST:
                    local = frame.f_locals if frame.f_locals is not frame.f_globals else {}
                    record("spy", frame.f_code.co_qualname, str(frame.f_lasti), canonical(dict(local), 2))
                super().__del__()

        class Manager:
            def __init__(self, n, swallowed=()):
                self.n = n
                self.swallowed = swallowed

            def __enter__(self):
                record("enter", canonical(self.n))
                return self.n

            def __exit__(self, kind, error, traceback):
                record("exit", canonical(error), str(traceback and traceback.tb_lasti))
                return kind is not None and issubclass(kind, self.swallowed or ())

        class AsyncManager:
            async def __aenter__(self):
                record("aenter")
                await Step(1)

            async def __aexit__(self, *error):
                record("aexit", canonical(error[1]))

        class Step:
            def __init__(self, n):
                self.n = n

            def __await__(self):
                got = yield self.n
                return got

        async def steps(n):
            for number in range(n):
                await Step(number)
                yield number

        for probe in (Probe, Spy, Manager):
            probe.__module__ = "fuzz"
        return {name: value for name, value in locals().items()
                if name not in ("self", "record", "observer", "tracer", "profiler", "probe")}

    def run(self, code):
        namespace = self.functions()
        namespace |= {"__name__": "fuzz", "INF": float("inf"), "NAN": float("nan"), "Fault": Fault}
        namespace["__builtins__"] = dict(vars(builtins))
        namespace["__builtins__"]["print"] = lambda *values, **options: self.record("print", *map(str, values))
        # Objects whose references are counted.
        tokens = [10**30 + 1, 1.5e10, "a token", [1, 2, 3], (1.5, 2), {"a": 1}, Fault]
        tokens[0] += 1
        for index, token in enumerate(tokens):
            namespace[f"T{index}"] = token
        try:
            exec(code, namespace)
        except Unending:
            self.records.append("unending")
        except BaseException as error:
            # What a program has set may be no function.
            sys.settrace(None)
            sys.setprofile(None)
            record = self.describe_exception(error)
            self.records.append(f"ended by {record}")
            del error
        finally:
            sys.settrace(None)
            sys.setprofile(None)
        left = sorted(name for name in namespace if isinstance(name, str) and name[:1] in ("v", "G"))
        self.records += [f"left {name} {canonical(namespace[name])}" for name in left]
        self.records.append(f"alive {self.alive}")
        namespace.clear()
        del namespace
        gc.collect()
        self.records.append(f"alive {self.alive}")
        self.records.append(f"references {[sys.getrefcount(token) for token in tokens]}")


BUILTINS = dict(vars(builtins))


def restore_builtins():
    """Undoes what a program has done to the module builtins: the next run begins like the first."""
    names = vars(builtins)
    for name in names.keys() - BUILTINS.keys():
        del names[name]
    for name, value in BUILTINS.items():
        if names.get(name) is not value:
            names[name] = value


def run(text, natively):
    """The records of one run, and how many blocks of memory it left."""
    # Both at the same depth of calls: programs see the limit of recursion.
    _jit._pause(not natively)
    code = compile(text, "<fuzz>", "exec", dont_inherit=True)
    observer = Observer()
    gc.collect()
    before = sys.getallocatedblocks()
    observer.run(code)
    restore_builtins()
    records = observer.records
    size = len(records)
    observer = code = None
    gc.collect()
    # The records themselves are strings of one block each.
    return records, sys.getallocatedblocks() - before - size


def leak(text):
    """Blocks that native code leaves at each run and the interpreter does not."""
    least = sys.maxsize
    # What is kept to be used again grows to a bound, and what earlier programs have left is given back, which takes some programs many
    # runs of either kind. A leak goes on.
    for _ in range(60):
        plainly = run(text, False)[1]
        least = min(least, run(text, True)[1] - plainly)
        if least <= MANY:
            break
    return least


def limit(seconds):
    """Has the process end, with a traceback, when it has used that much of a processor, or waits for long. Without end if 0."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    if seconds:
        faulthandler.dump_traceback_later(seconds * LOADED, exit=True)
    else:
        faulthandler.cancel_dump_traceback_later()


def compare(text):
    """None, or how the program differs."""
    limit(SECONDS)
    expected, plain_blocks = run(text, False)
    limit(0)
    if "unending" in expected or any("MemoryError" in record for record in expected):
        return None
    limit(NATIVE_SECONDS)
    print("compiled", file=sys.stderr, flush=True)
    found, native_blocks = run(text, True)
    print("interpreted", file=sys.stderr, flush=True)
    limit(0)
    if found != expected:
        for index, (one, other) in enumerate(zip(expected, found)):
            if one != other:
                break
        else:
            index = min(len(expected), len(found))
        context = expected[max(0, index - 2):index]
        return {"kind": "difference", "at": index, "before": context,
                "interpreter": expected[index:index + 2], "native": found[index:index + 2]}
    if native_blocks - plain_blocks > 2 * MANY:
        blocks = leak(text)
        if blocks > MANY:
            return {"kind": "leak", "blocks": blocks}
    return None


def main():
    warnings.simplefilter("ignore")
    sys.set_int_max_str_digits(0)
    if "address" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""):
        # AddressSanitizer maps terabytes.
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.unraisablehook = lambda unraisable: None
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    gc.disable()
    while header := sys.stdin.buffer.readline():
        number, length = header.split()
        text = sys.stdin.buffer.read(int(length)).decode()
        try:
            difference = compare(text)
        except Exception:
            difference = {"kind": "error of the fuzzer", "errors": traceback.format_exc().splitlines()}
        print(json.dumps({"number": int(number), "difference": difference}), flush=True)


if __name__ == "__main__":
    main()
