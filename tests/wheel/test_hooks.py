"""The wheel in an interpreter that has the patches and not the archive: how the compiler is started."""

import os
import shutil
import sys
import tempfile
import unittest

from programs import run

STATE = "import sys; print(sys._jit.is_available(), sys._jit.is_enabled())"
COUNT = """
    def f(n):
        total = 0
        for i in range(n):
            total += i
        return total
    for _ in range(200): f(1000)
    print(f(10))
"""


class StartTest(unittest.TestCase):

    def test_the_archive_is_not_linked_in(self):
        self.assertNotIn("_jit", sys.builtin_module_names)
        self.assertNotIn("clinker", sys.builtin_module_names)

    def test_not_asked_for(self):
        source = "import sys; print({'clinker', '_jit', '_lazyclient'} & {*sys.modules}, sys._jit.is_available())"
        for options, env in [((), {}), (("-X", "lazy_imports=all"), {}), (("-E",), {"PYTHON_JIT": "auto"}),
                             (("-I",), {"PYTHON_JIT": "auto"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source=source, env=env), (0, "set() False\n", ""))

    def test_turned_off(self):
        for options, env in [(("-X", "jit=0"), {}), ((), {"PYTHON_JIT": "0"}), ((), {"PYTHON_JIT": ""}),
                             (("-X", "jit=0"), {"PYTHON_JIT": "auto"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source="import sys; print(sys._jit.is_enabled())", env=env),
                                 (0, "False\n", ""))

    def test_started(self):
        for options, env in [(("-X", "jit=auto"), {}), ((), {"PYTHON_JIT": "auto"}), (("-I", "-X", "jit=auto"), {}),
                             (("-X", "jit=all,sync"), {}), (("-X", "jit=auto"), {"PYTHON_JIT": "0"})]:
            with self.subTest(options=options, env=env):
                self.assertEqual(run(*options, source=STATE, env=env), (0, "True True\n", ""))

    def test_counts_only(self):
        self.assertEqual(run("-X", "jit", source=STATE), (0, "True False\n", ""))

    def test_without_site(self):
        # Nothing that is installed is seen.
        self.assertEqual(run("-S", "-X", "jit=auto", source=STATE), (0, "False False\n", ""))

    def test_wrong_value(self):
        for options, env in [(("-X", "jit=wrong"), {}), ((), {"PYTHON_JIT": "wrong"})]:
            with self.subTest(options=options):
                status, output, errors = run(*options, source="print('not reached')", env=env)
                self.assertEqual((status, output), (1, ""))
                self.assertRegex(errors, r'\AValueError: -X jit: unknown value "wrong"; use .*\n\Z')

    def test_compiles(self):
        source = COUNT + """
            import clinker
            assert clinker.missing is None
            from clinker import jit
            assert jit.is_jit_compiled(f)
        """.replace("\n        ", "\n")
        self.assertEqual(run("-X", "jit=auto,after=100", source=source), (0, "45\n", ""))

    def test_started_twice(self):
        # As with a folder that is in the path twice.
        source = "import clinker; clinker._start(); " + STATE
        self.assertEqual(run("-X", "jit=auto", source=source), (0, "True True\n", ""))

    def test_statistics(self):
        status, output, errors = run("-X", "jit=auto,after=100,stats", source=COUNT)
        self.assertEqual((status, output), (0, "45\n"))
        self.assertIn("f (<string>:2)", errors)


class ProcessTest(unittest.TestCase):

    def test_subinterpreter(self):
        source = """
            import _interpreters, sys
            interp = _interpreters.create()
            failed = _interpreters.exec(interp, '''if True:
                import sys, clinker
                from clinker import jit
                assert clinker.missing is None and not jit.is_enabled()
                assert "_jit" in sys.modules
            ''')
            assert failed is None, failed
            _interpreters.destroy(interp)
            print(sys._jit.is_enabled())
        """
        self.assertEqual(run("-X", "jit=auto", source=source), (0, "True\n", ""))

    def test_fork(self):
        source = COUNT + """
            import os, sys
            pid = os.fork()
            if pid == 0:
                f(1000)
                os._exit(3 if sys._jit.is_enabled() else 4)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """.replace("\n        ", "\n")
        self.assertEqual(run("-X", "jit=auto,after=100", source=source), (0, "45\n3\n", ""))

    def test_child_with_the_variable(self):
        source = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STATE!r}], check=True)"
        self.assertEqual(run(source=source, env={"PYTHON_JIT": "auto"}), (0, "True True\n", ""))


class LazyTest(unittest.TestCase):

    def test_report(self):
        status, output, errors = run("-X", "lazy_imports=all", "-X", "lazy_report", source="import json.tool\nprint(1)")
        self.assertEqual((status, output), (0, "1\n"))
        self.assertIn("never resolved\n    json.tool (<string>:1)", errors)
        self.assertNotIn("clinker", errors)

    def test_wrong_filter(self):
        status, output, errors = run("-X", "lazy_filter=/no/such/file", source="print('not reached')")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("/no/such/file", errors)

    def test_both(self):
        status, output, errors = run("-X", "jit=auto", "-X", "lazy_report", source=STATE)
        self.assertEqual((status, output), (0, "True True\n"))
        self.assertIn("lazy imports: 0 deferred", errors)


class OtherBuildTest(unittest.TestCase):

    def test_extension_module_that_cannot_be_loaded(self):
        import clinker
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.dirname(clinker.__file__), os.path.join(folder, "clinker"))
            with open(os.path.join(folder, "clinker", "_native.so"), "wb") as file:
                file.write(b"not a library")
            env = {"PYTHONPATH": folder}
            status, output, errors = run(source="import clinker; print(clinker.missing)", env=env)
            self.assertEqual((status, errors), (0, ""))
            self.assertIn("_native.so", output)
            status, output, errors = run(source=STATE, env=env | {"PYTHON_JIT": "auto"})
            self.assertEqual((status, output), (0, "False False\n"))
            self.assertRegex(errors, r"\Aclinker: not started: .*_native\.so.*\n\Z")


if __name__ == "__main__":
    unittest.main()
