"""Changes programs at random: the second source of programs of the fuzzer."""

import ast
import copy

from shrink import bodies, compiles, expressions, get, put
from values import FLOATS, INTS, STRINGS

BINARY = [ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Div]
COMPARE = [ast.Lt, ast.LtE, ast.Eq, ast.NotEq, ast.Gt, ast.GtE]


def parse(text):
    return ast.parse(text, mode="eval").body


def is_loaded(node):
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def change(tree, random, donor):
    """Makes one change; returns whether it did."""
    places = [place for place in expressions(tree) if is_loaded(get(place))]
    lists = [statements for statements in bodies(tree) if isinstance(statements[0], ast.stmt)]
    if not places or not lists:
        return False
    place = random.choice(places)
    node = get(place)
    statements = random.choice(lists)
    index = random.randrange(len(statements))
    match random.randrange(12):
        case 0 | 1:
            put(place, parse(random.choice(INTS + FLOATS + STRINGS + ["None", "True", "[]", "()", "{}"])))
        case 2 | 3:
            for inner in ast.walk(tree):
                if isinstance(inner, ast.BinOp) and random.random() < 0.2:
                    inner.op = random.choice(BINARY)()
                    return True
                if isinstance(inner, ast.Compare) and random.random() < 0.2:
                    inner.ops[0] = random.choice(COMPARE)()
                    return True
            return False
        case 4:
            names = [inner.id for inner in ast.walk(tree) if isinstance(inner, ast.Name)]
            if not isinstance(node, ast.Name):
                return False
            put(place, ast.Name(random.choice(names), ast.Load()))
        case 5:
            put(place, copy.deepcopy(get(random.choice(places))))
        case 6:
            del statements[index]
            if not statements:
                statements.append(ast.Pass())
        case 7:
            statements.insert(random.randrange(len(statements) + 1), copy.deepcopy(statements[index]))
        case 8:
            other = [inner for inner in bodies(donor) if isinstance(inner[0], ast.stmt)]
            statements.insert(index, copy.deepcopy(random.choice(random.choice(other))))
        case 9:
            handler = ast.ExceptHandler(parse("Exception"), "error", [ast.parse("show(error)").body[0]])
            statements[index] = ast.Try([statements[index]], [handler], [], [])
        case 10:
            loop = ast.parse(f"for again in range({random.choice([2, 3, 20])}): pass").body[0]
            loop.body = [statements[index]]
            statements[index] = loop
        case _:
            statements[index] = ast.If(copy.deepcopy(node), [statements[index]], [])
    return True


def mutate(text, donor, random):
    """A changed program, or None if none that compiles was found."""
    donor = ast.parse(donor)
    for _ in range(20):
        tree = ast.parse(text)
        for _ in range(random.randrange(1, 6)):
            change(tree, random, donor)
        changed = compiles(tree)
        if changed is not None and changed != text:
            return changed
    return None
