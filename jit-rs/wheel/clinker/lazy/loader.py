"""Loads modules with their imports deferred. What is compiled, and the .pyc files of it, are those of stock."""

import sys
from importlib import _bootstrap
from importlib._bootstrap_external import (
    BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader,
    SourcelessFileLoader)

from clinker.lazy import deferrals
from clinker.lazy.builtin import BUILTINS
from clinker.lazy.policy import POLICY
from clinker.lazy.rewrite import rewrite

_FILE = "<frozen importlib._bootstrap_external>"


def _exec_module(self, module):
    code = self.get_code(module.__name__)
    namespace = deferrals.namespace_of(module)
    found = rewrite(code, deferrals.defers(module, BUILTINS)) if POLICY.concerns(code) else None
    deferred = deferrals.attach(module) if found is not None or deferrals.expected(module) else None
    if deferred is None:
        _bootstrap._call_with_frames_removed(exec, code, namespace)
        return
    statements = {}
    if found is not None:
        code, statements = found
        namespace["__builtins__"] = BUILTINS
    deferred.begin_of_body(statements)
    _bootstrap._call_with_frames_removed(exec, code, namespace)
    deferred.end_of_body()
    if module.__name__ == "inspect":
        deferrals.see_through(module)


# Tracebacks of failing imports leave frames of importlib out, and this one.
_exec_module.__code__ = _exec_module.__code__.replace(co_filename=_FILE)


class SourceLoader(SourceFileLoader):
    """As that of stock."""

    exec_module = _exec_module


class BytecodeLoader(SourcelessFileLoader):
    """As that of stock."""

    exec_module = _exec_module


class ExtensionLoader(ExtensionFileLoader):
    """As that of stock, but what the packages around it import before it is imported before it: C code needs no names."""

    def create_module(self, spec):
        parent = spec.parent
        while parent:
            deferred = deferrals.deferrals_of(sys.modules.get(parent))
            if deferred is not None:
                deferred.resolve_what_can_be()
            parent = parent.rpartition(".")[0]
        return super().create_module(spec)


def install():
    """Replaces the hook that finds files in folders: some programs look for the one that there is."""
    hook = FileFinder.path_hook((ExtensionLoader, EXTENSION_SUFFIXES), (SourceLoader, SOURCE_SUFFIXES),
                                (BytecodeLoader, BYTECODE_SUFFIXES))
    sys.path_hooks[:] = [other for other in sys.path_hooks if getattr(other, "__name__", "") != hook.__name__]
    sys.path_hooks.append(hook)
    if "inspect" in sys.modules:
        deferrals.see_through(sys.modules["inspect"])
    for path, finder in list(sys.path_importer_cache.items()):
        if type(finder) is FileFinder:
            del sys.path_importer_cache[path]
