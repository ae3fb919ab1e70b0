"""Rules about modules: which imports stay eager. The files are those of -X lazy_filter and -X lazy_profile=use."""

import os

HEADER = "clinker-lazy-profile 1"


class Rules:
    """An ordered list of rules; the first that matches decides. Below them is what profiles know."""

    def __init__(self):
        self.rules = []
        self.effects = set()
        self.at_once = set()

    def add(self, words):
        """Adds the words of one rule; ValueError says what is wrong."""
        if len(words) not in (2, 4) or len(words) == 4 and words[2] != "in":
            raise ValueError("expected `eager MODULE` or `lazy MODULE`, perhaps with `in IMPORTER`")
        if words[0] not in ("eager", "lazy"):
            raise ValueError(f"unknown word `{words[0]}`, expected `eager` or `lazy`")
        self.rules.append((words[0] == "eager", words[1], words[3] if len(words) == 4 else None))

    def read_filter(self, file):
        """Adds the rules of a file."""
        for number, words in _lines(file):
            self._add(file, number, words)

    def read_profile(self, file):
        """Adds what a profile says."""
        lines = _lines(file)
        if next(lines, (0, []))[1] != HEADER.split():
            raise ValueError(f"{file}: the first line is not `{HEADER}`")
        for number, words in lines:
            match words:
                case ["runs", _] | ["cost", _, _, "us", "in", _]:
                    pass
                case ["effect", module, _, *_]:
                    self.effects.add(module)
                case ["at-once", importer, module, times, "of", runs]:
                    if times == runs:
                        self.at_once.add((importer, module))
                case _:
                    self._add(file, number, words)

    def eager(self, importer, module):
        """Whether an import has to be done at once."""
        for eager, pattern, importers in self.rules:
            if matches(pattern, module) and (importers is None or matches(importers, importer)):
                return eager
        return module in self.effects or (importer, module) in self.at_once

    def _add(self, file, number, words):
        try:
            self.add(words)
        except ValueError as error:
            raise ValueError(f"{file}: line {number}: {error}") from None


def read(filters, profiles):
    """The rules of files; ValueError says which cannot be read, and why."""
    rules = Rules()
    for file in filters:
        rules.read_filter(file)
    for file in profiles:
        if file == "default":
            file = os.path.join(os.path.dirname(__file__), "default.profile")
        rules.read_profile(file)
    return rules


def _lines(file):
    """The words of the lines that have some, with their numbers."""
    try:
        with open(file, encoding="utf-8") as lines:
            text = lines.read()
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {file}: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            yield number, words


def matches(pattern, name):
    """Whether a pattern matches a name: that of a module with all below it, or a glob for the whole name."""
    if "*" not in pattern and "?" not in pattern:
        return name == pattern or name.startswith(pattern + ".")
    # Not fnmatch, which imports re: that is among what programs want to defer.
    places = {0}
    for letter in pattern:
        if letter == "*":
            places = set(range(min(places), len(name) + 1))
        else:
            places = {place + 1 for place in places if place < len(name) and letter in ("?", name[place])}
        if not places:
            return False
    return len(name) in places
