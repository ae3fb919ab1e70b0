"""The wheel in a stock interpreter: how the compiler is started, and that it says what is missing."""

import subprocess
import sys
import unittest

from programs import run

MISSING = "this CPython has none of Clinker's hooks"


class StockTest(unittest.TestCase):

    def test_import(self):
        status, output, errors = run(source="import clinker; print(clinker.missing)")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(MISSING, output)

    def test_compiles_what_it_is_told_to(self):
        for statement in ("import clinker.jit as jit", "from clinker import jit", "import clinker; jit = clinker.jit"):
            with self.subTest(statement=statement):
                source = f"""
                    {statement}
                    def f(x): return x + 1
                    f(1)
                    print(jit.force_compile(f), jit.is_jit_compiled(f), f(41), jit.force_compile(f))
                    print(jit.force_uncompile(f), jit.is_jit_compiled(f), f(41))
                """
                self.assertEqual(run(source=source), (0, "True True 42 False\nTrue False 42\n", ""))

    def test_compiles_at_the_next_call(self):
        source = """
            from clinker import jit
            def f(x): return x + 1
            print(jit.lazy_compile(f), jit.is_jit_compiled(f), f(41), jit.is_jit_compiled(f))
        """
        self.assertEqual(run(source=source), (0, "True False 42 True\n", ""))

    def test_compiles_what_is_hot(self):
        source = """
            from clinker import jit
            def before(x): return x + 1
            def work():
                def inside(x): return x + 2
                for i in range(300): before(i); inside(i)
                return inside
            inside = work()
            print(jit.is_jit_compiled(before), jit.is_jit_compiled(inside), before(1), inside(1))
        """
        for options, env in [(("-X", "jit=auto,after=100"), {}), ((), {"PYTHON_JIT": "all,sync"}),
                             (("-I", "-X", "jit=all,warm"), {})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source=source, env=env), (0, "True True 2 3\n", ""))

    def test_started_by_the_program(self):
        source = """
            from clinker import jit
            jit.compile_after_n_calls(50)
            def f(x): return x + 1
            for i in range(60): f(i)
            print(jit.is_jit_compiled(f), jit.count_interpreted_calls(f))
            g = lambda x: x
            g(1)
            print(jit.is_jit_compiled(g), jit.count_interpreted_calls(g))
        """
        self.assertEqual(run(source=source), (0, "True 51\nFalse 1\n", ""))

    def test_statistics(self):
        source = "def f(x): return x + 1\nfor i in range(300): f(i)"
        status, output, errors = run("-X", "jit=auto,after=100,stats", source=source)
        self.assertEqual((status, output), (0, ""))
        self.assertIn("f (<string>:1)", errors)
        self.assertRegex(errors, "compiled [1-9]")

    def test_says_why_not(self):
        source = """
            from clinker import jit
            def generator(): yield 1
            async def coroutine(): pass
            def rest(*args): pass
            def keyword(*, x): pass
            def cell(x): return lambda: x
            for function in generator, coroutine, rest, keyword, cell:
                try:
                    print(jit.force_compile(function))
                except RuntimeError as error:
                    print(error)
        """
        status, output, errors = run(source=source)
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(output, r"\A(without hooks, only functions are entered, .*\n){5}\Z")

    def test_not_asked_for(self):
        source = "import sys; print({'clinker', '_jit'} & {*sys.modules})"
        for options, env in [((), {}), (("-I",), {"PYTHON_JIT": "auto"}), (("-S", "-X", "jit=auto"), {})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source=source, env=env), (0, "set()\n", ""))

    def test_turned_off(self):
        for options, env in [(("-X", "jit=0"), {}), ((), {"PYTHON_JIT": "0"}), ((), {"PYTHON_JIT": ""})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source="print(1)", env=env), (0, "1\n", ""))

    def test_wrong_value(self):
        status, output, errors = run(source="print(1)", env={"PYTHON_JIT": "wrong"})
        self.assertEqual((status, output), (1, ""))
        self.assertRegex(errors, r'\AValueError: -X jit: unknown value "wrong"; use .*\n\Z')

    def test_report_on_deferred_imports(self):
        for options, env in [(("-X", "lazy_report"), {}), ((), {"PYTHON_LAZY_PROFILE": "use:default"})]:
            with self.subTest(options=options, env=env):
                status, output, errors = run(*options, source="print(1); raise SystemExit(7)", env=env)
                self.assertEqual((status, output), (7, "1\n"))
                self.assertRegex(errors, rf"\Aclinker: not started: {MISSING}.*\n\Z")

    def test_without_standard_error(self):
        program = [sys.executable, "-X", "jit=auto", "-X", "lazy_report", "-c", "print(1)"]
        result = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *program], stdout=subprocess.PIPE, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, "1\n"))

    def test_subinterpreter(self):
        source = """
            import _interpreters
            from clinker import jit
            jit.compile_after_n_calls(10)
            interp = _interpreters.create()
            failed = _interpreters.exec(interp, '''
            from clinker import jit
            assert not jit.is_enabled()
            def f(x): return x
            for i in range(100): f(i)
            assert not jit.is_jit_compiled(f)
            '''.replace('            ', ''))
            assert failed is None, failed
            _interpreters.destroy(interp)
        """
        self.assertEqual(run(source=source), (0, "", ""))

    def test_fork(self):
        source = """
            import os, threading
            def f(n): return sum([i for i in range(n)])
            def g(x): return x * 2
            for i in range(3000): f(10); g(i)
            pid = os.fork()
            for i in range(3000): f(10); g(i)
            if pid == 0:
                os._exit(f(10) - 45 + g(0))
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
        self.assertEqual(run("-X", "jit=auto", source=source), (0, "0\n", ""))


if __name__ == "__main__":
    unittest.main()
