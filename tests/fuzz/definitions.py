"""The functions and classes of random programs, and what calls them."""

from scope import Function, Scope
from statements import RAISED


class Definitions:
    """Functions and classes."""

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
        keywords, more = [], ""
        if self.chance(0.12):
            more = "*"
            words.append("*rest")
            self.scope.names["rest"] = "tuple"
        if self.chance(0.2):
            keyword = self.fresh("k")
            keywords.append((keyword, "int"))
            words += [] if more else ["*"]
            words.append(f"{keyword}={self.constant('int')}")
            self.scope.names[keyword] = "int"
        if self.chance(0.12):
            more += "**"
            words.append("**others")
            self.scope.names["others"] = "dict"
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
        made = Function(name, kinds, result, self.scope.cost + 2, flavor, defaults, keywords, names, more)
        self.scope = outer
        self.functions.append(made)
        self.emit("")

    def function_of_other_module(self):
        """A small one, which has globals of its own."""
        name = self.fresh("o")
        limit = self.pick(["3", "5", "2.5", "len('abcd')"])
        lines = [f"G1 = {limit}", f"def {name}(a, b=2, **others):", "    if a > G1:",
                 f"        return {self.pick(['abs(a)', 'len(others) + G1', 'clamped(a)', 'a'])}",
                 f"    return {self.pick(['a + b', 'G1 - b', 'len(others)', 'b'])}",
                 "def clamped(a):", "    return G1 if a > G1 else a"]
        self.emit(f"{name} = other_module('{name}', {chr(10).join(lines)!r})")
        made = Function(name, ["int", "int"], "int", 4, defaults=1, names=["a", "b"], more="**")
        self.functions.append(made)

    def make_class(self):
        name = self.fresh("C")
        bases = [base for base in self.classes] if self.chance(0.5) else []
        base = self.pick(bases) if bases else self.pick(["", "Probe", "Probe"])
        self.emit(f"class {name}({base}):" if base else f"class {name}:")
        attributes = {"n": "int"}
        self.indent += 1
        slots = not base and self.chance(0.3)
        if slots:
            self.emit("__slots__ = ('n', 'x', 'items', 'extra', 'pair')")
        self.emit(f"rank = {self.constant('int')}")
        attributes["rank"] = "int"
        self.emit("def __init__(self, n=0, x=1.5):")
        if base:
            passed = "n" if base == "Probe" else self.pick(["n", "n", "n=n", "n, x=2.5", "*(n,)", "**{'n': n}"])
            self.emit(f"    super().__init__({passed})")
        self.emit("    self.n = n")
        if self.chance(0.8):
            self.emit("    self.x = x")
            attributes["x"] = "float"
        if self.chance(0.5):
            self.emit("    self.items = [n, 1, 2]")
            attributes["items"] = "list"
        if self.chance(0.3):
            self.emit(f"    self.pair = {self.pick(['n, x', 'n, self.n', 'n, (x, n)', '(n,)'])}")
            attributes["pair"] = "tuple"
            attributes["pair[0]"] = "int"
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
        if "x" in attributes and self.chance(0.6):
            # Small, and with numbers of both kinds.
            self.emit("def scaled(self, by):")
            number = lambda: self.pick(["self.x", "self.x", "self.n", "by"])
            terms = [f"{number()} {self.pick('+-*')} {number()}" for _ in range(self.random.randrange(1, 4))]
            self.emit(f"    return ({f') {self.pick("+-")} ('.join(terms)})")
            for by in "2", "0.5", "2**62":
                attributes[f"scaled({by})"] = "float"
        if not slots and self.chance(0.4):
            # Small, with a handler, and with what is seen only now and then.
            self.emit(f"known = {self.pick(['{}', '{0: 1, 2: 5, 3: -1}', '{0: 2, 7: True, 2: 1.5}'])}")
            self.emit("def find(self, key, *rest, **others):")
            self.emit(f"    if {self.pick(['key > 2', 'self.n > 4', 'rest', 'others'])}:")
            self.emit("        return len(rest) + len(others)")
            self.emit("    try:")
            self.emit("        return self.known[key]")
            self.emit(f"    except {self.pick(['KeyError', 'KeyError', 'IndexError', 'LookupError'])}:")
            self.emit(f"        {self.pick(['return self.n', 'self.known[key] = 1', 'show(key, rest, others)'])}")
            self.emit("    return 1")
            for found in "2", "0", "7", "G1", "1, 2", "2, y=1":
                attributes[f"find({found})"] = "int"
        if self.chance(0.4):
            # Gives the object back, or what it has.
            self.emit("def kept(self, other):")
            self.emit(f"    if {self.pick(['other', 'self.n > 3', 'other == self.n', 'self is other'])}:")
            self.emit(f"        return {self.pick(['self', 'other', 'self.__dict__', '(self, other)'])}")
            self.emit(f"    return {self.pick(['self.n', 'other', 'self'])}")
            for other in "0", "1", "G1", "2.5":
                attributes[f"kept({other})"] = "int"
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
            ("__getitem__(self, i)", 0.2, self.pick(["return (self.n, i)", "return self.n + i"])),
            ("__setitem__(self, i, v)", 0.3, self.pick(["self.n = v if v is not i else 2", "self.last = i, v", "self.n += i"])),
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
