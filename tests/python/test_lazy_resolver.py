"""The client of deferred imports: -X lazy_report, lazy_profile and lazy_filter."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest


class ResolverTestCase(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("program.py", """
            import lr_never
            import lr_used
            import lr_enc
            def f():
                return lr_used.value
            print(f())
        """)
        self.write("lr_never.py", "")
        self.write("lr_used.py", "import lr_deep\nvalue = lr_deep.value")
        self.write("lr_deep.py", "value = 1")
        self.write("lr_enc.py", "import codecs\ncodecs.register(lambda name: None)")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, source):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(source))
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_program(self, *options, mode="all", env=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environment |= env or {}
        arguments = ["-X", f"lazy_imports={mode}"]
        for option in options:
            arguments += ["-X", option]
        result = subprocess.run(
            [sys.executable, *arguments, self.path("program.py")],
            capture_output=True, text=True, env=environment)
        return result.returncode, result.stdout, result.stderr

    def report(self, *options, **kwargs):
        status, output, errors = self.run_program(
            f"lazy_report={self.path('report.json')}", *options, **kwargs)
        self.assertEqual((status, errors), (0, ""))
        return json.loads(self.read("report.json"))


class TestReport(ResolverTestCase):

    def test_json(self):
        report = self.report()
        self.assertEqual(report["schema"], 1)
        rows = {row["module"]: row for row in report["deferred"]}
        used = rows["lr_used"]
        self.assertEqual(used["importer"], "__main__")
        self.assertEqual(used["site"], {"file": self.path("program.py"), "line": 3})
        resolution, = used["resolutions"]
        self.assertEqual(resolution["trigger"], {"file": self.path("program.py"), "line": 6})
        self.assertTrue(resolution["ok"])
        deep, = rows["lr_deep"]["resolutions"]
        self.assertEqual(deep["trigger"]["line"], 2)
        self.assertLessEqual(deep["cumulative_us"], resolution["cumulative_us"])
        self.assertLess(resolution["self_us"], resolution["cumulative_us"])
        self.assertEqual(rows["lr_never"]["resolutions"], [])
        self.assertIn("lr_never", report["not_loaded"])

    def test_text(self):
        status, output, errors = self.run_program("lazy_report")
        self.assertEqual((status, output), (0, "1\n"))
        self.assertIn("lazy imports: ", errors)
        self.assertIn(f"lr_used ({self.path('program.py')}:3), needed at "
                      f"{self.path('program.py')}:6", errors)

    def test_environment(self):
        _, _, errors = self.run_program(env={"PYTHON_LAZY_REPORT": self.path("r.json")})
        self.assertEqual(errors, "")
        self.assertEqual(json.loads(self.read("r.json"))["schema"], 1)

    def test_not_imported_without_an_option(self):
        self.write("program.py", "import sys\nprint('_lazyclient' in sys.modules)")
        self.assertEqual(self.run_program(), (0, "False\n", ""))

    def test_full_disk_and_wrong_folder(self):
        for file in ("/dev/full", self.path("no/such")):
            with self.subTest(file=file):
                status, output, errors = self.run_program(f"lazy_report={file}")
                self.assertEqual((status, output), (0, "1\n"))
                self.assertEqual(len(errors.splitlines()), 1)
                self.assertIn(f"cannot write the report to {file}: ", errors)

    def test_failed_import(self):
        self.write("program.py", """
            import lr_missing
            try:
                lr_missing
            except ImportError:
                print("missing")
        """)
        row, = [row for row in self.report()["deferred"] if row["module"] == "lr_missing"]
        self.assertFalse(row["resolutions"][0]["ok"])

    def test_eager_by_try(self):
        self.write("program.py", """
            try:
                import lr_never
            except ImportError:
                pass
        """)
        reasons = {row["module"]: row["reason"] for row in self.report()["done_now"]}
        self.assertEqual(reasons["lr_never"], "try")


class TestFilter(ResolverTestCase):

    def test_rules(self):
        rules = self.write("rules", "lazy lr_used in __main__\neager lr_*\n")
        report = self.report(f"lazy_filter={rules}")
        reasons = {row["module"]: row["reason"] for row in report["done_now"]}
        self.assertEqual(reasons["lr_never"], "rule")
        self.assertIn("lr_used", [row["module"] for row in report["deferred"]])

    def test_mistakes(self):
        rules = self.write("rules", "slow x\n")
        for option, text in [(f"lazy_filter={rules}", "line 1: unknown word `slow`"),
                             ("lazy_filter=/no/such", "cannot read /no/such"),
                             ("lazy_profile=learn", "use record:FILE")]:
            with self.subTest(option=option):
                status, output, errors = self.run_program(option)
                self.assertEqual((status, output), (1, ""))
                self.assertIn(text, errors)
                self.assertEqual(len(errors.splitlines()), 1)


class TestProfile(ResolverTestCase):

    def setUp(self):
        super().setUp()
        self.write("program.py", """
            import lr_never
            import lr_used
            import lr_enc
            lr_used.value
            lr_enc.codecs
        """)

    def record(self):
        status, _, errors = self.run_program(f"lazy_profile=record:{self.path('profile')}")
        self.assertEqual((status, errors), (0, ""))
        return self.read("profile").splitlines()

    def test_record(self):
        lines = self.record()
        self.assertEqual(lines[:2], ["clinker-lazy-profile 1", "runs 1"])
        self.assertIn("at-once __main__ lr_used 1 of 1", lines)
        self.assertIn("at-once __main__ lr_never 0 of 1", lines)
        self.assertIn("effect lr_enc codecs.register", lines)

    def test_runs_merge(self):
        self.record()
        lines = self.record()
        self.assertEqual(lines[1], "runs 2")
        self.assertIn("at-once __main__ lr_used 2 of 2", lines)

    def test_use(self):
        self.record()
        report = self.report(f"lazy_profile=use:{self.path('profile')}")
        now = [row["module"] for row in report["done_now"]]
        self.assertIn("lr_used", now)
        self.assertIn("lr_enc", now)
        self.assertIn("lr_never", [row["module"] for row in report["deferred"]])

    def test_use_default(self):
        self.write("program.py", "import this\nimport lr_never")
        self.record()
        report = self.report(f"lazy_profile=use:default,{self.path('profile')}")
        self.assertIn("this", [row["module"] for row in report["done_now"]])

    def test_check(self):
        status, _, errors = self.run_program("lazy_profile=check:default")
        self.assertEqual(status, 0)
        self.assertIn(f"lr_enc ({self.path('program.py')}:4) changes codecs.register", errors)
        self.assertNotIn("lr_never", errors)

    def test_cannot_be_written(self):
        file = self.path("no/such")
        status, _, errors = self.run_program(f"lazy_profile=record:{file}")
        self.assertEqual(status, 0)
        self.assertEqual(len(errors.splitlines()), 1)
        self.assertIn(f"cannot write the profile to {file}: ", errors)


if __name__ == "__main__":
    unittest.main()
