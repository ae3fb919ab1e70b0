"""What the documentation says that programs print, they print."""

import glob
import os
import sys
import tempfile
import unittest

import doc_examples
from jit_programs import HAS_COMPILER

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Pages that are of no use without examples.
NEEDED = ("quick-start.md", "using-the-jit.md", "using-lazy-imports.md", "production.md")


def needs_compiler(text):
    commands = [part for part in doc_examples.parts(text) if isinstance(part, doc_examples.Command)]
    return any("jit" in command.words.lower() for command in commands)


def run(text):
    with tempfile.TemporaryDirectory() as folder:
        return doc_examples.run(text, folder)


class PagesTest(unittest.TestCase):

    def test_examples_print_what_the_pages_say(self):
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(sys.executable), "python3")))
        commands, left_out = {}, set()
        for page in sorted(glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(ROOT, "docs", "*.md"))):
            with self.subTest(page=os.path.relpath(page, ROOT)), open(page, encoding="utf-8") as file:
                text = file.read()
                if needs_compiler(text) and not HAS_COMPILER:
                    left_out.add(os.path.basename(page))
                    self.skipTest("its examples are about the compiler")
                problems, commands[os.path.basename(page)] = run(text)
                self.assertEqual(problems, [], "\n".join(problems))
        for page in set(NEEDED) - left_out:
            with self.subTest(page=page):
                self.assertGreater(commands.get(page, 0), 0, "no example was found")


class RunnerTest(unittest.TestCase):

    def test_what_is_right(self):
        page = ("```python file=p.py\nprint(1, end='')\nprint(' of', 7)\n```\n"
                "```console run\n$ python3 p.py\n1 of ...\n$ true\n```\n```python\nnot run\n```\n")
        self.assertEqual(run(page), ([], 2))

    def test_the_interpreter_is_the_one_under_test(self):
        page = "```console run\n$ python3 -c 'import sys; print(sys.version)'\n" + sys.version + "\n```\n"
        self.assertEqual(run(page), ([], 1))

    def test_wrong_output(self):
        for wanted in ("2\n", "", "1\n1\n", "...2\n"):
            with self.subTest(wanted=wanted):
                (problem,), _ = run("text\n```console run\n$ echo 1\n" + wanted + "```\n")
                self.assertTrue(problem.startswith("line 3: $ echo 1\nprints:\n1\n"), problem)

    def test_output_on_the_other_stream(self):
        (problem,), _ = run("```console run\n$ echo 1; echo 2 >&2\n1\n```\n")
        self.assertIn("prints:\n1\n2\n", problem)

    def test_status(self):
        (problem,), _ = run("```console run\n$ echo 1; exit 3\n1\n```\n")
        self.assertIn("ended with status 3", problem)

    def test_what_is_not_understood(self):
        for page in ("```console runs\n$ true\n```\n", "```console run\ntrue\n```\n", "```console run\n```\n",
                     "```python run\n1\n```\n", "```python file=a b\n1\n```\n"):
            with self.subTest(page=page), self.assertRaises(ValueError):
                run(page)


if __name__ == "__main__":
    unittest.main()
