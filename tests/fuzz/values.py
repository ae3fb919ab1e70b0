"""The constants of random programs, and what their expressions are made of."""

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
COMPARISONS = ["<", "<=", "==", "!=", ">", ">="]


class Expressions:
    """Expressions for kinds of values."""

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
        if self.chance(0.05) and self.scope.flavor != "class" and depth > 1:
            # One that is assigned to may be an operand already.
            name = self.local(kind) if self.chance(0.5) else None
            value = self.expression(kind, depth - 1)
            if name is not None and self.is_repeated() and kind not in ("float", "bool"):
                value = f"clamp({value})" if kind == "int" else f"cut({value})"
            return f"({name or self.fresh('w')} := {value})"
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
        name = function.name
        others = [f.name for f in options if len(f.kinds) == len(function.kinds)]
        if self.chance(0.2) and len(others) > 1:
            # Several functions at one place.
            name = f"({name}, {', '.join(self.pick(others) for _ in range(self.pick([1, 2, 4])))})"
            name += f"[{self.expression('int', 0)} % {name.count(',') + 1}]"
        return f"{name}({self.arguments(function, depth)})"

    def arguments(self, function, depth):
        kinds = list(function.kinds)
        required = len(kinds) - function.defaults
        count = self.random.randrange(required, len(kinds) + 1)
        words = [self.expression(kind, depth) for kind in kinds[:count]]
        named = []
        if self.chance(0.2):
            first = self.random.randrange(count + 1)
            named = [f"{name}={word}" for name, word in zip(function.names[first:], words[first:])]
            words = words[:first]
        elif self.chance(0.3 if function.more in ("*", "***") else 0.03):
            words.append(self.expression("int", 0))
        if words and self.chance(0.08):
            words[-1] = f"*({words[-1]},)"
        for name, kind in function.keywords:
            if self.chance(0.6):
                named.append(f"{name}={self.expression(kind, depth)}")
        if self.chance(0.4 if function.more.endswith("**") else 0.01):
            unknown = self.pick(["y", "z"] + ([] if named else function.names[:1]))
            named.append(f"{unknown}={self.expression('int', 0)}")
        self.random.shuffle(named)
        if self.chance(0.08):
            named.append("**{%s}" % ", ".join(f"'{word.replace('=', chr(39) + ': ', 1)}" for word in named))
            del named[:-1]
        return ", ".join(words + named)

    def int_expression(self, depth):
        e = self.expression
        match self.random.randrange(25):
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
            case 21 if self.may_generate():
                return self.taken(["sum({})", "sum({}, 3)", "len(set({}))", "len(frozenset({}))"], depth)
            case 22 | 23:
                return self.pick([
                    f"{e('list', depth)}.count({e('int', depth)})", f"{e('str', depth)}.find({e('str', 0)})", f"{e('str', depth)}.count({e('str', 0)})",
                    f"{e('dict', depth)}.setdefault({self.key(depth)}, {e('int', depth)})", f"{e('dict', depth)}.pop({self.key(depth)}, {e('int', 0)})",
                    f"divmod({e('int', depth)}, 7)[1]", f"hash(int({e('int', depth)}))", f"pow({e('int', 0)}, 2, 101)", f"{e('int', depth)}.bit_length()",
                    f"getattr({e('obj', depth)}, 'n', {e('int', 0)})", f"round({e('float', 0)})", f"ord({e('str', 0)}[:1])", f"{e('tuple', depth)}.index({e('int', 0)})",
                    f"list.pop({e('list', depth)})",
                ])
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
        match self.random.randrange(11):
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
            case 9 if self.may_generate():
                return self.taken(["any({})", "all({})"], depth)
            case 8:
                return f"isinstance({e(self.kind(), depth)}, {self.pick(['int', 'float', 'str', '(list, tuple)', 'bool'])})"
            case _:
                return f"bool({e(self.kind(), depth)})"

    def str_expression(self, depth):
        e = self.expression
        match self.random.randrange(12):
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
            case 9 if self.may_generate():
                return f"'-'.join({self.comprehension('(', ')', depth, 'str({})')})"
            case 10:
                return self.pick([
                    f"{e('str', depth)}.replace({e('str', 0)}, {e('str', 0)}, 3)", f"repr({e(self.kind(), depth)})", f"{e('str', depth)}.ljust({e('int', 0)} & 7)",
                    f"{e('str', depth)}.split(',', 1)[0]", f"str({e(self.kind(), depth)})", f"str.lower({e('str', depth)})", f"format({e('int', depth)}, 'x')",
                ])
            case _:
                return f"','.join([{e('str', depth)}, {e('str', depth)}])"

    def quoted(self, kind):
        names = self.variables(kind)
        return self.pick(names) if names else "7"

    def bound(self, depth):
        return self.pick(["", "0", "1", "-1", "2", self.expression("int", 0)])

    def list_expression(self, depth):
        e = self.expression
        match self.random.randrange(10):
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
            case 8 if self.may_generate():
                return self.taken(["list({})", "sorted({})", "[*{}]"], depth)
            case _:
                return f"cut({e('list', depth)})"

    def may_generate(self):
        # In the body of a class, it would not see the variables.
        return self.spice["comprehensions"] and self.affordable(8) and self.scope.flavor != "class"

    def taken(self, ways, depth):
        """What takes all items of a generator."""
        return self.pick(ways).format(self.comprehension("(", ")", depth))

    def comprehension(self, start, end, depth, item_form="{}"):
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
        item = item_form.format(item)
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
        match self.random.randrange(6):
            case 0 | 1 | 2:
                return "(" + "".join(e(self.kind(), depth) + ", " for _ in range(self.random.randrange(4))) + ")"
            case 3:
                return f"tuple({e('list', depth)})"
            case 4 if self.may_generate():
                return self.taken(["tuple({})"], depth)
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
            x = self.pick(["1.5", "2", "-0.0", "2**40", "True"])
            return f"{name}({self.pick(['', '', 'n=', f'x={x}, n='])}{self.expression('int', depth)})"
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
