"""Makes a program smaller as long as it stays interesting."""

import ast
import copy


def compiles(tree):
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        compile(text, "<fuzz>", "exec")
    except (SyntaxError, ValueError, RecursionError, AttributeError, TypeError):
        return None
    return text


def bodies(tree):
    """All lists of statements."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and statements:
                yield statements


def expressions(tree):
    """All places with an expression, as (node, field, index or None)."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                yield node, field, None
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        yield node, field, index


def get(place):
    node, field, index = place
    return getattr(node, field) if index is None else getattr(node, field)[index]


def put(place, value):
    node, field, index = place
    if index is None:
        setattr(node, field, value)
    else:
        getattr(node, field)[index] = value


class Shrinker:
    def __init__(self, text, interesting, progress=lambda text: None):
        self.interesting = interesting
        self.progress = progress
        self.tree = ast.parse(text)
        self.text = text
        self.tried = {text}

    def accept(self, tree):
        text = compiles(tree)
        if text is None or text in self.tried:
            return False
        self.tried.add(text)
        if not self.interesting(text):
            return False
        self.tree, self.text = ast.parse(text), text
        self.progress(text)
        return True

    def remove_statements(self):
        """Removes runs of statements, long ones first."""
        changed = False
        number = 0
        while number < len(list(bodies(self.tree))):
            size = len(list(bodies(self.tree))[number])
            while size > 0:
                start = 0
                while True:
                    tree = copy.deepcopy(self.tree)
                    lists = list(bodies(tree))
                    if number >= len(lists) or start >= len(lists[number]):
                        break
                    del lists[number][start:start + size]
                    if self.accept(tree):
                        changed = True
                    else:
                        start += size
                size //= 2
            number += 1
        return changed

    def flatten(self):
        """Puts what a compound statement has in it in its place."""
        changed = False
        number = 0
        while number < len(list(bodies(self.tree))):
            index = 0
            while True:
                lists = list(bodies(self.tree))
                if number >= len(lists) or index >= len(lists[number]):
                    break
                statement = lists[number][index]
                if hasattr(statement, "body") and not isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                    for field in ("body", "orelse", "finalbody"):
                        inner = getattr(statement, field, None)
                        if not inner:
                            continue
                        tree = copy.deepcopy(self.tree)
                        target = list(bodies(tree))[number]
                        target[index:index + 1] = getattr(target[index], field)
                        if self.accept(tree):
                            changed = True
                            break
                    else:
                        index += 1
                else:
                    index += 1
            number += 1
        return changed

    def simplify_expressions(self):
        changed = False
        number = 0
        while True:
            places = list(expressions(self.tree))
            if number >= len(places):
                return changed
            old = get(places[number])
            candidates = []
            if not isinstance(old, (ast.Constant, ast.Name)):
                candidates += [child for child in ast.iter_child_nodes(old) if isinstance(child, ast.expr)]
            if isinstance(old, (ast.List, ast.Tuple)) and isinstance(getattr(old, "ctx", None), ast.Load):
                for index in range(len(old.elts)):
                    fewer = copy.deepcopy(old)
                    del fewer.elts[index]
                    candidates.append(fewer)
            if isinstance(old, ast.Call):
                for index in range(len(old.args)):
                    fewer = copy.deepcopy(old)
                    del fewer.args[index]
                    candidates.append(fewer)
            if isinstance(old, ast.Constant) and type(old.value) is int and old.value > 2:
                candidates += [ast.Constant(old.value // 2), ast.Constant(old.value - 1)]
            elif not isinstance(old, ast.Constant) and isinstance(getattr(old, "ctx", ast.Load()), ast.Load):
                candidates += [ast.Constant(0), ast.Constant(1)]
            for candidate in candidates:
                tree = copy.deepcopy(self.tree)
                put(list(expressions(tree))[number], copy.deepcopy(candidate))
                if self.accept(tree):
                    changed = True
                    break
            else:
                number += 1

    def remove_parameters(self):
        changed = False
        number = 0
        while True:
            functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.arguments)]
            if number >= len(functions):
                return changed
            for field in ("kwonlyargs", "args"):
                if getattr(functions[number], field):
                    tree = copy.deepcopy(self.tree)
                    arguments = [node for node in ast.walk(tree) if isinstance(node, ast.arguments)][number]
                    getattr(arguments, field).pop()
                    if field == "args" and len(arguments.defaults) > len(arguments.args):
                        arguments.defaults.pop()
                    elif field == "kwonlyargs":
                        arguments.kw_defaults.pop()
                    if self.accept(tree):
                        changed = True
                        break
            else:
                number += 1

    def run(self):
        while self.remove_statements() | self.flatten() | self.simplify_expressions() | self.remove_parameters():
            pass
        return self.text


def shrink(text, interesting, progress=lambda text: None):
    """The smallest program found for which `interesting` is true, as it is for `text`."""
    return Shrinker(text, interesting, progress).run()
