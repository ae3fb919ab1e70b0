"""A long run of a threaded server under load, whose code is changed, compiled and invalidated all along.

Fails if an answer is wrong, if the server dies, hangs or does not end well, and if its memory grows.
See docs/jit-tools.md.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds between two looks at the memory, and between two lines that tell of it.
LOOK, TELL = 1, 60
# How much more memory there may be at the end than after warming up: a part of it, and MiB, of the process and of what malloc() has
# given out. What is shorter than so many minutes is all warming up: its memory is told, not judged.
PART, MORE, MORE_IN_USE, JUDGED = 0.05, 16, 1, 5


class Wrong(Exception):
    """Something that must not be."""


def start(script, *arguments, mode, **options):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "0"
    words = [sys.executable, "-X", f"jit={mode}", "-X", "faulthandler", os.path.join(HERE, script)]
    return subprocess.Popen(words + [str(argument) for argument in arguments], stdout=subprocess.PIPE, text=True,
                            env=environment, **options)


def resident(process):
    """The memory that a process has, in MiB."""
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def judged(memory, minutes, what="memory", more=MORE):
    """What is to be told of the memory, as seconds and MiB of each look; raise Wrong if it grows."""
    def median(tenth):
        sizes = [size for _, size in memory]
        return statistics.median(sizes[len(sizes) * tenth // 10:len(sizes) * (tenth + 1) // 10 + 1])
    before, after = median(3), median(9)
    most = before * (1 + PART) + more
    text = f"{what}: {before:.1f} MiB after warming up, {after:.1f} MiB at the end, at most {most:.1f} allowed"
    if minutes < JUDGED:
        return f"{text} in a run of at least {JUDGED} minutes"
    if after > most:
        raise Wrong(text)
    return text


class Soak:

    def __init__(self, options):
        self.options = options
        self.errors = tempfile.TemporaryFile("w+")
        self.server = start("server.py", options.seed, mode=options.jit, stderr=self.errors)
        self.clients = []
        self.memory = []
        self.in_use = []

    def begin(self):
        self.port = int(self.server.stdout.readline() or 0)
        if not self.port:
            self.server.wait()
            self.check()
        for number in range(self.options.clients):
            # What the clients compare with is what the interpreter does.
            self.clients.append(start("client.py", self.port, self.options.minutes * 60, self.options.seed + number,
                                      mode="0", stderr=subprocess.PIPE))

    def end(self):
        for process in [self.server, *self.clients]:
            process.kill()
            process.communicate()
        self.errors.close()

    def check(self):
        """Raise Wrong if the server has ended, or a client has found something."""
        status = self.server.poll()
        if status is not None:
            self.errors.seek(0)
            raise Wrong(f"the server ended with status {status}\n{self.errors.read()}")
        for client in self.clients:
            if client.poll():
                raise Wrong(client.stderr.read())

    def run(self):
        """Wait for the clients, watch the memory, and end the server. Return what that told of itself last."""
        began = told = time.monotonic()
        while any(client.poll() is None for client in self.clients):
            time.sleep(LOOK)
            self.check()
            now = time.monotonic()
            self.memory.append((now - began, resident(self.server)))
            if now - told >= TELL:
                told = now
                self.tell(now - began, self.status())
        self.check()
        status = self.status()
        ask(self.port, "/stop")
        try:
            code = self.server.wait(60)
        except subprocess.TimeoutExpired:
            raise Wrong("the server does not end") from None
        self.errors.seek(0)
        errors = self.errors.read()
        if code or errors:
            raise Wrong(f"the server ended with status {code}\n{errors}")
        return status

    def status(self):
        try:
            status = json.loads(ask(self.port, "/status"))
        except OSError as error:
            self.check()
            raise Wrong(f"the server does not answer: {error}") from None
        if status["wrong"]:
            raise Wrong("\n".join(status["wrong"]))
        return status

    def tell(self, seconds, status):
        in_use = ""
        if status["in_use"] is not None:
            self.in_use.append((seconds, status["in_use"]))
            in_use = f", {status['in_use']:.1f} in use"
        compilation = {"compiled": 0, "bytes": 0} | (status["compilation"] or {})
        print(f"{seconds / 60:5.1f} min {self.memory[-1][1]:7.1f} MiB{in_use} {status['answered']:9} answers "
              f"{sum(status['changes'].values()):7} changes {compilation['compiled']:7} compiled, of which "
              f"{compilation['bytes'] / 2**20:.1f} MiB are kept", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Runs a server under load while its code is changed and compiled.")
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument("--jit", default="auto", metavar="MODE", help="how the server compiles (default: auto)")
    parser.add_argument("--clients", type=int, default=3, metavar="N", help="client processes (default: 3)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what is asked and changed, and in which order")
    options = parser.parse_args()
    soak = Soak(options)
    try:
        soak.begin()
        status = soak.run()
        soak.tell(soak.memory[-1][0], status)
        print("changes: " + ", ".join(f"{name} {count}" for name, count in sorted(status["changes"].items())))
        print(f"compilation: {json.dumps(status['compilation'])}")
        print(judged(soak.memory, options.minutes))
        if soak.in_use:
            print(judged(soak.in_use, options.minutes, "in use", MORE_IN_USE))
    except Wrong as wrong:
        print(f"FAILED: {wrong}")
        return 1
    finally:
        soak.end()
    print("nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
