"""The wheel in a stock interpreter: it says what is missing, and changes nothing."""

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

    def test_compiler_is_not_there(self):
        for statement in ("import clinker.jit", "from clinker import jit", "import clinker; clinker.jit"):
            with self.subTest(statement=statement):
                status, output, errors = run(source=statement)
                self.assertEqual((status, output), (1, ""))
                self.assertRegex(errors.splitlines()[-1], f"^ImportError: {MISSING}")

    def test_nothing_is_loaded(self):
        source = "import clinker, sys; print({'_jit', '_lazyclient', 'clinker.jit'} & {*sys.modules})"
        self.assertEqual(run(source=source), (0, "set()\n", ""))

    def test_not_asked_for(self):
        source = "import sys; print('clinker' in sys.modules)"
        for options, env in [((), {}), (("-I",), {"PYTHON_JIT": "auto"}), (("-S", "-X", "jit=auto"), {})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source=source, env=env), (0, "False\n", ""))

    def test_turned_off(self):
        for options, env in [(("-X", "jit=0"), {}), ((), {"PYTHON_JIT": "0"}), ((), {"PYTHON_JIT": ""})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source="print(1)", env=env), (0, "1\n", ""))

    def test_asked_for(self):
        for options, env in [(("-X", "jit=auto"), {}), ((), {"PYTHON_JIT": "auto"}), ((), {"PYTHON_JIT": "wrong"}),
                             (("-X", "lazy_report"), {}), ((), {"PYTHON_LAZY_PROFILE": "use:default"})]:
            with self.subTest(options=options, env=env):
                status, output, errors = run(*options, source="print(1); raise SystemExit(7)", env=env)
                self.assertEqual((status, output), (7, "1\n"))
                self.assertRegex(errors, rf"\Aclinker: not started: {MISSING}.*\n\Z")

    def test_asked_for_without_standard_error(self):
        program = [sys.executable, "-X", "jit=auto", "-c", "print(1)"]
        result = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *program], stdout=subprocess.PIPE, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, "1\n"))

    def test_subinterpreter(self):
        source = """
            import _interpreters
            interp = _interpreters.create()
            failed = _interpreters.exec(interp, 'import clinker; assert clinker.missing')
            assert failed is None, failed
            _interpreters.destroy(interp)
        """
        self.assertEqual(run(source=source), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
