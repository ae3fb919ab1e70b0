"""What the server answers: functions of a number that return the same text each time, whatever is exchanged under them.

The server runs them compiled, while churn.py changes them; the clients run them in the interpreter, and compare.
"""

import collections
import contextlib
import dataclasses
import itertools
import json

# Changed all the time, by one thread.
FACTOR = 1
SEPARATOR = "-"
WORDS = "the compiler has to guess what the program does next and to be right most of the time".split()


class Shape:
    kind = "shape"

    def __init__(self, width, height):
        self.width = width
        self.height = height

    def area(self):
        return self.width * self.height

    @property
    def label(self):
        return f"{self.kind} {self.width}x{self.height}"

    def __eq__(self, other):
        return self.area() == other.area()

    def __lt__(self, other):
        return self.area() < other.area()

    def __add__(self, other):
        return Shape(self.width + other.width, self.height + other.height)


class Square(Shape):
    kind = "square"

    def __init__(self, width):
        super().__init__(width, width)


class Triangle(Shape):
    kind = "triangle"

    def area(self):
        return self.width * self.height / 2


@dataclasses.dataclass
class Account:
    owner: str
    balance: int = 0
    history: list = dataclasses.field(default_factory=list)

    def change(self, amount):
        if self.balance + amount < 0:
            raise Overdrawn(self.owner, self.balance, amount)
        self.balance += amount
        self.history.append(amount)


class Overdrawn(Exception):
    pass


class Template:
    """Text with {name}, {name|filter}, and {for name in names}...{end}."""

    filters = {"upper": str.upper, "size": len, "reversed": lambda text: text[::-1]}

    def __init__(self, text):
        pieces = iter(self.split(text))
        self.nodes = self.parse(pieces, False)

    def split(self, text):
        while text:
            before, brace, text = text.partition("{")
            if before:
                yield "text", before
            if brace:
                inside, _, text = text.partition("}")
                yield "tag", inside

    def parse(self, pieces, inside):
        nodes = []
        for kind, piece in pieces:
            if kind == "text":
                nodes.append(lambda context, piece=piece: piece)
            elif piece == "end":
                assert inside
                return nodes
            elif piece.startswith("for "):
                _, name, _, names = piece.split()
                nodes.append(self.loop(name, names, self.parse(pieces, True)))
            else:
                nodes.append(self.variable(*piece.split("|")))
        return nodes

    def variable(self, path, *filters):
        first, *rest = path.split(".")

        def render(context):
            value = context[first]
            for name in rest:
                value = value[name] if isinstance(value, dict) else getattr(value, name)
            for name in filters:
                value = self.filters[name](value)
            return str(value)
        return render

    def loop(self, name, names, nodes):
        def render(context):
            return "".join(node({**context, name: value}) for value in context[names] for node in nodes)
        return render

    def render(self, **context):
        return "".join(node(context) for node in self.nodes)


def as_json(number):
    data = {"number": number, "half": number / 2, "none": None, "yes": True,
            "rows": [{"id": row, "name": WORDS[row % len(WORDS)], "values": [row * column for column in range(6)]}
                     for row in range(number % 20 + 5)]}
    # With an indent it is encoded by Python.
    text = json.dumps(data, indent=1)
    again = json.loads(text)
    assert again == data
    return json.dumps(again, separators=(",", ":"), sort_keys=True)


def templates(number):
    template = Template("<h1>{title|upper}</h1>{for shape in shapes}<p>{shape.label} {shape.kind|reversed}</p>{end}"
                        "{for row in rows}<i>{row.name|size}: {row.name}</i>{end}")
    shapes = [Shape(number, row) for row in range(12)] + [Square(row) for row in range(5)]
    rows = [{"name": word} for word in WORDS[:number % 10 + 3]]
    return template.render(title=f"page {number}", shapes=shapes, rows=rows)


