"""The differential fuzzer of the compiler: random programs in the interpreter and as native code.

What differs is made smaller and written to a folder, with the command that shows it again. See docs/jit-tools.md.
"""

import argparse
import ast
import collections
import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings

import generate
import mutate
import shrink

HERE = os.path.dirname(os.path.abspath(__file__))
# How native code is made of what runs; each process of programs gets one of them.
MODES = ["all,sync", "all,warm,after=2", "all,warm,after=7", "all,warm,after=20", "all,warm", "auto,after=30"]
# Programs that one process runs.
BATCH = 60
# What programs use that change the process they run in, take time, see addresses, or count the references to numbers: one that is unboxed becomes a new
# object each time it is stored.
PROCESS = re.compile(r"\b(os|builtins|_?threading|signal|setrecursionlimit|getrefcount|gc|monitoring|asyncio|time|subprocess|hashlib)\b")
# Seconds for a program, seen from outside: more than compare.py allows.
PATIENCE = 300


class Process:
    """A process that compares programs."""

    def __init__(self, mode):
        self.mode = mode
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment["PYTHONHASHSEED"] = "0"
        # Not a pipe: nobody reads it before the end, and finalizers may tell of more than fits one.
        self.errors = tempfile.TemporaryFile()
        self.seen = 0
        self.process = subprocess.Popen(command(mode), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=environment)

    def compare(self, number, text):
        """How a program differs, or None. A process that ends differs as well; one that takes too long does not."""
        data = text.encode()
        try:
            self.process.stdin.write(b"%d %d\n" % (number, len(data)) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            return self.crash()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            self.close()
            return {"kind": "timeout"}
        line = self.process.stdout.readline()
        if not line:
            return self.crash()
        return self.panic() or json.loads(line)["difference"]

    def panic(self):
        """Whether the compiler has panicked: it compiles nothing from then on, or not that, and the program goes on."""
        file = self.errors.fileno()
        told = os.pread(file, os.fstat(file).st_size - self.seen, self.seen)
        self.seen += len(told)
        told = told.decode(errors="replace")
        if "panicked" not in told:
            return None
        self.close()
        return {"kind": "panic", "errors": told[told.index("panicked"):][:3000].splitlines()}

    def crash(self):
        self.process.communicate()
        self.errors.seek(0)
        errors = self.errors.read().decode(errors="replace")
        # The last word before tells what was running.
        native = errors.rindex("compiled\n") > errors.rfind("interpreted\n") if "compiled\n" in errors else False
        if errors.endswith("MemoryError\n") and not native:
            # Nor does one that takes all memory in the interpreter.
            return {"kind": "timeout"}
        if self.process.returncode == -signal.SIGPROF or "Timeout (" in errors:
            return {"kind": "hang", "errors": errors[-3000:].splitlines()} if native else {"kind": "timeout"}
        return {"kind": "crash", "status": self.process.returncode, "errors": errors[-3000:].splitlines()}

    def alive(self):
        return self.process.poll() is None

    def close(self):
        if self.alive():
            self.process.kill()
        self.process.communicate()
        self.errors.close()


def command(mode):
    return [sys.executable, "-X", f"jit={mode},allow=<fuzz>:*", os.path.join(HERE, "compare.py")]


def once(mode, text):
    process = Process(mode)
    try:
        return process.compare(0, text)
    finally:
        process.close()


def place(difference):
    """What makes two differences the same while one is made smaller."""
    if difference["kind"] == "crash":
        lines = [line for line in difference["errors"] if "Assertion" in line or "panicked" in line or "Fatal" in line]
        return "crash", difference["status"], lines[-1].split("(0x")[0] if lines else ""
    if difference["kind"] == "panic":
        return "panic", difference["errors"][0]
    return (difference["kind"],)


def written_programs():
    """The programs of the compiler's tests that do nothing to the process they run in."""
    texts = []
    nodes = []
    for name in "test_jit.py", "test_jit_sites.py":
        with open(os.path.join(os.path.dirname(HERE), "python", name)) as file:
            nodes += ast.walk(ast.parse(file.read()))
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "check":
            text = textwrap.dedent(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ""
            if text and not PROCESS.search(text):
                texts.append(text)
    return texts


def programs(seed):
    """Numbered programs without end: half are new, the others changes of earlier ones and of those of the tests."""
    chance = random.Random(f"mutations of {seed}")
    written = written_programs()
    corpus = collections.deque(maxlen=200)
    number = 0
    while True:
        if corpus and chance.random() < 0.5:
            sources = [written, corpus, corpus]
            text = mutate.mutate(chance.choice(chance.choice(sources)), chance.choice(chance.choice(sources)), chance)
            if text is None:
                continue
        else:
            text = generate.program(f"{seed}.{number}")
        corpus.append(text)
        yield number, text
        number += 1


def report(folder, number, seed, mode, difference, text, small):
    """Writes a program that differs."""
    os.makedirs(folder, exist_ok=True)
    file = os.path.join(folder, f"{seed}-{number}.py")
    details = json.dumps(difference, indent=1, ensure_ascii=False).splitlines()
    with open(file, "w") as output:
        output.write(f"# {difference['kind']} under -X jit={mode}; seed {seed}, program {number}\n")
        output.write(f"# cargo xtask fuzz jit --mode {mode} --program {file}\n")
        output.writelines(f"# {line[:500]}\n" for line in details[:80])
        output.write(small)
    with open(file + ".whole", "w") as output:
        output.write(text)
    return file


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def fuzz(options):
    deadline = time.monotonic() + options.minutes * 60
    chance = random.Random(options.seed)
    counts = collections.Counter()
    seen = collections.Counter()
    process, left = None, 0
    started = told = time.monotonic()
    for number, text in programs(options.seed):
        if time.monotonic() > deadline:
            break
        if process is None or left == 0 or not process.alive():
            if process is not None:
                process.close()
            process, left = Process(options.mode or chance.choice(MODES)), BATCH
        left -= 1
        mode = process.mode
        counts["programs"] += 1
        difference = process.compare(number, text)
        if time.monotonic() - told > 60:
            told = time.monotonic()
            say(f"{counts['programs']} programs, {counts['differences']} differ, {counts['timeout']} took too long, "
                f"{told - started:.0f} s")
        if difference is None:
            continue
        if difference["kind"] == "timeout":
            counts["timeout"] += 1
            continue
        counts["differences"] += 1
        alone = once(mode, text)
        if alone is None or alone["kind"] == "timeout":
            counts["only after others"] += 1
            say(f"program {number} differs under {mode} only after others: {json.dumps(difference)[:2000]}")
            file = report(options.out, number, options.seed, mode, difference, text, text)
            continue
        kind = place(alone)
        seen[kind] += 1
        if seen[kind] > 12:
            continue
        say(f"program {number} differs under {mode}: {kind}")
        end = time.monotonic() + options.shrink

        def interesting(smaller):
            if time.monotonic() > end:
                return False
            again = once(mode, smaller)
            return again is not None and again["kind"] != "timeout" and place(again) == kind

        small = shrink.shrink(text, interesting)
        file = report(options.out, number, options.seed, mode, once(mode, small) or alone, text, small)
        say(f"    written to {file}")
    if process is not None:
        process.close()
    seconds = time.monotonic() - started
    say(f"{counts['programs']} programs in {seconds:.0f} s with seed {options.seed}: {counts['differences']} differ, "
        f"{counts['timeout']} took too long")
    return 1 if counts["differences"] else 0


def show(options):
    with open(options.program) as file:
        text = file.read()
    difference = once(options.mode or MODES[0], text)
    print(json.dumps(difference, indent=1, ensure_ascii=False))
    return 0 if difference is None else 1


def main():
    warnings.simplefilter("ignore", SyntaxWarning)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", help="compile like this only")
    parser.add_argument("--out", default="fuzz-found", help="folder of what differs")
    parser.add_argument("--shrink", type=float, default=120, help="seconds to make a program smaller")
    parser.add_argument("--program", help="compare this file only")
    options = parser.parse_args()
    return show(options) if options.program else fuzz(options)


if __name__ == "__main__":
    sys.exit(main())
