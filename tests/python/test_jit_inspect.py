"""The page of clinker.jit.inspect()."""

import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

from jit_programs import setUpModule

PROGRAM = '''
import sys
from clinker import jit
def add(a, b):
    return a + b
class C:
    def method(self, n):
        return [self.twice(i) for i in range(n)]
    def twice(self, i):
        return 2 * i
    @staticmethod
    def static():
        return 1
def f(n):
    total = 0
    for i in range(n):
        if i == 7:
            total += 0.5
        total = add(total, i)
    return total
def generate(n):
    for i in range(n):
        yield i
async def wait():
    return 1
'''


class Page(html.parser.HTMLParser):
    """The elements of a page, and its data."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], {}
        self.feed(text)
        self.data = json.loads(self.texts["data"])

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        key = self.elements[-1][1].get("id", self.elements[-1][0]) if self.elements else ""
        self.texts[key] = self.texts.get(key, "") + data


class InspectTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.file = self.path("out.html")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_program(self, source, option=None, path=None):
        """Run a program from a file, so that it has a source."""
        program = self.path("program.py")
        with open(program, "w") as file:
            file.write(PROGRAM + textwrap.dedent(source))
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        env |= {"PATH": path} if path is not None else {}
        options = [] if option is None else ["-X", f"jit={option}"]
        result = subprocess.run([sys.executable, *options, program], capture_output=True, text=True, env=env, cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        return result.stdout

    def inspect(self, source, option=None, path=None):
        """Run a program that writes a page; return that."""
        self.run_program(source, option, path)
        with open(self.file, encoding="utf-8") as file:
            return Page(file.read())

    def text_of(self, entry):
        return "\n".join(row[1] for row in entry["stages"][-1]["rows"] if row[0] != "-")

    def test_not_compiled(self):
        for option in (None, "1", "manual", "auto", "all,warm"):
            with self.subTest(option=option):
                data = self.inspect("jit.inspect(f, 'out.html')", option).data
                self.assertEqual((data["name"], data["line"]), ("f", 14))
                self.assertEqual(data["file"], self.path("program.py"))
                self.assertEqual(data["source"][0], [14, "def f(n):"])
                self.assertEqual(data["source"][-1], [20, "    return total"])
                entry, = data["entries"]
                self.assertIsNone(entry["machine"])
                self.assertEqual([stage["title"] for stage in entry["stages"]],
                                 ["as built", "after scalar replacement", "after value numbering", "after dead code", "after carried numbers",
                                  "after reference counts"])
                self.assertFalse([row for row in entry["stages"][0]["rows"] if row[0] != " "])
                self.run_program("jit.inspect(f, 'out.html'); assert not jit.is_jit_compiled(f)", option)

    def test_compiled(self):
        data = self.inspect("""
            for _ in range(100): f(7)
            assert jit.force_compile(f)
            f(7)
            size = jit.get_compiled_size(f)
            jit.inspect(f, "out.html")
            print(size)
        """).data
        entry, = data["entries"]
        machine = entry["machine"]
        self.assertTrue(machine["is_entered"])
        self.assertGreater(machine["size"], 100)
        self.assertGreater(data["state"]["microseconds"], 0)
        self.assertEqual((data["state"]["hindrance"], entry["reason"], entry["refusal"]), (None, None, None))
        self.assertIn("Return", self.text_of(entry))
        # All parts lead to the same instruction: the call of add().
        call, = [row for row in data["bytecode"] if row["opcode"] == "CALL" and row["line"] == 19]
        self.assertEqual(call["specialized"], "CALL_PY_EXACT_ARGS")
        self.assertIn(f"calls add ({self.path('program.py')}:4), which may be executed in place of the call", call["notes"])
        self.assertEqual([name for name, _ in call["cache"]], ["counter", "func_version"])
        self.assertIn(call["offset"], [row[2] for row in entry["stages"][-1]["rows"]])
        self.assertIn(call["offset"], [row[2] for row in machine["rows"]])
        self.assertIn("clinker_", " ".join(row[3] for row in machine["rows"]))

    def test_differences_are_those_of_the_stages(self):
        data = self.inspect("""
            for _ in range(100): f(9)
            jit.force_compile(f)
            jit.inspect(f, "out.html")
        """).data
        stages = data["entries"][0]["stages"]
        for before, after in zip(stages, stages[1:]):
            lines = [row[1] for row in before["rows"] if row[0] != "-"]
            self.assertEqual(lines, [row[1] for row in after["rows"] if row[0] != "+"])
        self.assertIn("+", [row[0] for row in stages[-1]["rows"]])

    def test_unseen_and_operands(self):
        data = self.inspect("""
            for _ in range(100): f(5)
            jit.inspect(f, "out.html")
        """, "auto").data
        unseen = {row["line"] for row in data["bytecode"] if row.get("unseen")}
        self.assertEqual(unseen, {18})
        seen = [row for row in data["bytecode"] if row["opcode"] == "FOR_ITER"]
        self.assertEqual(seen[0]["specialized"], "FOR_ITER_RANGE")

    def test_exits(self):
        data = self.inspect("""
            def h(a, b): return a * b
            for _ in range(100): h(2, 3)
            jit.force_compile(h)
            for _ in range(20): h(0.5, 2.5)
            jit.inspect(h, "out.html")
            jit.inspect(h, "out.html")
            assert jit.get_and_clear_runtime_stats()["deopt"]
        """).data
        exits = data["entries"][0]["machine"]["exits"]
        taken = [(left["kind"], left["times"]) for left in exits if left["times"]]
        self.assertEqual(taken, [("guess", 20)])
        offset, = [left["offset"] for left in exits if left["times"]]
        product, = [row for row in data["bytecode"] if row["opcode"] == "BINARY_OP"]
        self.assertEqual(offset, product["offset"])
        guesses = [row[1] for row in data["entries"][0]["stages"][-1]["rows"] if row[3] == offset]
        self.assertTrue(any("GuardType" in text for text in guesses), guesses)

    def test_refutations(self):
        data = self.inspect("""
            def h(a, b): return a * b
            for _ in range(100): h(2, 3)
            jit.force_compile(h)
            for _ in range(10_000): h("x", 2)
            jit.inspect(h, "out.html")
        """).data
        self.assertGreater(data["state"]["lessons"]["refutations"], 0)
        self.assertTrue(any(left["times"] for machine in data["retired"] for left in machine["exits"]))
        product, = [row for row in data["bytecode"] if row["opcode"] == "BINARY_OP"]
        self.assertIn("guesses were wrong too often: dropped once", product["notes"])

    def test_why_it_was_refused(self):
        data = self.inspect("""
            def h(): return 1
            for _ in range(200): h()
            jit.inspect(h, "out.html")
        """, "auto,after=100,deny=h").data
        self.assertEqual(data["state"]["hindrance"], "allow= or deny= excludes it")
        self.assertEqual([entry["refusal"] for entry in data["entries"]], ["allow= or deny= excludes it"])
        data = self.inspect("""
            body = "\\n".join(f"    x = x + {i}" for i in range(6000))
            exec(f"def big(x):\\n{body}\\n    return x")
            try:
                jit.force_compile(big)
            except RuntimeError:
                pass
            jit.inspect(big, "out.html")
        """).data
        reason = "it has more than 20000 code units"
        self.assertEqual((data["state"]["unreadable"], data["entries"][0]["refusal"]), (reason, reason))
        self.assertEqual(len([row for row in data["bytecode"] if row["opcode"] == "BINARY_OP"]), 6000)

    def test_suppressed_and_paused(self):
        data = self.inspect("jit.force_compile(f); jit.jit_suppress(f); jit.inspect(f, 'out.html')").data
        self.assertEqual(data["state"]["hindrance"], "it is suppressed")
        self.assertFalse(data["entries"][0]["machine"]["is_entered"])
        data = self.inspect("jit.auto()\nwith jit.pause(): jit.inspect(f, 'out.html')").data
        self.assertEqual(data["state"]["hindrance"], "compiling is paused")

    def test_instrumented(self):
        data = self.inspect("""
            for _ in range(100): f(3)
            sys.setprofile(lambda *event: None)
            jit.inspect(f, "out.html")
        """).data
        self.assertEqual((data["state"]["unreadable"], data["entries"][0]["reason"]), ("it is instrumented",) * 2)
        self.assertEqual(data["bytecode"][0]["opcode"], "RESUME")

    def test_dead_callee(self):
        # Native code that is not entered any more names functions that may be gone.
        data = self.inspect("""
            import gc
            def make():
                namespace = {}
                exec("def inner(o): return o.v * 3", namespace)
                return namespace["inner"]
            class A: v = 1
            class B:
                def __init__(self): self.v = 2
            inner = make()
            def outer(o): return inner(o)
            for _ in range(200): outer(B())
            jit.force_compile(outer)
            for _ in range(20): outer(A())
            inner = make()
            gc.collect()
            for _ in range(500): outer(B())
            jit.inspect(outer, "out.html")
        """).data
        self.assertTrue(data["entries"])

    def test_forbidden(self):
        data = self.inspect("jit.inspect(f, 'out.html')", "0").data
        self.assertEqual((data["state"], data["entries"]), (None, []))
        self.assertEqual(data["bytecode"][0]["opcode"], "RESUME")

    def test_loop(self):
        data = self.inspect("""
            def loop(n):
                for i in range(n): pass
            loop(300)
            jit.inspect(loop, "out.html")
        """, "auto,after=100").data
        loop, = [entry for entry in data["entries"] if entry["is_loop"]]
        self.assertIsNotNone(loop["machine"])
        self.assertIsNone([entry for entry in data["entries"] if not entry["is_loop"]][0]["machine"])
        self.assertGreater(data["state"]["loops"][0]["trips"], 99)

    def test_what_can_be_inspected(self):
        for expression, name in [
            ("C.method", "C.method"), ("C().method", "C.method"), ("C.static", "C.static"), ("C.__dict__['static']", "C.static"),
            ("f.__code__", "f"), ("generate", "generate"), ("generate(3)", "generate"), ("wait", "wait"),
            ("sys._getframe()", "<module>"), ("compile('x = 1', 'no such file', 'exec')", "<module>"), ("lambda: 1", "<lambda>"),
            ("(i for i in [])", "<genexpr>"), ("compile('class D: y = 2', '', 'exec').co_consts[0]", "D"),
        ]:
            with self.subTest(expression=expression):
                data = self.inspect(f"jit.inspect({expression}, 'out.html')").data
                self.assertEqual(data["name"], name)
                self.assertTrue(data["entries"])

    def test_generator(self):
        data = self.inspect("""
            list(generate(1000))
            jit.force_compile(generate)
            list(generate(100))
            jit.inspect(generate, "out.html")
        """).data
        machine = data["entries"][0]["machine"]
        self.assertTrue(machine["is_entered"])
        self.assertTrue(machine["resumes"])

    def test_no_source(self):
        data = self.inspect("""
            exec("def g():\\n    return 1")
            jit.inspect(g, "out.html")
        """).data
        self.assertEqual(data["source"], [[1, None], [2, None]])

    def test_hostile_names_and_sources(self):
        hostile = "</script><!-- <script>alert(1)</script> ${data} $style &amp; ' \ud800 \u2028"
        page = self.inspect(f"""
            import linecache
            text = {ascii(hostile)}
            source = "def g():\\n    return 'HOSTILE'\\n"
            name = text.replace(chr(0xd800), "")
            code = compile(source, name, "exec")
            namespace = {{}}
            exec(code, namespace)
            g = namespace["g"]
            class Loud:
                def __repr__(self): raise SystemError
                def __eq__(self, other): raise SystemError
                __hash__ = None
            g.__code__ = g.__code__.replace(co_name=name, co_qualname=text, co_consts=(None, text, Loud(), (Loud(),)))
            linecache.cache[name] = (len(source), None, ["def g(): # " + text + "\\n", "    return " + text + "\\n"], name)
            jit.force_compile(g)
            jit.inspect(g, "out.html")
        """)
        self.assertEqual([tag for tag, _ in page.elements].count("script"), 2)
        self.assertNotIn("<", page.texts["data"])
        self.assertEqual(page.data["name"], hostile)

    def test_page_loads_nothing(self):
        page = self.inspect("jit.inspect(f, 'out.html')")
        for tag, attributes in page.elements:
            self.assertNotIn(tag, ("link", "img", "iframe", "base", "object", "embed", "form"))
            self.assertNotIn("src", attributes)
            if "href" in attributes:
                self.assertTrue(attributes["href"].startswith("#"))
        policy, = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
        self.assertTrue(policy.startswith("default-src 'none'; "))

    @unittest.skipUnless(shutil.which("objdump"), "needs objdump")
    def test_instructions_of_native_code(self):
        data = self.inspect("""
            for _ in range(100): f(5)
            jit.force_compile(f)
            jit.inspect(f, "out.html")
        """).data
        machine = data["entries"][0]["machine"]
        self.assertIsNone(machine["problem"])
        self.assertTrue(any(row[1].startswith("ret") for row in machine["rows"]))
        # A class that is compared with is behind the code, and has its name where it is used as well.
        self.assertGreaterEqual([row[3] for row in machine["rows"]].count("range_iterator"), 2)

    def test_without_objdump(self):
        data = self.inspect("jit.force_compile(f); jit.inspect(f, 'out.html')", path=self.folder).data
        machine = data["entries"][0]["machine"]
        self.assertIn("objdump", machine["problem"])
        code = [row for row in machine["rows"] if not row[1].startswith("data ")]
        self.assertLessEqual(sum(len(row[1].split()) for row in code) + 8 * (len(machine["rows"]) - len(code)), machine["size"])
        self.assertRegex(code[0][1], "^([0-9a-f]{2} ){15}[0-9a-f]{2}$")

    def test_wrong_types(self):
        self.run_program("""
            for argument in (None, 3, "f", len, C, C(), print, object()):
                try:
                    jit.inspect(argument, "out.html")
                except TypeError as error:
                    assert str(error).startswith("inspect expected "), error
                else:
                    assert False, argument
            for argument in (None, 3, 1.5, f, ["out.html"]):
                try:
                    jit.inspect(f, argument)
                except TypeError:
                    pass
                else:
                    assert False, argument
            assert not jit.is_enabled()
        """)
        self.assertEqual(os.listdir(self.folder), ["program.py"])

    def test_names_of_files(self):
        self.run_program("""
            import os, pathlib
            jit.inspect(f, pathlib.Path("one.html"))
            jit.inspect(f, os.fsencode("two.html"))
            os.symlink("two.html", "three.html")
            jit.inspect(add, "three.html")
        """)
        self.assertTrue(os.path.islink(self.path("three.html")))
        with open(self.path("two.html")) as file:
            self.assertEqual(Page(file.read()).data["name"], "add")
        self.assertEqual(sorted(os.listdir(self.folder)), ["one.html", "program.py", "three.html", "two.html"])

    def test_what_cannot_be_written(self):
        with open(self.path("mine.html"), "w") as file:
            file.write("<!DOCTYPE html>\n<p>mine")
        os.mkfifo(self.path("pipe"))
        self.run_program("""
            for name, expected in [("no/out.html", FileNotFoundError), ("program.py", FileExistsError), (".", IsADirectoryError),
                                   ("mine.html", FileExistsError), ("pipe", FileExistsError), ("/dev/null", FileExistsError),
                                   ("program.py/out.html", NotADirectoryError), ("x" * 300, OSError), ("", OSError)]:
                try:
                    jit.inspect(f, name)
                except expected:
                    pass
                else:
                    assert False, name
        """)
        self.assertEqual(sorted(os.listdir(self.folder)), ["mine.html", "pipe", "program.py"])

    def test_a_page_is_replaced_as_a_whole(self):
        self.run_program("""
            import os
            jit.inspect(f, "out.html")
            jit.inspect(add, "out.html")
            replace = os.replace
            def fail(*args): raise OSError("full")
            os.replace = fail
            try:
                jit.inspect(f, "out.html")
            except OSError as error:
                assert str(error) == "full"
            else:
                assert False
        """)
        with open(self.file) as file:
            self.assertEqual(Page(file.read()).data["name"], "add")
        self.assertEqual(sorted(os.listdir(self.folder)), ["out.html", "program.py"])

    def test_looking_changes_nothing(self):
        self.run_program("""
            def run(look):
                namespace = {}
                exec("def h(a):\\n    t = 0\\n    for i in range(a):\\n        t += i if a < 90 else 0.5\\n    return t", namespace)
                h = namespace["h"]
                for n in range(200):
                    h(n % 100)
                    if look: jit.inspect(h, "out.html") if n % 20 == 0 else None
                rows = jit.get_and_clear_runtime_stats()["deopt"]
                # Those of machine code that has been freed are in one row.
                left = {}
                for row in rows:
                    if row["normal"]["func_qualname"] == "h":
                        place = row["normal"]["description"], row["int"]["lineno"]
                        left[place] = left.get(place, 0) + row["int"]["count"]
                return jit.is_jit_compiled(h), jit.get_compiled_size(h), left
            one, other = run(False), run(True)
            assert one == other and one[2], (one, other)
        """, "all,warm")


if __name__ == "__main__":
    unittest.main()
