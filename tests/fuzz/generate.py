"""Makes random Python programs for the differential fuzzer.

Each program is determined by its seed, ends soon, and shows what it does with the functions of compare.py. Expressions are made
for a kind of value ("int", "list" ...), and now and then for another one, so that programs run far and still raise.
"""

import random

from definitions import Definitions
from scope import Scope, Writer
from statements import Statements
from values import Expressions


class Generator(Definitions, Statements, Expressions, Writer):
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.indent = 0
        self.count = 0
        self.functions = []
        self.classes = {}               # name: {attribute: kind}
        self.scope = Scope("module")
        self.module = self.scope
        # What a program is made of differs from program to program.
        self.odd = self.random.choice([0.0, 0.005, 0.01, 0.03])
        self.spice = {feature: self.random.random() < 0.5 for feature in (
            "peek", "poke", "delete", "closures", "try", "with", "match", "generators", "coroutines", "objects", "globals",
            "trace", "comprehensions", "strings", "floats", "spy", "errors")}
        self.spice["trace"] &= self.random.random() < 0.2
        self.spice["coroutines"] &= self.random.random() < 0.5

    def program(self):
        self.emit(f"G1 = {self.constant('int')}")
        self.emit(f"G2 = {self.constant('float')}")
        self.emit(f"G3 = {self.constant('list')}")
        self.module.names.update(G1="int", G2="float", G3="list")
        self.module.fixed.update(("G1", "G2", "G3"))
        if self.spice["objects"]:
            for _ in range(self.random.randrange(1, 4)):
                self.make_class()
        if self.chance(0.3):
            self.function_of_other_module()
        for _ in range(self.random.randrange(1, 5)):
            flavor = "function"
            if self.spice["generators"] and self.chance(0.35):
                flavor = "generator"
            elif self.spice["coroutines"] and self.chance(0.3):
                flavor = "coroutine"
            self.function(flavor)
            self.drive(self.functions[-1])
        if self.chance(0.15):
            self.recursion()
        self.module.cost = 1
        for _ in range(self.random.randrange(4)):
            self.emit("try:")
            self.block(4, 3)
            self.emit("except Exception as error:")
            self.emit("    show(error)")
        return "\n".join(self.lines) + "\n"


def program(seed):
    """The program of a seed; it always compiles."""
    for attempt in range(50):
        text = Generator(f"{seed}/{attempt}").program()
        try:
            compile(text, "<fuzz>", "exec")
        except SyntaxError:
            continue
        return text
    raise RuntimeError(f"no program of seed {seed} compiles")


if __name__ == "__main__":
    import sys
    print(program(int(sys.argv[1])))
