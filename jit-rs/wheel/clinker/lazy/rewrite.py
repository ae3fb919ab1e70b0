"""Takes the import statements that can be deferred out of the code of a module.

In place of a statement, the code reads a name that exists nowhere: the builtins are asked for it, and defer the import.
The length of the code stays, and so do its lines and jumps.
"""

from _opcode_metadata import opmap

IMPORT_NAME = opmap["IMPORT_NAME"]
IMPORT_FROM = opmap["IMPORT_FROM"]
LOAD_CONST = opmap["LOAD_CONST"]
LOAD_NAME = opmap["LOAD_NAME"]
EXTENDED_ARG = opmap["EXTENDED_ARG"]
SWAP = opmap["SWAP"]
POP_TOP = opmap["POP_TOP"]
NOP = opmap["NOP"]
STORES = (opmap["STORE_NAME"], opmap["STORE_GLOBAL"])
DELETES = (opmap["DELETE_NAME"], opmap["DELETE_GLOBAL"])


class Statement:
    """An import statement: what is imported, and the path from there to the object of each name that it binds."""

    __slots__ = ("module", "level", "fromlist", "targets")

    def __init__(self, module, level, fromlist):
        self.module = module
        self.level = level
        self.fromlist = fromlist
        self.targets = []


def rewrite(code, defers):
    """The code without the statements that are deferred, and these by the names that stand for them; None if there are none."""
    raw = code.co_code
    opcodes = raw[::2]
    at = opcodes.find(IMPORT_NAME)
    # A module that answers for its own attributes is left as it is.
    if at < 0 or "__getattr__" in code.co_names:
        return None
    handled = _handled(code.co_exceptiontable)
    found = []
    while at >= 0:
        statement = _statement(code, raw, at)
        if statement is not None and not any(start <= at < stop for start, stop in handled) and defers(statement[2]):
            found.append(statement)
        at = opcodes.find(IMPORT_NAME, at + 1)
    bound = {name for _, _, statement in found for name, _ in statement.targets}
    deleted = _deleted(code, opcodes, DELETES, bound) if found else ()
    names = list(code.co_names)
    statements = {}
    made = bytearray(raw)
    for first, end, statement in found:
        if not any(name in deleted for name, _ in statement.targets):
            # No program can have such a name.
            name = f"import {len(statements)}"
            made[2 * first:2 * end] = _reading(len(names), end - first)
            names.append(name)
            statements[name] = statement
    if not statements:
        return None
    return code.replace(co_code=bytes(made), co_names=tuple(names)), statements


def _reading(index, length):
    """The instructions that read the name with this index, and no-ops."""
    made = bytearray((LOAD_NAME, index & 0xff, POP_TOP, 0))
    index >>= 8
    while index:
        made[:0] = bytes((EXTENDED_ARG, index & 0xff))
        index >>= 8
    # A statement has four instructions at least: enough for as many names as code can have.
    return made + bytes((NOP, 0)) * (length - len(made) // 2)


def _argument(raw, at):
    """The argument of an instruction, and where the instruction begins."""
    value = raw[2 * at + 1]
    shift = 8
    while at > 0 and raw[2 * at - 2] == EXTENDED_ARG:
        at -= 1
        value |= raw[2 * at + 1] << shift
        shift += 8
    return value, at


def _statement(code, raw, at):
    """The statement whose IMPORT_NAME is there, with its first instruction and the one behind it; None if it has to stay."""
    name, first = _argument(raw, at)
    constants = []
    for _ in range(2):
        if first == 0 or raw[2 * first - 2] != LOAD_CONST:
            return None
        index, first = _argument(raw, first - 1)
        constants.append(code.co_consts[index])
    fromlist, level = constants
    module = code.co_names[name]
    if module == "__future__":
        return None
    statement = Statement(module, level, fromlist)
    # What is on the stack, each as the path to it from what is imported.
    stack = [()]
    argument = 0
    while stack:
        at += 1
        opcode = raw[2 * at]
        argument = argument << 8 | raw[2 * at + 1]
        if opcode == EXTENDED_ARG:
            continue
        if opcode == IMPORT_FROM:
            stack.append((*stack[-1], code.co_names[argument]))
        elif opcode == SWAP and argument == 2 and len(stack) > 1:
            stack[-1], stack[-2] = stack[-2], stack[-1]
        elif opcode == POP_TOP:
            stack.pop()
        elif opcode in STORES:
            statement.targets.append((code.co_names[argument], stack.pop()))
        else:
            # A star import.
            return None
        argument = 0
    return (first, at + 1, statement) if statement.targets else None


def _handled(table):
    """The ranges of instructions in which something is done about exceptions: the bodies of try and with, and of handlers."""
    values = []
    value = 0
    for byte in table:
        # Six bits each, the first one of an entry marked by bit 7.
        value = value << 6 | byte & 0x3f
        if not byte & 0x40:
            values.append(value)
            value = 0
    return [(start, start + length) for start, length in zip(values[::4], values[1::4])]


def _deleted(code, opcodes, deletes, bound):
    """Those of the names of a module that its code deletes: only names that are there can be deleted."""
    found = set()
    for opcode in deletes:
        at = opcodes.find(opcode)
        while at >= 0:
            found.add(code.co_names[_argument(code.co_code, at)[0]])
            at = opcodes.find(opcode, at + 1)
    for constant in code.co_consts:
        if type(constant) is type(code):
            # Most code has none of the names, and its instructions need not be looked at.
            opcodes = b"" if bound.isdisjoint(constant.co_names) else constant.co_code[::2]
            found |= _deleted(constant, opcodes, DELETES[1:], bound)
    return found
