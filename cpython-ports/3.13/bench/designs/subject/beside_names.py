"""Reads names: of its own, of the builtins and attributes of a module. An import is deferred beside them, and never needed."""

import sys

import colorsys

factor = 2


def own(rounds):
    for _ in rounds:
        factor; factor; factor; factor; factor; factor; factor; factor; factor; factor


def builtin(rounds):
    for _ in rounds:
        len; len; len; len; len; len; len; len; len; len


def attribute(rounds):
    module = sys.modules[__name__]
    for _ in rounds:
        module.factor; module.factor; module.factor; module.factor; module.factor
        module.factor; module.factor; module.factor; module.factor; module.factor


def call(rounds):
    for _ in rounds:
        identity(factor); identity(factor); identity(factor); identity(factor); identity(factor)


def identity(value):
    return value
