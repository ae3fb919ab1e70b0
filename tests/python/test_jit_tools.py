"""The tools around the compiler: what may be compiled, and what was."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from jit_programs import setUpModule

PROGRAM = """
def f(n):
    return n + 1
class C:
    def g(self):
        return 2
for i in range(1000):
    f(i)
    C().g()
"""


def run(option, source=PROGRAM):
    """Run a program; return (exit status, output, errors)."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run([sys.executable, "-X", f"jit={option}", "-c", textwrap.dedent(source)],
                            capture_output=True, text=True, env=env)
    return result.returncode, result.stdout, result.stderr


class FilterTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def compiled(self, option, mode="auto,after=100"):
        """The names that a run of the program compiles, by its log and by its statistics."""
        log, stats = self.path("log"), self.path("stats")
        for file in (log, stats):
            if os.path.exists(file):
                os.unlink(file)
        status, _, errors = run(f"{mode},log={log},stats={stats}" + (option and "," + option))
        self.assertEqual((status, errors), (0, ""))
        with open(log) as file:
            logged = {line.rstrip("\n").rsplit(":", 1)[1] for line in file if line.startswith("<string>:")}
        with open(stats) as file:
            report = json.load(file)
        counted = {row["name"] for row in report["hot"] if row["compiled"] and row["file"] == "<string>"}
        self.assertEqual(logged, counted)
        self.refused = report["compilation"]["refused"]
        return logged

    def test_everything(self):
        self.assertEqual(self.compiled(""), {"<module>", "f", "C.g"})
        self.assertNotIn("allow= or deny= excludes it", self.refused)

    def test_allow(self):
        self.assertEqual(self.compiled("allow=f"), {"f"})
        self.assertEqual(self.compiled("allow=<string>:C.*"), {"C.g"})
        self.assertEqual(self.compiled("allow=<string>:C.*,allow=f"), {"C.g", "f"})
        self.assertEqual(self.compiled("allow=<string>:2:*"), {"f"})
        self.assertEqual(self.compiled("allow=other.py:*"), set())
        self.assertGreater(self.refused["allow= or deny= excludes it"], 0)

    def test_deny(self):
        self.assertEqual(self.compiled("deny=f"), {"<module>", "C.g"})
        self.assertEqual(self.compiled("allow=*,deny=<string>:?"), {"<module>", "C.g"})

    def test_all_modes(self):
        for mode in ("all,sync", "all,warm", "all,warm,after=5", "auto,after=5"):
            with self.subTest(mode=mode):
                self.assertEqual(self.compiled("allow=<string>:f", mode), {"f"})

    def test_log_is_a_list_for_allow(self):
        self.compiled("")
        with open(self.path("log")) as file:
            lines = [line for line in file if line.endswith(":C.g\n")]
        with open(self.path("list"), "w") as file:
            file.writelines(lines)
        self.assertEqual(self.compiled(f"allow=@{self.path('list')}"), {"C.g"})

    def test_log_of_a_crash(self):
        log = self.path("log")
        status, _, _ = run(f"auto,after=100,log={log}", PROGRAM + "import os; os.abort()")
        self.assertLess(status, 0)
        with open(log) as file:
            self.assertIn("<string>:2:f\n", file.readlines())

    def test_after(self):
        source = """
            def f():
                pass
            for _ in range(%d):
                f()
        """
        for calls, expected in [(19, 0), (21, 1)]:
            stats = self.path("stats")
            run(f"auto,after=20,allow=f,stats={stats}", source % calls)
            with open(stats) as file:
                self.assertEqual(json.load(file)["compilation"]["compiled"], expected)

    def test_mistakes(self):
        for option, message in [
            ("allow=", "allow= needs a pattern, [FILE:[LINE:]]NAME, or @ and the name of a file with patterns"),
            ("deny=@/no/such", "deny=: cannot read /no/such: "),
            ("log=", "log= needs the name of a file"),
            ("log=/no/such/file", "log=: cannot write /no/such/file: "),
            ("auto,after=0", "after=0 is not a number from 1 to 65535"),
            ("all,sync,after=2", "after=N goes with auto or all,warm"),
            ("auto,permit=x", "allow=PATTERN, deny=PATTERN"),
        ]:
            with self.subTest(option=option):
                status, output, errors = run(option)
                self.assertEqual((status, output), (1, ""))
                self.assertIn(message, errors)
                self.assertTrue(errors.startswith("ValueError: -X jit: "), errors)


class PerfTest(unittest.TestCase):

    @unittest.skipUnless(sys.platform == "linux", "perf is there on Linux only")
    def test_map(self):
        status, output, errors = run("auto,after=100,perf,allow=f,allow=<lambda>,allow=C.*", PROGRAM + """
import os
from clinker import jit
pid = os.fork()
for i in range(1000):
    if not pid: (lambda: 3)()
if pid:
    os.waitpid(pid, 0)
    name = f"/tmp/perf-{os.getpid()}.map"
    with open(name) as file:
        print(file.read(), end="")
    os.unlink(name)
    print(jit.get_compiled_size(f))
else:
    os._exit(0)
""")
        self.assertEqual((status, errors), (0, ""))
        *lines, size = output.splitlines()
        names = [line.split(" ", 2)[2] for line in lines]
        self.assertIn("jit::f:<string>:2", names)
        self.assertIn("jit::C.g:<string>:5", names)
        line = lines[names.index("jit::f:<string>:2")]
        self.assertEqual(int(line.split()[1], 16), int(size))
        self.assertFalse([name for name in names if "lambda" in name], names)

    def test_no_map(self):
        _, output, _ = run("auto", PROGRAM + "import os; print(os.path.exists(f'/tmp/perf-{os.getpid()}.map'))")
        self.assertEqual(output, "False\n")


if __name__ == "__main__":
    unittest.main()
