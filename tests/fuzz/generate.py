"""Makes random Python programs for the differential fuzzer.

Each program is determined by its seed, ends soon, and shows what it does with the functions of compare.py. Expressions are made
for a kind of value ("int", "list" ...), and now and then for another one, so that programs run far and still raise.
"""

import random

INTS = [
    "0", "1", "2", "3", "-1", "-2", "5", "7", "10", "63", "64", "255", "256", "257", "-5", "-6", "1000",
    "2**29", "2**30 - 1", "2**30", "-2**30", "2**31 - 1", "-2**31", "2**32", "2**53", "2**53 + 1", "2**59", "2**60 - 1",
    "2**60", "2**61 + 3", "2**62", "-2**62", "2**63 - 1", "2**63", "-2**63", "-2**63 - 1", "-2**63 + 1", "2**64", "2**64 - 1",
    "2**90", "-10**25",
]
FLOATS = [
    "0.0", "-0.0", "1.0", "0.5", "-1.5", "2.25", "1e308", "-1e308", "5e-324", "1e16", "3.0", "-7.75", "2.0**53", "INF", "-INF",
    "NAN", "0.1", "100.0",
]
STRINGS = ["''", "'a'", "'b'", "'ab'", "'xyz'", "'é'", "'日本'", "'0'", "'12'", "'hello world'", "'a,b'"]
KINDS = ["int", "float", "bool", "str", "list", "tuple", "dict", "obj"]
ERRORS = ["ValueError", "KeyError", "TypeError", "IndexError", "ZeroDivisionError", "Exception", "AttributeError",
          "(ValueError, TypeError)", "ArithmeticError", "LookupError"]
RAISED = ["ValueError", "KeyError", "TypeError", "Fault", "RuntimeError", "StopIteration", "IndexError"]
COMPARISONS = ["<", "<=", "==", "!=", ">", ">="]
# Runs of the loops and calls of a program, about.
BUDGET = 30_000


class Function:
    """What callers know of a function of the program."""

    def __init__(self, name, kinds, result, cost, flavor="function", defaults=0, keywords=()):
        self.name = name
        self.kinds = kinds
        self.result = result
        self.cost = cost
        self.flavor = flavor
        self.defaults = defaults
        self.keywords = keywords


class Scope:
    def __init__(self, flavor, parent=None):
        self.flavor = flavor            # "module", "function", "generator", "coroutine" or "class"
        self.parent = parent
        self.names = {}                 # variable: kind
        self.fixed = set()              # those that statements do not assign to
        self.multiple = 1               # how often the current line runs, each time the scope does
        self.cost = 1
        self.loops = 0
        self.depth = 0
        self.globals = set()
        self.result = "int"


