"""Changes what the server runs, all the time, in ways that change no answer; what it can, it checks itself."""

import collections
import gc
import inspect
import random
import sys
import textwrap
import threading
import time

import work
from clinker import jit

# Seconds between two changes, and how long all is traced or monitored.
PAUSE = 0.02
WATCHED = 0.05
TOOL = 4


def functions():
    """Each function and method of the module, with what has it."""
    found = []
    for holder in (work, work.Shape, work.Square, work.Triangle, work.Account, work.Template):
        for name, value in vars(holder).items():
            # A method that a dataclass makes has no source; one that says super() needs its class around it.
            if inspect.isfunction(value) and value.__module__ == "work" and not name.startswith("__"):
                found.append((holder, name))
    return found


SOURCES = {(holder, name): textwrap.dedent(inspect.getsource(vars(holder)[name])) for holder, name in functions()}


def again(holder, name):
    """The same function, made anew of its source."""
    space = {}
    source = "\n" * random.randrange(3) + SOURCES[holder, name]
    exec(compile(source, f"again-{name}.py", "exec"), vars(work), space)
    return space[name]


class Probe:
    def answer(self):
        return 0


class Other:
    def answer(self):
        return -1


def ask(probe):
    return sum(probe.answer() for _ in range(300))


def factor():
    return sum(work.FACTOR for _ in range(300))


class Churn(threading.Thread):
    """Goes on until it is told to stop. `counts` tells what it did, `wrong` what it found."""

    def __init__(self, seed):
        super().__init__(name="churn", daemon=True)
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.wrong = []
        self.events = 0
        self.stopped = threading.Event()

    def run(self):
        steps = [self.changes_global, self.changes_method, self.changes_class, self.executes_again, self.swaps_code,
                 self.compiles, self.uncompiles, self.forbids, self.looks_at_frames]
        rare = [self.traces, self.profiles, self.monitors, self.stops_compiling, self.collects]
        while not self.stopped.wait(PAUSE):
            step = self.random.choice(rare if self.random.random() < 0.02 else steps)
            try:
                step()
            except Exception as error:
                self.wrong.append(f"{step.__name__}: {error!r}")
            self.counts[step.__name__] += 1

    def expect(self, what, found, wanted):
        if found != wanted:
            self.wrong.append(f"{what}: {found!r} instead of {wanted!r}")

    def any(self):
        return self.random.choice(list(SOURCES))

    def any_function(self):
        holder, name = self.any()
        return vars(holder)[name]

    def changes_global(self):
        work.FACTOR = self.random.randrange(1000)
        work.SEPARATOR = self.random.choice("-+|")
        self.expect("global", factor(), work.FACTOR * 300)

    def changes_method(self):
        number = self.random.randrange(1000)
        probe = Probe()
        self.expect("method before", ask(probe), 300 * probe.answer())
        Probe.answer = lambda self: number
        self.expect("method", ask(probe), 300 * number)
        probe.answer = lambda: number + 1
        self.expect("attribute", ask(probe), 300 * (number + 1))

    def changes_class(self):
        probe = Probe()
        ask(probe)
        probe.__class__ = Other
        self.expect("class", ask(probe), -300)
        work.Shape.unused = self.random.random()
        work.Square.__bases__ = (work.Shape,)
        kind = type("Made", (Other,), {"answer": lambda self: 7})
        self.expect("new class", ask(kind()), 2100)
        del work.Shape.unused

    def executes_again(self):
        holder, name = self.any()
        setattr(holder, name, again(holder, name))
        if holder is work:
            for route, function in list(work.ROUTES.items()):
                if function.__name__ == name:
                    work.ROUTES[route] = getattr(work, name)

    def swaps_code(self):
        holder, name = self.any()
        vars(holder)[name].__code__ = again(holder, name).__code__

    def compiles(self):
        try:
            jit.force_compile(self.any_function())
        except RuntimeError:
            self.counts["refused"] += 1

    def uncompiles(self):
        jit.force_uncompile(self.any_function())

    def forbids(self):
        function = self.any_function()
        jit.jit_suppress(function)
        jit.jit_unsuppress(function)

    def looks_at_frames(self):
        for frame in sys._current_frames().values():
            while frame is not None:
                len(frame.f_locals), frame.f_lineno
                frame = frame.f_back

    def traces(self):
        def tracer(frame, event, argument):
            self.events += 1
            return tracer
        threading.settrace_all_threads(tracer)
        time.sleep(WATCHED)
        threading.settrace_all_threads(None)

    def profiles(self):
        def profiler(frame, event, argument):
            self.events += 1
        threading.setprofile_all_threads(profiler)
        time.sleep(WATCHED)
        threading.setprofile_all_threads(None)

    def monitors(self):
        def called(*arguments):
            self.events += 1
        monitoring = sys.monitoring
        kinds = monitoring.events
        watched = [kinds.PY_START, kinds.PY_RETURN, kinds.LINE, kinds.RAISE, kinds.PY_YIELD, kinds.CALL]
        monitoring.use_tool_id(TOOL, "soak")
        try:
            for kind in watched:
                monitoring.register_callback(TOOL, kind, called)
            monitoring.set_local_events(TOOL, self.any_function().__code__, kinds.LINE)
            monitoring.set_events(TOOL, sum(self.random.sample(watched, 3)))
            time.sleep(WATCHED)
            monitoring.set_events(TOOL, 0)
        finally:
            monitoring.free_tool_id(TOOL)

    def stops_compiling(self):
        was = jit.is_enabled()
        jit.pause(deopt_all=True)
        time.sleep(WATCHED)
        if was:
            jit.enable()

    def collects(self):
        gc.collect()
