"""The statements of random programs."""

ERRORS = ["ValueError", "KeyError", "TypeError", "IndexError", "ZeroDivisionError", "Exception", "AttributeError",
          "(ValueError, TypeError)", "ArithmeticError", "LookupError"]
RAISED = ["ValueError", "KeyError", "TypeError", "Fault", "RuntimeError", "StopIteration", "IndexError"]


class Statements:
    """Statements, which are chosen by the features of the program."""

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
            "accumulate": 3 if depth and scope.loops < 2 and scope.flavor != "class" else 0,
            "steady": 3 if depth and scope.loops < 2 and scope.flavor != "class" else 0,
            "attempt": (6 if spice["errors"] else 3) if depth and spice["try"] else 0,
            "look_up": 3 if depth and spice["try"] else 0,
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
            "bind_method": 1 if spice["objects"] else 0,
            "change_world": 2 if spice["globals"] else 0,
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

    def bind_method(self, depth):
        """Calls a method that a variable or an attribute holds."""
        target = self.variables("obj")
        owner = self.pick(target) if target and self.chance(0.8) else f"({self.new_object(1)})"
        name = self.fresh("m")
        self.spend(8)
        self.emit(f"{name} = {owner}.{self.pick(['step', 'step', 'find', 'scaled'])}")
        again = self.pick([f"{name}({self.expression('int', 1)})", f"{owner}.step({self.expression('int', 0)})", name])
        self.emit(f"show({name}({self.expression('int', 1)}), {again})")

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
        match self.random.randrange(12):
            case 0 | 1 | 2:
                self.emit(f"for {name} in range({trips}):")
            case 8 | 9:
                self.loop_over_object(name)
            case 10 | 11:
                self.loop_over_pairs(name)
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

    def loop_over_object(self, name):
        match self.random.randrange(6):
            case 0:
                source = self.expression("dict", 1)
            case 1:
                source = f"dict({self.expression('dict', 1)}).{self.pick(['keys', 'values'])}()"
            case 2:
                members = ", ".join(str(self.random.randrange(-9, 99)) for _ in range(self.random.randrange(1, 6)))
                source = self.pick(["{%s}", "frozenset({%s})"]) % members
            case 3:
                source = f"reversed(cut({self.expression('list', 1)}))"
            case 4:
                self.scope.names[name] = "str"
                source = f"cut({self.expression('str', 1)})"
            case _:
                source = f"iter(cut({self.expression('list', 1)}))"
        self.emit(f"for {name} in {source}:")

    def loop_over_pairs(self, name):
        other = self.target("int")
        sequence = lambda: f"cut({self.expression(self.pick(['list', 'list', 'tuple', 'str']), 1)})"
        targets = f"{name}, {other}"
        match self.random.randrange(6):
            case 0:
                source = f"{self.expression('dict', 1)}.items()"
            case 1 | 2:
                start = self.pick(["", "", ", 5", ", -1", ", 2**63 - 2", ", 2**64"])
                source = f"enumerate({sequence()}{start})"
            case 3:
                targets += f", {self.target('int')}"
                source = f"zip({sequence()}, {sequence()}, {sequence()})"
            case 4:
                targets = f"{name}, ({other}, {self.target('int')})"
                source = f"enumerate(zip({sequence()}, {sequence()}))"
            case _:
                source = f"zip({sequence()}, {sequence()})"
        self.emit(f"for {targets} in {source}:")

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

    def accumulate(self, depth):
        """A loop with variables that are numbers at its end, whatever they were before, and get another value in each round."""
        total = self.target("float")
        start = self.pick(["0", "0", "0.0", "None", "'none'", "2**62", "()", self.expression(self.pick(["int", "float"]), 1)])
        self.emit(f"{total} = {start}")
        if self.chance(0.5):
            trips = self.trips()
            outer = self.target("int")
            self.emit(f"for {outer} in range({trips}):")
            self.scope.loops += 1
            self.scope.multiple *= trips
            self.indent += 1
            if self.chance(0.3):
                self.emit(f"{total} = {self.pick(['0', '0.5', total])}")
            self.rounds(total)
            self.indent -= 1
            self.scope.multiple //= trips
            self.scope.loops -= 1
        else:
            self.rounds(total)
        self.emit(f"show({total})")

    def rounds(self, total):
        """The loop of `accumulate()` itself."""
        trips = self.trips()
        self.spend(4 * trips)
        item, first, second = self.target("int"), self.fresh("t"), self.pick([self.fresh("t"), self.target("float")])
        kind = self.pick(["int", "int", "float"])
        values = ", ".join(self.constant(kind) for _ in range(trips))
        source = self.pick([f"range({trips})", f"cut({self.expression('list', 1)})", f"({values},)", f"[{values}]"])
        self.emit(f"for {item} in {source}:")
        self.indent += 1
        number = lambda: self.pick([self.constant("float"), self.constant("int"), first, item, self.expression(kind, 1)])
        step = f"{second} {self.pick('+-*')} {number()}"
        lines = [f"{first} = {item} {self.pick(['+', '-', '*', '*', '/'])} {number().replace(first, item)}",
                 f"{second} = {first} {self.pick(['+', '-', '*'])} {number()}",
                 f"{total} = {second} if not {total} or type({total}) is str else {total} {self.pick('+-')} {second}"
                 if self.chance(0.4) else f"{total} {self.pick(['+=', '-=', '+='])} {self.pick([first, second])}"]
        extra = [f"if {item} == {self.constant('int')}: {self.pick(['break', 'continue'])}", "peek()", f"show({first})", f"show({second})",
                 f"show(({first}, ({first} := {step}), {self.expression('int', 1)}))", f"if {item} == 2: del {first}",
                 f"if {first} > {self.constant('int')}: {second} = {self.pick(['None', item, step])}"]
        if self.spice["poke"] and self.scope.flavor != "module":
            extra.append(f"poke({self.pick([first, second, total])!r}, {self.expression(self.kind(), 1)})")
        for _ in range(self.pick([0, 1, 1, 2])):
            # Mostly where all of them have a value.
            lines.insert(self.random.randrange(2 if self.chance(0.85) else 0, len(lines) + 1), self.pick(extra))
        if self.chance(0.2):
            lines = ["try:", *("    " + line for line in lines), "except (ArithmeticError, TypeError):",
                     f"    {self.pick(['pass', f'{total} = 0', f'show({item})'])}"]
        for line in lines:
            self.emit(line)
        self.indent -= 1
        self.scope.names[second] = "float"

    def steady(self, depth):
        """A loop that hardly runs other code, with what is the same in each round, and what only seems to be."""
        objects = self.variables("obj")
        first, second = self.pick(objects) if objects else self.fresh("o"), self.fresh("o")
        row, total, item = self.fresh("l"), self.target("float"), self.target("int")
        if not objects:
            self.emit(f"{first} = Probe({self.constant(self.pick(['int', 'float']))})")
        kind = self.pick(["int", "float", "float"])
        values = ", ".join(self.constant(kind) for _ in range(6))
        self.emit(f"{second} = {self.pick([first, 'Probe(1)', 'Probe(0.5)'])}")
        self.emit(f"{row} = {self.pick([f'[{values}]', f'[{values}]', 'bytearray(6)', '[0.5] * 6'])}")
        self.emit(f"{total} = {self.constant(kind)}")
        trips = self.trips()
        self.spend(6 * trips)
        place = lambda: self.pick(["0", "-1", "1", "-2", f"{item} % 6", f"-{item} % 6", f"{item} - 1", "6"])
        owner = lambda: self.pick([first, first, second])
        number = lambda: self.pick([f"{owner()}.n", f"{owner()}.n", f"{row}[{place()}]", item, total, self.constant(kind),
                                    self.expression(kind, 1)])
        sum_of = lambda: f"{number()} {self.pick('+-*')} {number()}"
        lines = {
            f"{total} += {sum_of()}": 4, f"{total} = {sum_of()}": 2, f"{row}[{place()}] = {number()}": 2,
            f"{row}[{place()}] {self.pick(['+=', '-='])} {number()}": 1, f"{owner()}.n = {number()}": 2,
            f"{owner()}[{place()}] = {number()}": 1, f"{first}, {second} = {second}, {first}": 0.5,
            f"if {number()} < {number()}: {self.pick(['break', 'continue', f'{total} = {item}', f'{owner()}.n = {item}'])}": 2,
            f"if {item} == {self.pick('124')}: {self.pick([f'del {owner()}.n', f'{row} = {row}[:2]', f'{owner()}.n = None', f'show({total})'])}": 0.5,
            f"{self.fresh('t')} = {number()}": 1,
        }
        lines = self.random.choices(list(lines), list(lines.values()), k=self.pick([1, 2, 3, 4]))
        self.emit(f"for {item} in {self.pick([f'range({trips})', f'range({trips}, 0, -1)', f'cut([{values}])'])}:")
        for line in lines:
            self.emit(f"    {line}")
            if self.chance(0.2):
                self.emit(f"    {total} = clamp({total}) if type({total}) is int else {total}")
        self.emit(f"show({total}, {row}, {first}.n, {second}.n)")

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

    def look_up(self, depth):
        """Something may not be there; the handler does little about that."""
        error, item = self.pick([("KeyError", self.known("dict", f"[{self.key(2)}]")), ("KeyError", self.known("dict", f"[{self.key(2)}]")),
                                 ("IndexError", self.known(self.pick(["list", "tuple", "str"]), f"[{self.expression('int', 1)}]")),
                                 ("AttributeError", self.known("obj", self.pick([".extra", ".n", ".x", ".missing"]))),
                                 ("StopIteration", f"next(iter({self.expression(self.pick(['list', 'tuple', 'dict']), 1)}))")])
        self.emit("try:")
        name = self.target("int")
        self.emit("    " + self.pick([f"{name} = {item}", f"{name} = clamp({self.expression('int', 1)} + {item})", item]))
        self.emit(f"except {error if self.chance(0.9) else self.pick(ERRORS)}:")
        options = ["pass", f"{name} = {self.constant('int')}", f"{name} = {self.local('int') or 0}"]
        options += ["break", "continue"] if self.scope.loops else []
        if self.scope.flavor not in ("module", "class"):
            options.append("return" if self.scope.flavor == "generator" else f"return {self.constant(self.scope.result)}")
        self.emit(f"    {self.pick(options)}")

    def known(self, kind, access):
        """An access to a variable if there is one of a kind, or to an expression."""
        names = self.variables(kind)
        return f"{self.pick(names) if names else self.expression(kind, 1)}{access}"

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
        # Those that take the same, more or less.
        alike = [f.name for f in self.functions if f.flavor == self.functions[-1].flavor] if self.functions else []
        for names in alike, classes:
            if len(names) > 1 and self.chance(0.5):
                name, other = self.random.sample(names, 2)
                self.emit(f"globals()[{name!r}] = {self.pick([other, other, f'{other} if {self.expression("bool", 1)} else {name}'])}")
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
