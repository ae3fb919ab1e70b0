"""The archive that is linked into the interpreter: -X jit and its statistics."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import unittest

from jit_programs import HAS_COMPILER, needs_compiler

PROGRAM = """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def generate(n):
    for i in range(n):
        yield i

def cold():
    return 1

fib(15)
sum(generate(5000))
cold()
total = 0
for i in range(100_000):
    total += i
print("out", total)
"""


def run(*options, source=PROGRAM, env=None):
    """Run a program; return (exit status, output, errors)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= env or {}
    result = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(source)],
        capture_output=True, text=True, env=environment)
    return result.returncode, result.stdout, result.stderr


def statistics(source=PROGRAM, *options):
    """The JSON statistics of a program: {name: row}."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "stats.json")
        status, _, errors = run("-X", f"jit=stats={file}", *options, source=source)
        assert (status, errors) == (0, ""), errors
        with open(file) as f:
            return {row["name"]: row for row in json.load(f)["hot"]}


class TestAvailable(unittest.TestCase):

    def test_programs_are_told(self):
        self.assertIs(sys._jit.is_available(), HAS_COMPILER)
        self.assertIs(sys._jit.is_enabled(), False)

    @unittest.skipIf(HAS_COMPILER, "about an interpreter without the GIL")
    def test_who_asks_for_it_without_the_gil_is_told(self):
        told = "RuntimeError: the compiler is not available: this interpreter was built without the GIL\n"
        for options, env in [(("-X", "jit=auto"), {}), ((), {"PYTHON_JIT": "auto"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, env=env), (1, "", told))
        program = "from clinker import jit; import sys; print(sys._is_gil_enabled(), jit.is_enabled()); jit.auto()"
        status, output, errors = run(source=program)
        self.assertEqual((status, output), (1, "False False\n"))
        self.assertTrue(errors.endswith(told), errors)


@needs_compiler
class TestOption(unittest.TestCase):

    def test_builtin_and_not_imported(self):
        self.assertIn("_jit", sys.builtin_module_names)
        _, output, _ = run(source="import sys; print('_jit' in sys.modules)")
        self.assertEqual(output, "False\n")

    def test_off(self):
        for options, env in [((), {}), (("-X", "jit=0"), {}), ((), {"PYTHON_JIT": "0"}),
                             ((), {"PYTHON_JIT": ""}),
                             (("-X", "jit=0"), {"PYTHON_JIT": "stats"}),
                             (("-E",), {"PYTHON_JIT": "stats"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, env=env), (0, "out 4999950000\n", ""))

    def test_silent(self):
        for options, env in [(("-X", "jit"), {}), (("-X", "jit=1"), {}),
                             ((), {"PYTHON_JIT": "1"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, env=env), (0, "out 4999950000\n", ""))

    def test_wrong_value(self):
        for value in ("wrong", "", "2", "stats,", "STATS"):
            with self.subTest(value=value):
                status, output, errors = run("-X", f"jit={value}")
                self.assertEqual((status, output), (1, ""))
                self.assertEqual(errors, f'ValueError: -X jit: unknown value "{value}"; '
                                         "use 0, 1, manual, auto, all,sync or all,warm, and after=N, "
                                         "allow=PATTERN, deny=PATTERN, dump, log=FILE, perf, stats or "
                                         "stats=FILE\n")

    def test_environment_with_wrong_value(self):
        status, _, errors = run(env={"PYTHON_JIT": "on"})
        self.assertEqual(status, 1)
        self.assertIn('unknown value "on"', errors)

    def test_started_once(self):
        status, _, errors = run("-X", "jit", source="import _jit; _jit._start('1')")
        self.assertEqual(status, 1)
        self.assertIn("RuntimeError: the compiler has been started", errors)


@needs_compiler
class TestStatistics(unittest.TestCase):

    def test_table(self):
        status, output, errors = run("-X", "jit=stats")
        self.assertEqual((status, output), (0, "out 4999950000\n"))
        self.assertIn("1,973  fib (<string>:2)", errors)
        self.assertIn("100,000  <module> (<string>:1), back from line 17", errors)
        self.assertNotIn("cold", errors)

    def test_counts_are_exact(self):
        hot = statistics()
        self.assertEqual(hot["fib"]["entries"], 1973)
        self.assertEqual(hot["fib"]["line"], 2)
        self.assertEqual(hot["generate"]["entries"], 5001)
        self.assertEqual(hot["generate"]["loops"], [{"line": 7, "trips": 5000}])
        self.assertEqual(hot["<module>"]["loops"], [{"line": 17, "trips": 100_000}])
        self.assertNotIn("cold", hot)

    def test_dead_code_is_counted(self):
        hot = statistics("""
            for _ in range(10):
                namespace = {}
                exec("def f(n):\\n    for i in range(n): pass", namespace)
                namespace["f"](2000)
                del namespace
        """)
        self.assertEqual(hot["f"]["entries"], 10)
        self.assertEqual(hot["f"]["loops"], [{"line": 2, "trips": 20_000}])

    def test_wrong_guesses(self):
        hot = statistics("""
            def add(a, b):
                return a + b
            for i in range(2000):
                add(1, 2) if i % 200 < 100 else add("a", "b")
        """)
        self.assertGreater(hot["add"]["missed"], 2)
        self.assertGreater(hot["add"]["specialized"], 2)

    def test_threads(self):
        hot = statistics("""
            import threading
            def work():
                for i in range(10_000):
                    pass
            threads = [threading.Thread(target=work) for _ in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
        """)
        self.assertEqual(hot["work"]["loops"][0]["trips"], 40_000)

    def test_loop_continues_after_tracing(self):
        hot = statistics("""
            import sys
            def work():
                for i in range(5000):
                    pass
            work()
            sys.settrace(lambda *args: None)
            work()
            sys.settrace(None)
            work()
        """)
        # The traced run is not counted.
        self.assertEqual(hot["work"]["loops"][0]["trips"], 10_000)

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork()")
    def test_child_does_not_report(self):
        _, _, errors = run("-X", "jit=stats", source="""
            import os, sys
            pid = os.fork()
            for i in range(5000):
                pass
            if pid:
                os.waitpid(pid, 0)
        """)
        self.assertEqual(errors.count("code objects were hot"), 1)

    def test_subinterpreter(self):
        status, _, errors = run("-X", "jit=stats", source="""
            import _interpreters
            interp = _interpreters.create()
            failed = _interpreters.exec(interp, "for i in range(5000): pass")
            assert failed is None, failed
            _interpreters.destroy(interp)
        """)
        self.assertEqual(status, 0, errors)
        self.assertNotIn("back from line", errors)

    def test_exit_by_exception(self):
        status, _, errors = run("-X", "jit=stats", source="""
            for i in range(5000):
                pass
            raise SystemExit(3)
        """)
        self.assertEqual(status, 3)
        self.assertIn("5,000  <module>", errors)

    def test_code_at_finalization(self):
        status, _, errors = run("-X", "jit=1", source="""
            class C:
                def __del__(self):
                    for i in range(5000):
                        pass
            import builtins
            builtins.c = C()
        """)
        self.assertEqual((status, errors), (0, ""))

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("needs /dev/full")
        status, output, errors = run("-X", "jit=stats=/dev/full")
        self.assertEqual((status, output), (0, "out 4999950000\n"))
        self.assertIn("cannot write the statistics to /dev/full: No space left", errors)

    def test_strange_names(self):
        hot = statistics("""
            code = compile("for i in range(5000): pass", "caf\\u00e9 \\udcff.py", "exec")
            exec(code)
        """)
        self.assertIn("<module>", hot)


@needs_compiler
class TestSymbols(unittest.TestCase):

    def test_interpreter_state_is_unchanged(self):
        _, output, _ = run("-X", "jit=1", source="""
            import importlib.util, sys, sysconfig
            print(int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little"))
            print(sysconfig.get_config_var("SOABI").split("-")[1])
        """)
        self.assertEqual(output.splitlines()[0], "3571")
        self.assertTrue(output.splitlines()[1].startswith("313"))


EMBEDDING = """
#include <Python.h>

int
main(int argc, char **argv)
{
    return Py_BytesMain(argc, argv);
}
"""


@needs_compiler
class TestEmbedding(unittest.TestCase):

    @unittest.skipUnless(shutil.which(shlex.split(sysconfig.get_config_var("CC"))[0]), "needs the C compiler")
    def test_static_library_has_the_archive(self):
        # As `python3-config --embed` says it.
        get = sysconfig.get_config_var
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            subprocess.run(
                # The flags, because those of a sanitizer are needed to link too.
                [*shlex.split(get("CC")), *shlex.split(get("PY_LDFLAGS")), "-x", "c", "-", "-x", "none", "-o", program,
                 f"-I{sysconfig.get_path('include')}", f"-L{get('LIBPL')}", f"-lpython{get('VERSION')}{sys.abiflags}",
                 *shlex.split(get("LIBS")), *shlex.split(get("SYSLIBS")), *shlex.split(get("LINKFORSHARED"))],
                input=EMBEDDING, text=True, check=True, capture_output=True)
            result = subprocess.run(
                [program, "-X", "jit=all,sync", "-c", textwrap.dedent("""
                    import clinker.jit
                    def triple(x): return x * 3
                    print(triple(14), clinker.jit.is_jit_compiled(triple))
                """)],
                # The objects that an interpreter leaves are no leaks to it.
                env={"PYTHONHOME": sys.prefix, "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, "42 True\n"), result.stderr)


if __name__ == "__main__":
    unittest.main()
