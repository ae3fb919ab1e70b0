"""One operation of dictionaries in a loop, for `cargo xtask bench instructions`:

    python dictionary.py OPERATION LOOPS

OPERATION is a function of this file with `_str` or `_int`, the kind of its 50 keys.
"""

import sys
import types

KEYS = {"str": [f"key_{number}" for number in range(50)], "int": list(range(1000, 1050))}
OTHER = {type(keys[0]): dict.fromkeys(keys, 0) for keys in KEYS.values()}


# A module with an import that is deferred where there is such a thing, and never needed.
BESIDE = types.ModuleType("beside")
exec("""
__lazy_modules__ = ["colorsys"]
import colorsys

factor = 2

def scale(number):
    return number

def read(keys):
    for key in keys:
        scale(factor)
        len(keys)
""", vars(BESIDE))
assert "colorsys" in getattr(sys, "lazy_modules", sys.modules)


def beside_deferred(table, keys):
    BESIDE.read(keys)
    for key in keys:
        BESIDE.factor


def get(table, keys):
    for key in keys:
        table[key]


def get_method(table, keys):
    for key in keys:
        table.get(key)


def get_missing(table, keys):
    empty = {keys[0]: None}
    for key in keys[1:]:
        empty.get(key)


def contains(table, keys):
    for key in keys:
        key in table


def overwrite(table, keys):
    for key in keys:
        table[key] = key


def fill(table, keys):
    new = {}
    for key in keys:
        new[key] = key


def setdefault(table, keys):
    for key in keys:
        table.setdefault(key, key)


def setdefault_new(table, keys):
    new = {}
    for key in keys:
        new.setdefault(key, key)


def delete(table, keys):
    new = table.copy()
    for key in keys:
        del new[key]


def pop(table, keys):
    new = table.copy()
    for key in keys:
        new.pop(key)


def popitem(table, keys):
    new = table.copy()
    while new:
        new.popitem()


def copy(table, keys):
    table.copy()


def update(table, keys):
    new = {keys[0]: None}
    new.update(table)


def merge(table, keys):
    {**table, keys[0]: None}


def equal(table, keys):
    table == OTHER[type(keys[0])]


def iterate(table, keys):
    for key in table:
        pass


def values(table, keys):
    for value in table.values():
        pass


def items(table, keys):
    for key, value in table.items():
        pass


def as_list(table, keys):
    list(table.values())
    list(table.items())


def main(name, loops):
    name, kind = name.rsplit("_", 1)
    operation = globals()[name]
    keys = KEYS[kind]
    table = dict.fromkeys(keys, 0)
    for _ in range(loops):
        operation(table, keys)


main(sys.argv[1], int(sys.argv[2]))
