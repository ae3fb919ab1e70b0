"""What is known where a line of a random program is written."""


class Function:
    """What callers know of a function of the program."""

    def __init__(self, name, kinds, result, cost, flavor="function", defaults=0, keywords=(), names=(), more=""):
        self.name = name
        self.kinds = kinds
        self.result = result
        self.cost = cost
        self.flavor = flavor
        self.defaults = defaults
        self.keywords = keywords
        self.names = names              # of the parameters by position
        self.more = more                # "*" and "**", as it takes them


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


class Writer:
    """Chooses, counts and writes lines."""

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
