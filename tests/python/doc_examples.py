"""Reads the examples of a page of the documentation, and runs them.

A block that begins with "```python file=NAME" is written to NAME, in a folder of the page's own; one that begins with
"```console run" is a session: after "$ " comes a command of the shell, after that what it prints on both streams together.
"..." in that stands for anything. A command has to end with status 0; python3 is the interpreter that runs this.
"""

import doctest
import os
import re
import subprocess
import sys

BLOCK = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 300


class Command:
    """A command of a session and what it has to print."""

    def __init__(self, line, words):
        self.line, self.words, self.wanted = line, words, ""


def parts(text):
    """The parts of a page that are run, in order: (name, text) of a file, or a Command. ValueError if one is not understood."""
    found = []
    for block in BLOCK.finditer(text):
        language, *marks = block["info"].split()
        if not marks:
            continue
        line = text.count("\n", 0, block.start()) + 1
        (mark,) = marks if len(marks) == 1 else (None,)
        if language == "console" and mark == "run":
            found.extend(session(block["body"], line + 1))
        elif mark and mark.startswith("file="):
            found.append((mark.removeprefix("file="), block["body"]))
        else:
            raise ValueError(f"line {line}: unknown mark {block['info']!r}")
    return found


def session(body, first):
    """The commands of a session whose first line is that of the page."""
    commands = []
    for number, line in enumerate(body.splitlines(keepends=True), first):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:].rstrip("\n")))
        elif commands:
            commands[-1].wanted += line
        else:
            raise ValueError(f"line {number}: a session begins with a command")
    if not commands:
        raise ValueError(f"line {first}: a session without a command")
    return commands


def run(text, folder):
    """Run the examples of a page in a folder; return what is wrong, and how many commands were run."""
    problems, commands = [], 0
    for part in parts(text):
        if isinstance(part, Command):
            commands += 1
            problems += [f"line {part.line}: $ {part.words}\n{why}" for why in failures(part, folder)]
        else:
            name, content = part
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(content)
    return problems, commands


def failures(command, folder):
    """Run a command; return in what it differs from what the page says."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["PATH"] = os.path.dirname(sys.executable) + os.pathsep + env["PATH"]
    done = subprocess.run(["sh", "-c", command.words], cwd=folder, env=env, stdin=subprocess.DEVNULL, encoding="utf-8",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    if done.returncode:
        yield f"ended with status {done.returncode} and printed:\n{done.stdout}"
    elif not doctest.OutputChecker().check_output(command.wanted, done.stdout, doctest.ELLIPSIS):
        yield f"prints:\n{done.stdout}instead of:\n{command.wanted}"