def dictionaries(number):
    counts = {}
    for index in range(150):
        word = WORDS[(index * number) % len(WORDS)]
        counts[word] = counts.get(word, 0) + index
    groups = collections.defaultdict(list)
    for word, count in counts.items():
        groups[len(word)].append((count, word))
    merged = {**counts, **{word.upper(): -count for word, count in counts.items()}}
    for word in list(merged):
        if merged[word] % 3 == 0:
            del merged[word]
    best = sorted(merged.items(), key=lambda item: (-item[1], item[0]))
    return f"{best[:8]} {sorted(groups.items())} {merged.setdefault('x', number)} {merged.pop('y', None)}"


def classes(number):
    class Local(Shape):
        kind = f"local {number % 3}"

        def __getitem__(self, index):
            return (self.width, self.height)[index]

        def __len__(self):
            return 2

    shapes = [kind(*arguments) for index in range(40)
              for kind, arguments in ((Shape, (index, number)), (Square, (index,)), (Triangle, (index, 3)),
                                      (Local, (number, index)))]
    total = sum(shape.area() for shape in shapes)
    same = sum(left == right for left, right in itertools.pairwise(shapes))
    smallest, largest = min(shapes), max(shapes)
    local = Local(number, 2)
    parts = [local[0], local[1], len(local), *local]
    added = (smallest + largest).label
    return f"{total} {same} {smallest.label} {largest.label} {added} {parts} {Local.kind}"


def generators(number):
    def counted(stop):
        done = yield from range(stop)
        return done

    def pairs(items):
        last = None
        for item in items:
            if last is not None:
                yield last, item
            last = item

    def mean():
        total = count = 0
        value = None
        while True:
            value = yield value
            total += value
            count += 1
            value = total / count

    averages = mean()
    next(averages)
    sent = [averages.send(value) for value in counted(number + 10)]
    averages.close()
    found = [left * right for left, right in pairs(value for value in range(100) if value % (number % 5 + 1) == 0)]
    first = next((value for value in found if value > number * 10), -1)
    # Another thread may change it between two looks.
    separator = SEPARATOR
    lines = separator.join(str(value) for value, _ in zip(found, range(10)))
    return f"{sent[-1]} {sum(found)} {first} {lines.replace(separator, '/')}"


def exceptions(number):
    accounts = [Account(word, index) for index, word in enumerate(WORDS)]
    log = []
    for index in range(80):
        account = accounts[index % len(accounts)]
        try:
            try:
                account.change((number * index) % 7 - 4)
            except Overdrawn as error:
                if error.args[1] > 2:
                    raise KeyError(account.owner) from error
                log.append(error.args[1])
            else:
                log.append("ok")
            finally:
                log.append(account.balance)
        except KeyError as error:
            log.append((error.args, type(error.__cause__).__name__, error.__traceback__.tb_lineno > 0))
    with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack() as stack:
        stack.callback(log.append, "left")
        log.append(1 // (number % 2))
    try:
        raise ExceptionGroup("several", [ValueError(number), TypeError("no")])
    except* ValueError as group:
        log.append(len(group.exceptions))
    except* TypeError:
        log.append("type")
    return repr(log)


def numbers(number):
    a, b, big, x = 1, 1, 1, 0.5
    for index in range(200):
        a, b = b, (a + b) % 1_000_003
        big = big * (index % 5 + 1) if index % 40 else 1
        x = x * 1.01 + (a & 0xFF) / (b | 1)
        if index % 3 == number % 3:
            a ^= index << 3
    return f"{a} {b} {big} {x!r} {number ** 20 % 1009}"


def scaled(number):
    """The factor that was valid, and what was made of it."""
    factor = FACTOR
    return f"{factor} {sum(value * factor for value in range(number))}"


ROUTES = {
    "json": as_json,
    "templates": templates,
    "dictionaries": dictionaries,
    "classes": classes,
    "generators": generators,
    "exceptions": exceptions,
    "numbers": numbers,
    "scaled": scaled,
}


def is_right(route, number, answer, known={}):
    """Whether an answer is what the interpreter of this process makes of the question."""
    if route == "scaled":
        factor, total = map(int, answer.split())
        return total == factor * (number * (number - 1) // 2)
    if (route, number) not in known:
        known[route, number] = ROUTES[route](number)
    return known[route, number] == answer