class Generator:
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

    # Tools

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(items)

    def emit(self, line):
        self.lines.append("    " * self.indent + line)

    def fresh(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def kind(self):
        weights = {"int": 6, "float": 3 if self.spice["floats"] else 1, "bool": 1, "str": 2 if self.spice["strings"] else 1,
                   "list": 2, "tuple": 1, "dict": 1, "obj": 2 if self.classes and self.spice["objects"] else 0}
        return self.random.choices(list(weights), list(weights.values()))[0]

    def variables(self, kind):
        names = []
        scope = self.scope
        while scope is not None:
            if scope is self.scope or scope.flavor != "class":
                names += [name for name, known in scope.names.items() if known == kind]
            scope = scope.parent
        return names

    def affordable(self, cost):
        return self.scope.multiple * cost <= 400 and self.scope.cost + self.scope.multiple * cost < 3000

    def spend(self, cost):
        self.scope.cost += self.scope.multiple * cost

    def is_repeated(self):
        """Whether a variable can be assigned to many times."""
        return self.scope.loops > 0 or bool(self.scope.globals)

    # Expressions

    def expression(self, kind, depth=3):
        if self.chance(self.odd):
            kind = self.kind()
        names = self.variables(kind)
        if names and (depth <= 0 or self.chance(0.35)):
            return self.pick(names)
        if depth <= 0:
            return self.constant(kind)
        if self.chance(0.05):
            return f"({self.expression(kind, depth - 1)} if {self.expression('bool', depth - 1)} " \
                   f"else {self.expression(kind, depth - 1)})"
        if self.chance(0.03):
            return f"({self.expression(kind, depth - 1)} {self.pick(['and', 'or'])} {self.expression(kind, depth - 1)})"
        if self.chance(0.12):
            call = self.call(kind, depth - 1)
            if call:
                return call
        if self.chance(0.03) and self.scope.flavor != "class" and depth > 1:
            name = self.fresh("w")
            return f"({name} := {self.expression(kind, depth - 1)})"
        return getattr(self, f"{kind}_expression")(depth - 1)

    def constant(self, kind):
        match kind:
            case "int":
                return self.pick(INTS) if self.chance(0.5) else str(self.random.randrange(-3, 12))
            case "float":
                return self.pick(FLOATS)
            case "bool":
                return self.pick(["True", "False"])
            case "str":
                return self.pick(STRINGS)
            case "list":
                return "[" + ", ".join(self.constant("int") for _ in range(self.random.randrange(5))) + "]"
            case "tuple":
                return self.pick(["()", "(1,)", "(1, 2)", "(3, 2.5, 'z')", "(2**63, -1)", "(0, 1, 2, 3)"])
            case "dict":
                return self.pick(["{}", "{'a': 1}", "{1: 2, 2: 3}", "{'a': 1, 'b': 2**62}",
                                  "{'a': 1, 'b': 2.5, 3: 'c'}" if self.chance(0.3) else "{'b': -1}"])
            case _:
                return self.new_object(0) if self.classes else "None"

    def call(self, kind, depth):
        options = [f for f in self.functions if f.result == kind and f.flavor == "function" and self.affordable(f.cost)]
        if not options:
            return None
        function = self.pick(options)
        self.spend(function.cost)
        return f"{function.name}({self.arguments(function, depth)})"

    def arguments(self, function, depth):
        kinds = list(function.kinds)
        required = len(kinds) - function.defaults
        count = self.random.randrange(required, len(kinds) + 1)
        words = [self.expression(kind, depth) for kind in kinds[:count]]
        if self.chance(0.03):
            words.append(self.expression("int", 0))
        if words and self.chance(0.08):
            words[-1] = f"*({words[-1]},)"
        for name, kind in function.keywords:
            if self.chance(0.6):
                words.append(f"{name}={self.expression(kind, depth)}")
        return ", ".join(words)

    def int_expression(self, depth):
        e = self.expression
        match self.random.randrange(22):
            case 0 | 1 | 2 | 3:
                return f"({e('int', depth)} {self.pick(['+', '-', '+', '-', '*'])} {e('int', depth)})"
            case 4:
                return f"({e('int', depth)} {self.pick(['&', '|', '^'])} {e('int', depth)})"
            case 5:
                divisor = self.pick(["3", "7", "-2", "2**31", "2**62", f"({e('int', depth)} or 1)", e("int", depth)])
                return f"({e('int', depth)} {self.pick(['//', '%'])} {divisor})"
            case 6:
                return f"({e('int', depth)} {self.pick(['<<', '>>'])} ({e('int', depth)} & {self.pick(['3', '31', '63', '70'])}))"
            case 7:
                return f"({self.pick(['-', '~', '+', 'not '])}{e('int', depth)})"
            case 8:
                return f"len({e(self.pick(['list', 'str', 'tuple', 'dict']), depth)})"
            case 9 | 10:
                return f"{e('list', depth)}[{e('int', depth)}]" if self.chance(0.1) else \
                    f"item({e('list', depth)}, {e('int', depth)})"
            case 11:
                return f"{self.pick(['min', 'max'])}({e('int', depth)}, {e('int', depth)})"
            case 12:
                return f"abs({e('int', depth)})"
            case 13:
                return f"int({e(self.pick(['float', 'bool', 'int']), depth)})"
            case 14:
                return f"clamp({e('int', depth)})"
            case 15:
                return self.attribute("int", depth)
            case 16:
                return f"({e('int', depth)} ** {self.pick(['2', '3', '0', '1'])})"
            case 17:
                return f"sum({e('list', depth)})"
            case 18:
                return f"{e('dict', depth)}.get({self.key(depth)}, {e('int', depth)})"
            case 19:
                return f"{{1: {e('int', depth)}, 'a': {e('int', depth)}}}[{self.pick(['1', 'True', repr('a'), self.key(depth)])}]"
            case 20:
                return f"({e('bool', depth)} + {e('int', depth)})"
            case _:
                return self.constant("int")

    def float_expression(self, depth):
        e = self.expression
        match self.random.randrange(12):
            case 0 | 1 | 2 | 3:
                return f"({e('float', depth)} {self.pick('+-*')} {e('float', depth)})"
            case 4:
                return f"({e('float', depth)} {self.pick('+-*')} {e('int', depth)})"
            case 5:
                return f"({e(self.pick(['int', 'float']), depth)} / {e(self.pick(['int', 'float']), depth)})"
            case 6:
                return f"(-{e('float', depth)})"
            case 7:
                return f"float({e(self.pick(['int', 'bool', 'float']), depth)})"
            case 8:
                return f"({e('float', depth)} {self.pick(['**', '//', '%'])} {self.pick(['2', '3', '-1', '2.0', '0.5' if self.chance(0.2) else '2'])})"
            case 9:
                return f"{self.pick(['min', 'max'])}({e('float', depth)}, {e('float', depth)})"
            case 10:
                return self.attribute("float", depth)
            case _:
                return self.constant("float")

    def bool_expression(self, depth):
        e = self.expression
        match self.random.randrange(10):
            case 0 | 1 | 2:
                kind = self.pick(["int", "int", "float", "str", "tuple", "list"])
                other = kind if self.chance(0.85) else self.pick(["int", "float", "bool"])
                return f"({e(kind, depth)} {self.pick(COMPARISONS)} {e(other, depth)})"
            case 3:
                return f"({e('int', depth)} {self.pick(COMPARISONS)} {e('int', depth)} {self.pick(COMPARISONS)} {e('int', depth)})"
            case 4:
                return f"({e('bool', depth)} {self.pick(['and', 'or', '&', '|', '^', '=='])} {e('bool', depth)})"
            case 5:
                return f"(not {e(self.kind(), depth)})"
            case 6:
                return f"({e('int', depth)} {self.pick(['in', 'not in'])} {e(self.pick(['list', 'tuple', 'dict']), depth)})"
            case 7:
                return f"({e(self.kind(), depth)} {self.pick(['is', 'is not'])} None)"
            case 8:
                return f"isinstance({e(self.kind(), depth)}, {self.pick(['int', 'float', 'str', '(list, tuple)', 'bool'])})"
            case _:
                return f"bool({e(self.kind(), depth)})"

    def str_expression(self, depth):
        e = self.expression
        match self.random.randrange(10):
            case 0 | 1:
                return f"({e('str', depth)} + {e('str', depth)})"
            case 2:
                return f"f'{{{self.quoted(self.kind())}}}-{{{self.quoted('int')}!r:>4}}'"
            case 3:
                return f"str({e('int', depth)})"
            case 4:
                return f"{e('str', depth)}[{self.bound(depth)}:{self.bound(depth)}]"
            case 5:
                return f"item({e('str', depth)}, {e('int', depth)})"
            case 6:
                return f"{e('str', depth)}.{self.pick(['upper()', 'strip()', 'title()', 'swapcase()'])}"
            case 7:
                return f"({self.constant('str')} * {self.random.randrange(4)})"
            case 8:
                return f"'%s:%r' % ({e(self.kind(), depth)}, {e('int', depth)})"
            case _:
                return f"','.join([{e('str', depth)}, {e('str', depth)}])"

    def quoted(self, kind):
        names = self.variables(kind)
        return self.pick(names) if names else "7"

    def bound(self, depth):
        return self.pick(["", "0", "1", "-1", "2", self.expression("int", 0)])

    def list_expression(self, depth):
        e = self.expression
        match self.random.randrange(9):
            case 0 | 1:
                return "[" + ", ".join(e("int", depth) for _ in range(self.random.randrange(4))) + "]"
            case 2:
                return f"{e('list', depth)}[{self.bound(depth)}:{self.bound(depth)}]"
            case 3 if self.spice["comprehensions"] and self.affordable(8):
                return self.comprehension("[", "]", depth)
            case 4:
                return f"list(range({self.random.randrange(8)}))"
            case 5:
                return f"[*{e('list', depth)}, {e('int', depth)}]"
            case 6:
                return f"sorted({e('list', depth)}{self.pick(['', ', reverse=True', ', key=lambda v: -v'])})"
            case 7:
                return f"({e('list', depth)} + {e('list', depth)})"
            case _:
                return f"cut({e('list', depth)})"

    def comprehension(self, start, end, depth):
        name = self.fresh("c")
        outer = dict(self.scope.names)
        source = self.iterable("int", depth)
        self.scope.names[name] = "int"
        self.spend(8)
        # A call in it runs once for each item.
        self.scope.multiple *= 8
        item = self.expression("int", depth)
        if start == "{":
            item = f"{name}: {item}" if self.chance(0.7) else item
        condition = f" if {self.expression('bool', depth)}" if self.chance(0.4) else ""
        self.scope.multiple //= 8
        self.scope.names = outer
        return f"{start}{item} for {name} in {source}{condition}{end}"

    def iterable(self, kind, depth):
        return self.pick([
            f"range({self.random.randrange(9)})",
            f"range({self.random.randrange(4)}, {self.random.randrange(9)}, {self.pick(['1', '2', '3'])})",
            f"cut({self.expression('list', depth)})",
            f"({self.expression(kind, 0)}, {self.expression(kind, 0)})",
        ])

    def tuple_expression(self, depth):
        e = self.expression
        match self.random.randrange(5):
            case 0 | 1 | 2:
                return "(" + "".join(e(self.kind(), depth) + ", " for _ in range(self.random.randrange(4))) + ")"
            case 3:
                return f"tuple({e('list', depth)})"
            case _:
                return f"{e('tuple', depth)}[{self.bound(depth)}:]"

    def key(self, depth):
        return self.pick(["'a'", "'b'", "1", "2", "3", self.expression("int", depth), self.expression("str", 0)])

    def dict_expression(self, depth):
        e = self.expression
        match self.random.randrange(5):
            case 0 | 1:
                return "{" + ", ".join(f"{self.key(depth)}: {e('int', depth)}" for _ in range(self.random.randrange(4))) + "}"
            case 2 if self.spice["comprehensions"] and self.affordable(8):
                name = self.fresh("c")
                self.spend(8)
                return f"{{{name}: {name} for {name} in {self.iterable('int', depth)}}}"
            case 3:
                return f"{{**{e('dict', depth)}, {self.key(depth)}: {e('int', depth)}}}"
            case _:
                return f"dict({e('dict', depth)})"

    def obj_expression(self, depth):
        return self.new_object(depth) if self.classes else "None"

    def new_object(self, depth):
        name = self.pick(list(self.classes))
        if self.affordable(3):
            self.spend(3)
            return f"{name}({self.expression('int', depth)})"
        return "None"

    def attribute(self, kind, depth):
        options = [(name, attribute) for name, attributes in self.classes.items()
                   for attribute, known in attributes.items() if known == kind]
        objects = self.variables("obj")
        if not options or not (objects or self.chance(0.3)):
            return self.constant(kind)
        _, attribute = self.pick(options)
        target = self.pick(objects) if objects and self.chance(0.8) else f"({self.new_object(depth)})"
        return f"{target}.{attribute}"

    # Statements

    def block(self, size, depth):
        self.indent += 1
        self.scope.depth += 1
        known = dict(self.scope.names)
        before = len(self.lines)
        for _ in range(self.random.randrange(1, size + 1)):
            self.statement(depth)
        if len(self.lines) == before:
            self.emit("pass")
        self.scope.depth -= 1
        self.indent -= 1
        # What only some paths assign is hardly used after them: most uses would raise.
        if self.scope.depth and not self.chance(0.1):
            self.scope.names = {name: self.scope.names[name] for name in known if name in self.scope.names}

    def target(self, kind):
        """A variable to assign to, which has the kind from then on."""
        names = [name for name, known in self.scope.names.items()
                 if name not in self.scope.fixed and (known == kind or self.chance(self.odd))]
        if names and self.chance(0.6):
            name = self.pick(names)
        else:
            name = self.fresh("v")
        self.scope.names[name] = kind
        return name

    def local(self, kind):
        names = [name for name, known in self.scope.names.items() if known == kind and name not in self.scope.fixed]
        return self.pick(names) if names else None

    def statement(self, depth):
        spice, scope = self.spice, self.scope
        options = {
            "assign": 8, "augment": 6, "unpack": 1, "store": 3, "show": 1.5, "expression_line": 1,
            "branch": 4 if depth else 0, "loop": 4 if depth and scope.loops < 3 else 0,
            "while_loop": 2 if depth and scope.loops < 3 else 0,
            "attempt": (6 if spice["errors"] else 3) if depth and spice["try"] else 0,
            "attempt_group": 1 if depth and spice["try"] and spice["errors"] else 0,
            "with_block": 2 if depth and spice["with"] else 0,
            "match_block": 1 if depth and spice["match"] else 0,
            "jump": 1 if scope.loops else 0,
            "leave": 1 if scope.flavor not in ("module", "class") and scope.depth > 1 else 0,
            "fail": 2 if spice["errors"] and scope.depth > 1 else 0.5 if scope.depth > 1 or scope.flavor == "module" else 0.1,
            "delete": 0.5 if spice["delete"] else 0,
            "observe": 1 if spice["peek"] and scope.flavor != "class" else 0,
            "closure": 1 if spice["closures"] and depth and scope.flavor not in ("class",) and self.indent < 4 else 0,
            "suspend": 4 if scope.flavor == "generator" else 0,
            "await_something": 3 if scope.flavor == "coroutine" else 0,
            "change_world": 0.5 if spice["globals"] else 0,
            "consume": 1 if spice["generators"] and depth else 0,
        }
        kind = self.random.choices(list(options), list(options.values()))[0]
        getattr(self, kind)(depth)

    def assign(self, depth):
        kind = self.kind()
        value = self.expression(kind)
        if self.is_repeated() and any(growing in value for growing in ("*", "<<", "(", "[")):
            # Nothing may grow without end.
            value = f"clamp({value})" if kind == "int" else f"cut({value})"
        self.spend(1)
        self.emit(f"{self.target(kind)} = {value}")

    def augment(self, depth):
        kind = self.pick(["int", "int", "int", "float", "str", "list"])
        name = self.local(kind)
        if name is None:
            return self.assign(depth)
        match kind:
            case "int":
                operator = self.pick(["+=", "-=", "+=", "-=", "*=", "//=", "%=", "&=", "|=", "^=", ">>="])
                if operator == "*=" and self.is_repeated():
                    self.emit(f"{name} = clamp({name} * {self.expression('int', 1)})")
                elif operator == ">>=":
                    self.emit(f"{name} >>= {self.expression('int', 1)} & 7")
                else:
                    kind = self.pick(["int", "int", "int", "int", "bool", "float"])
                    self.emit(f"{name} {operator} {self.expression(kind, 2)}")
                    if kind == "float":
                        self.scope.names[name] = "float"
                    if operator == "+=" and self.chance(0.2) or self.chance(0.05):
                        self.emit(f"{name} = clamp({name})")
            case "float":
                self.emit(f"{name} {self.pick(['+=', '-=', '*=', '/='])} {self.expression(self.pick(['float', 'int']), 2)}")
            case "str":
                self.emit(f"{name} += cut({self.expression('str', 1)})")
                self.emit(f"{name} = {name}[-20:]")
            case "list":
                self.emit(f"{name} += cut({self.expression('list', 1)})")
                self.emit(f"{name} = cut({name})")

    def unpack(self, depth):
        kinds = [self.kind() for _ in range(self.random.randrange(2, 4))]
        values = [self.expression(kind, 2) for kind in kinds]
        if self.chance(0.2):
            names = [self.target(kind) for kind in kinds[:-1]]
            rest = self.fresh("v")
            self.scope.names[rest] = "list"
            self.emit(f"{', '.join(names)}, *{rest} = {', '.join(values)}, 5")
        elif self.chance(0.15):
            values = f"({self.expression('int', 2)}, {self.expression('int', 2)})"
            names = [self.target("int") for _ in range(2)]
            self.emit(f"{', '.join(names)} = {values if self.chance(0.8) else self.expression('tuple', 2)}")
        else:
            names = [self.target(kind) for kind in kinds]
            self.emit(f"{', '.join(names)} = {', '.join(values)}")

    def store(self, depth):
        lists, dicts, objects = self.variables("list"), self.variables("dict"), self.variables("obj")
        options = []
        if lists:
            name = self.pick(lists)
            options += [
                f"put({name}, {self.expression('int', 2)}, clamp({self.expression(self.pick(['int', 'int', 'float']), 2)}))",
                f"if {name}: {name}[{self.pick(['0', '-1', self.expression('int', 1)])}] = clamp({self.expression('int', 2)})",
                f"{name}.append(clamp({self.expression('int', 2)})) if len({name}) < 20 else {name}.clear()",
                f"{name}[{self.bound(1)}:{self.bound(1)}] = cut({self.expression('list', 1)}[:4])",
                f"if {name}: {name}[0] {self.pick(['+=', '-='])} {self.expression('int', 2)}",
                f"del {name}[{self.bound(0) or '0'}:]",
                f"if {name}: {name}.{self.pick(['sort()', 'reverse()', 'pop()', 'pop(0)'])}",
            ]
        if dicts:
            name = self.pick(dicts)
            options += [
                f"{name}[{self.key(2)}] = clamp({self.expression(self.pick(['int', 'int', 'int', self.kind()]), 2)})",
                f"{name}.pop({self.key(1)}, None)",
                f"if {name}: {name}.popitem()",
                f"{name}.setdefault({self.key(1)}, {self.expression('int', 1)})",
            ]
        if objects:
            name = self.pick(objects)
            attribute, kind = self.pick([("n", "int"), ("n", "int"), ("x", "float"), ("items", "list"), ("extra", self.kind())])
            kind = self.kind() if self.chance(self.odd) else kind
            options += [
                f"{name}.n = clamp({self.expression('int', 2)})",
                f"{name}.{attribute} = cut({self.expression(kind, 2)})",
                f"{name}.n {self.pick(['+=', '-=', '^='])} {self.expression('int', 2)}",
            ]
            if self.affordable(5):
                options.append(f"{name}.step({self.expression('int', 2)})")
                self.spend(5)
            if self.chance(0.1):
                options.append(f"del {name}.{attribute}")
        self.emit(self.pick(options) if options else "pass")

    def show(self, depth):
        self.emit(f"show({self.expression(self.kind(), 2)}, {self.expression(self.kind(), 1)})")

    def expression_line(self, depth):
        self.emit(self.expression(self.kind()))

    def branch(self, depth):
        self.emit(f"if {self.expression('bool')}:")
        self.block(3, depth - 1)
        if self.chance(0.3):
            self.emit(f"elif {self.expression('bool', 2)}:")
            self.block(2, depth - 1)
        if self.chance(0.4):
            self.emit("else:")
            self.block(3, depth - 1)

    def loop_body(self, trips, depth):
        self.scope.loops += 1
        self.scope.multiple *= trips
        self.block(4, depth - 1)
        self.scope.multiple //= trips
        self.scope.loops -= 1
        if self.chance(0.15):
            self.emit("else:")
            self.block(2, 0)

    def trips(self):
        if self.scope.flavor == "module" and self.scope.loops == 0:
            return self.pick([5, 40, 150])
        return self.pick([1, 3, 5, 12]) if self.affordable(12) else 2

    def loop(self, depth):
        trips = self.trips()
        name = self.target("int")
        match self.random.randrange(8):
            case 0 | 1 | 2:
                self.emit(f"for {name} in range({trips}):")
            case 3:
                step = self.pick(["2", "-1", "3", "-2", self.expression("int", 0)])
                first = self.pick(["0", "10", "2**63 - 3", "-2**63 + 3", "2**30 - 2", "-5", "2**64"])
                count = f"{trips} * ({step})" if not step.lstrip("-").isdigit() else str(trips * int(step))
                self.emit(f"for {name} in range({first}, {first} + {count}, {step}):")
            case 4:
                self.emit(f"for {name} in cut({self.expression('list', 2)}):")
            case 5:
                other = self.target("int")
                self.emit(f"for {name}, {other} in {self.pick(['enumerate', 'enumerate', 'swapped'])}(range({trips})):")
            case 6:
                other = self.target("int")
                self.emit(f"for {name}, {other} in zip(range({trips}), cut({self.expression('list', 1)})):")
            case _:
                kind = self.pick(["int", "float", "str"])
                self.scope.names[name] = kind
                values = ", ".join(self.constant(kind) for _ in range(self.random.randrange(1, 5)))
                self.emit(f"for {name} in ({values},):")
        self.loop_body(trips, depth)

    def while_loop(self, depth):
        trips = self.trips()
        fuel = self.fresh("f")
        self.emit(f"{fuel} = {trips}")
        self.scope.names[fuel] = "int"
        self.scope.fixed.add(fuel)
        condition = f"{fuel} > 0" if self.chance(0.5) else f"{fuel} and {self.expression('bool', 2)}"
        self.emit(f"while {condition}:")
        self.indent += 1
        self.emit(f"{fuel} -= 1")
        self.indent -= 1
        self.loop_body(trips, depth)

    def jump(self, depth):
        self.emit(f"if {self.expression('bool', 2)}:")
        self.emit(f"    {self.pick(['break', 'continue', 'continue'])}")

    def leave(self, depth):
        kind = self.scope.result if self.chance(0.85) else self.kind()
        value = self.expression(kind, 2) if self.scope.flavor != "generator" or self.chance(0.5) else ""
        self.emit(f"return {value}".rstrip())

    def fail(self, depth):
        if self.chance(0.3):
            self.emit(f"assert {self.expression('bool', 2)}, {self.expression('int', 0)}")
            return
        self.emit(f"if {self.expression('bool', 2)}:")
        cause = self.pick(["", "", "", f" from {self.pick(RAISED)}('cause')", " from None"])
        self.emit(f"    raise {self.pick(RAISED)}({self.expression('int', 1)}){cause}")

    def attempt(self, depth):
        errors = self.spice["errors"]
        self.emit("try:")
        self.block(4, depth - 1)
        handlers = self.random.randrange(3)
        for _ in range(handlers):
            name = self.fresh("e") if self.chance(0.5) else None
            self.emit(f"except {self.pick(ERRORS)} as {name}:" if name else f"except {self.pick(ERRORS)}:")
            if name and self.chance(0.6):
                self.emit(f"    show({name})")
            if errors and self.chance(0.2):
                self.emit("    handled()")
            self.block(2, depth - 1)
            if self.chance(0.1):
                self.emit("    raise")
            if errors and self.chance(0.15):
                cause = self.pick(["", f" from {name}" if name else " from None"])
                self.emit(f"    raise {self.pick(RAISED)}({self.expression('int', 0)}){cause}")
            if errors and self.chance(0.15):
                self.escape()
        if handlers and self.chance(0.2):
            self.emit("else:")
            self.block(2, depth - 1)
        if not handlers or self.chance(0.35):
            self.emit("finally:")
            if errors and self.chance(0.2):
                self.emit("    handled()")
            self.block(2, depth - 1)
            if errors and self.chance(0.15):
                self.escape()

    def escape(self):
        """Leaves a handler or what is done in the end."""
        options = ["break", "continue"] if self.scope.loops else []
        if self.scope.flavor not in ("module", "class"):
            options.append(f"return {self.expression(self.scope.result, 1)}" if self.scope.flavor != "generator" else "return")
        if options:
            self.emit(f"    if {self.expression('bool', 1)}:")
            self.emit(f"        {self.pick(options)}")

    def attempt_group(self, depth):
        self.emit("try:")
        self.block(2, depth - 1)
        if self.chance(0.8):
            errors = ", ".join(f"{self.pick(RAISED)}({self.expression('int', 0)})" for _ in range(self.random.randrange(1, 4)))
            self.emit(f"    raise ExceptionGroup({self.constant('str')}, [{errors}])")
        for _ in range(self.random.randrange(1, 3)):
            name = self.fresh("e")
            self.emit(f"except* {self.pick(ERRORS)} as {name}:")
            self.emit(f"    show(*{name}.exceptions)")
            self.emit(f"    {self.target('int')} = {self.expression('int', 2)}")
            if self.chance(0.2):
                self.emit(f"    raise {self.pick(['', f'{name}', f'Fault(1) from {name}'])}")
        if self.chance(0.3):
            self.emit("finally:")
            self.block(2, 0)

    def with_block(self, depth):
        name = self.fresh("m")
        manager = f"Manager({self.random.randrange(4)}, {self.pick(['', 'ValueError', 'Exception', 'LookupError'])})".replace(", )", ")")
        second = f", Manager({self.random.randrange(9)})" if self.chance(0.2) else ""
        self.emit(f"with {manager} as {name}{second}:")
        self.block(3, depth - 1)

    def match_block(self, depth):
        self.emit(f"match {self.expression(self.pick(['int', 'tuple', 'list', 'dict', 'obj']), 2)}:")
        self.indent += 1
        patterns = ["0", "1 | 2", "int()", "[a1, b1]", "(a1, *b1)", "{'a': a1}", "str(a1)", "[]", "[1, *_]", "None"]
        if self.classes:
            patterns += [f"{name}(n=a1)" for name in self.classes]
        for pattern in self.random.sample(patterns, self.random.randrange(1, 4)):
            self.emit(f"case {pattern}:")
            self.block(2, 0)
        self.emit("case _:")
        self.block(1, 0)
        self.indent -= 1

    def delete(self, depth):
        names = [name for name in self.scope.names if name not in self.scope.fixed]
        if names:
            name = self.pick(names)
            if self.chance(0.5):
                self.emit(f"if {self.expression('bool', 1)}:")
                self.emit(f"    del {name}")
            else:
                self.emit(f"del {name}")
                kind = self.scope.names.pop(name)
                if self.chance(0.7):
                    self.emit(f"{name} = {self.expression(kind, 0)}")
                    self.scope.names[name] = kind

    def observe(self, depth):
        match self.random.randrange(5):
            case 0 | 1:
                self.emit("peek()")
            case 2 if self.spice["poke"] and self.scope.flavor != "module":
                names = [name for name in self.scope.names if name not in self.scope.fixed]
                if names:
                    name = self.pick(names)
                    kind = self.scope.names[name] if self.chance(0.8) else self.kind()
                    self.emit(f"poke({name!r}, {self.expression(kind, 1)})")
                else:
                    self.emit("peek()")
            case 3 if self.spice["spy"]:
                self.emit(f"{self.target('obj')} = Spy({self.random.randrange(99)})")
            case 4 if self.spice["trace"]:
                self.emit(self.pick(["trace(True)", "trace(False)", "profile(True)", "profile(False)"]))
            case _:
                self.emit("where()")

    def closure(self, depth):
        kind = self.pick(["int", "int", "float"])
        outer = self.local(kind)
        name = self.fresh("g")
        parameter = self.fresh("p")
        self.emit(f"def {name}({parameter}={self.expression(kind, 0)}):")
        self.indent += 1
        if outer and self.scope.flavor != "module" and outer not in self.scope.globals and self.chance(0.6):
            self.emit(f"nonlocal {outer}")
            self.emit(f"{outer} {self.pick(['+=', '-='])} {parameter}")
            self.emit(f"return {outer}")
        else:
            self.emit(f"return {parameter} {self.pick('+-*')} {outer or self.constant(kind)}")
        self.indent -= 1
        for _ in range(self.random.randrange(1, 3)):
            value = self.expression(kind, 1)
            self.emit(f"{self.target(kind)} = {name}({value})")

    def suspend(self, depth):
        others = [f for f in self.functions if f.flavor == "generator" and self.affordable(f.cost)]
        if others and self.chance(0.4):
            other = self.pick(others)
            self.spend(other.cost)
            call = f"{other.name}({self.arguments(other, 1)})"
            self.emit(self.pick([f"yield from {call}", f"{self.target('int')} = (yield from {call}) or 2"]))
            return
        match self.random.randrange(4):
            case 0:
                value = self.expression(self.kind(), 2)
                self.emit(f"{self.target('int')} = (yield {value}) or 3")
            case 1 if self.affordable(5):
                self.spend(5)
                self.emit(f"yield from {self.iterable('int', 1)}")
            case _:
                self.emit(f"yield {self.expression(self.kind(), 2)}")

    def await_something(self, depth):
        match self.random.randrange(4):
            case 0:
                value = self.expression("int", 1)
                self.emit(f"{self.target('int')} = await Step({value})")
            case 1:
                self.emit(f"async for {self.target('int')} in steps({self.random.randrange(4)}):")
                self.block(2, 0)
            case 2:
                self.emit("async with AsyncManager():")
                self.block(2, 0)
            case _:
                others = [f for f in self.functions if f.flavor == "coroutine" and self.affordable(f.cost)]
                if others:
                    other = self.pick(others)
                    self.spend(other.cost)
                    words = self.arguments(other, 1)
                    self.emit(f"{self.target(other.result)} = await {other.name}({words})")
                else:
                    self.emit(f"await Step({self.expression('int', 1)})")

    def change_world(self, depth):
        name = self.pick(["G1", "G2", "G3"])
        if self.scope.flavor == "module":
            builtin = self.pick(["len", "abs", "min", "int"])
            self.emit(self.pick([
                f"{name} = clamp({self.expression(self.kind(), 1)})",
                f"{builtin} = lambda *a: {self.constant('int')}",
                f"if {builtin!r} in globals(): del {builtin}",
                f"__builtins__[{builtin!r}] = {builtin}",
            ]))
        else:
            self.emit(f"globals()[{name!r}] = clamp({self.expression(self.pick(['int', 'int', 'float']), 1)})")
        classes = list(self.classes)
        if classes and self.chance(0.4):
            self.emit(f"{self.pick(classes)}.{self.pick(['rank', 'n', 'get'])} = {self.pick(['7', '2.5', 'lambda self, *a: 3'])}")

    def consume(self, depth):
        options = [f for f in self.functions if f.flavor == "generator" and self.affordable(f.cost)]
        if not options or self.scope.loops > 2:
            return self.assign(depth)
        generator = self.pick(options)
        self.spend(generator.cost)
        call = f"{generator.name}({self.arguments(generator, 1)})"
        match self.random.randrange(5):
            case 0 | 1:
                self.emit(f"for {self.target('int')} in {call}:")
                self.loop_body(6, depth)
            case 2:
                self.emit(f"{self.target('list')} = cut(list({call}))")
            case 3:
                name = self.fresh("y")
                self.emit(f"{name} = {call}")
                for _ in range(self.random.randrange(1, 4)):
                    self.emit(self.pick([f"show(next({name}, 'end'))", f"show({name}.send(None))", f"{name}.close()",
                                         f"show({name}.send({self.constant('int')}))", f"show({name}.gi_running)",
                                         f"show(elsewhere(lambda: next({name}, 'end')))",
                                         f"{name}.throw(ValueError(3))", f"{self.target('int')} = next({name}, 0)"]))
            case _:
                self.emit(f"show(sum(v for v in {call} if isinstance(v, int)))")

    # Definitions

    def function(self, flavor="function"):
        name = self.fresh({"function": "f", "generator": "gen", "coroutine": "co"}[flavor])
        outer = self.scope
        self.scope = Scope(flavor, self.module)
        kinds = [self.kind() for _ in range(self.random.randrange(1, 4))]
        names = [self.fresh("a") for _ in kinds]
        defaults = self.random.randrange(len(kinds) + 1) if self.chance(0.3) else 0
        words = []
        for index, (parameter, kind) in enumerate(zip(names, kinds)):
            default = f"={self.constant(kind)}" if index >= len(kinds) - defaults and kind != "obj" else ""
            if index >= len(kinds) - defaults and kind == "obj":
                default = "=None"
            words.append(parameter + default)
        keywords = []
        if self.chance(0.15):
            keyword = self.fresh("k")
            keywords.append((keyword, "int"))
            words += ["*", f"{keyword}={self.constant('int')}"]
            self.scope.names[keyword] = "int"
        elif self.chance(0.08):
            words.append("*rest")
            self.scope.names["rest"] = "tuple"
        self.scope.names.update(zip(names, kinds))
        self.emit(f"{'async ' if flavor == 'coroutine' else ''}def {name}({', '.join(words)}):")
        self.scope.result = result = self.kind()
        if self.spice["globals"] and self.chance(0.3):
            self.emit("    global G1")
            self.scope.globals.add("G1")
            self.scope.names["G1"] = "int"
        self.block(self.pick([3, 6, 9]), 3)
        self.indent += 1
        if flavor == "generator":
            self.emit(f"yield {self.expression(result, 1)}")
        else:
            self.emit(f"return {self.expression(result, 2)}")
        self.indent -= 1
        made = Function(name, kinds, result, self.scope.cost + 2, flavor, defaults, keywords)
        self.scope = outer
        self.functions.append(made)
        self.emit("")

    def make_class(self):
        name = self.fresh("C")
        bases = [base for base in self.classes] if self.chance(0.5) else []
        base = self.pick(bases) if bases else self.pick(["", "Probe", "Probe"])
        self.emit(f"class {name}({base}):" if base else f"class {name}:")
        attributes = {"n": "int"}
        self.indent += 1
        slots = not base and self.chance(0.3)
        if slots:
            self.emit("__slots__ = ('n', 'x', 'items', 'extra')")
        self.emit(f"rank = {self.constant('int')}")
        attributes["rank"] = "int"
        self.emit("def __init__(self, n=0, x=1.5):")
        if base:
            self.emit("    super().__init__(n)")
        self.emit("    self.n = n")
        if self.chance(0.8):
            self.emit("    self.x = x")
            attributes["x"] = "float"
        if self.chance(0.5):
            self.emit("    self.items = [n, 1, 2]")
            attributes["items"] = "list"
        attributes["step(3)"] = "int"
        if not base:
            # The default one has the address.
            self.emit("def __repr__(self):")
            self.emit(f"    return '{name}'")
        self.scope = Scope("function", self.module)
        self.scope.names = {"self.n": "int", "d": "int"}
        self.scope.fixed = {"self.n"}
        self.emit("def step(self, d):")
        self.indent += 1
        if base and base != "Probe" and self.chance(0.5):
            self.emit("d = super().step(d)")
        self.emit(f"self.n = clamp({self.expression('int', 2)})")
        if self.chance(0.3):
            self.emit(f"if {self.expression('bool', 1)}:")
            self.emit(f"    raise {self.pick(RAISED)}(self.n)")
        self.emit(f"return {self.expression('int', 2)}")
        self.indent -= 1
        if self.chance(0.4):
            self.emit("@property")
            self.emit("def twice(self):")
            self.emit(f"    return {self.expression('int', 2)}")
            attributes["twice"] = "int"
        for method, chance, line in [
            ("__add__(self, other)", 0.3, "return self.n + (other.n if isinstance(other, Probe) else 1)"),
            ("__lt__(self, other)", 0.2, "return self.n < getattr(other, 'n', 0)"),
            ("__eq__(self, other)", 0.2, "return self is other or self.n == getattr(other, 'n', None)"),
            ("__bool__(self)", 0.2, "return self.n > 1"),
            ("__len__(self)", 0.2, "return 3"),
            ("__getitem__(self, i)", 0.2, "return (self.n, i)"),
            ("__call__(self, *a)", 0.2, "return len(a) + self.n"),
            ("__contains__(self, v)", 0.15, "return v == self.n"),
            ("__iter__(self)", 0.15, self.pick(["return iter([self.n, 2])", "yield from (self.n, 2)", "yield self.n"])),
            ("__getattr__(self, name)", 0.1, "return 11 if name == 'extra' else object.__getattribute__(self, name)"),
        ]:
            if self.chance(chance):
                self.emit(f"def {method}:")
                self.emit(f"    {line}")
        if self.chance(0.2):
            self.emit("@staticmethod")
            self.emit("def get(a=1, *b):")
            self.emit("    return a, b")
        self.indent -= 1
        self.scope = self.module
        self.classes[name] = attributes
        self.emit("")

    def drive(self, function):
        """Calls a function with arguments of its kinds, then with others."""
        def arguments(odd):
            kinds = [kind if not odd or self.chance(0.5) else self.kind() for kind in function.kinds]
            return "(" + "".join(self.constant(kind) + ", " for kind in kinds) + ")"
        table = self.fresh("A")
        usual = ", ".join(arguments(False) for _ in range(self.random.randrange(1, 4)))
        runs = max(3, min(150, 40_000 // (function.cost + 5)))
        run = {"function": "attempt", "generator": self.pick(["attempt_all", "attempt_sends"]),
               "coroutine": "attempt_async"}[function.flavor]
        self.emit(f"{table} = [{usual}]")
        self.emit(f"for i in range({runs}):")
        self.emit(f"    {run}({function.name}, *{table}[i % len({table})])")
        others = ", ".join(arguments(True) for _ in range(self.random.randrange(1, 6)))
        self.emit(f"for a in [{others}]:")
        repeat = self.pick([1, 1, 30])
        self.emit(f"    for i in range({min(repeat, runs)}):")
        self.emit(f"        {run}({function.name}, *a)")
        if self.chance(0.3):
            self.emit(f"for i in range({min(20, runs)}):")
            self.emit(f"    {run}({function.name}, *{table}[i % len({table})])")

    def recursion(self):
        name = self.fresh("r")
        self.emit(f"def {name}(n, a=1):")
        self.emit("    if n <= 0:")
        self.emit(f"        return {self.pick(['a', '1', 'a + 0.5', '[][a]', 'None'])}")
        self.emit(f"    return {name}(n - 1, a {self.pick(['+ n', '* 3', '- 2**62', '+ 1.5'])}) {self.pick(['+ n', '', '* 2'])}")
        self.emit("for i in range(40):")
        self.emit(f"    attempt({name}, i % 9, {self.constant(self.pick(['int', 'float']))})")

    def program(self):
        self.emit(f"G1 = {self.constant('int')}")
        self.emit(f"G2 = {self.constant('float')}")
        self.emit(f"G3 = {self.constant('list')}")
        self.module.names.update(G1="int", G2="float", G3="list")
        self.module.fixed.update(("G1", "G2", "G3"))
        if self.spice["objects"]:
            for _ in range(self.random.randrange(1, 4)):
                self.make_class()
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
