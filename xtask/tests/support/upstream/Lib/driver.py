"""Plays CPython 9.9 on another Python: what xtask asks an interpreter for, and code given with -c."""

import importlib
import importlib.util
import os
import runpy
import sys
import sysconfig

MAGIC = 3571
LACKS = None
builtin, executable, *arguments = sys.argv[1:]
prefix = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
library = os.path.dirname(os.path.realpath(__file__))

sys.prefix, sys.hexversion = prefix, 0x09090200
sys.path[:1] = []
os.__file__ = os.path.join(library, "os.py")
importlib.util.MAGIC_NUMBER = MAGIC.to_bytes(2, "little") + b"\r\n"
sysconfig.get_config_var = runpy.run_path(f"{library}/_sysconfigdata_fake.py")["build_time_vars"].get


def import_module(name):
    """Import, but for the module that LACKS names: which of them the machine's Python has does not matter."""
    if name == LACKS:
        raise ImportError(f"no {name}")


def make_venv(folder):
    os.makedirs(f"{folder}/bin")
    os.symlink(os.path.realpath(executable), f"{folder}/bin/python")


while arguments[:1] in (["-I"], ["-S"], ["-X"]):
    del arguments[: 2 if arguments[0] == "-X" else 1]
match arguments:
    case ["-c", code, *rest]:
        importlib.import_module = import_module
        sys.argv = ["-c", *rest]
        # It was started with -B, for the sake of this file.
        sys.dont_write_bytecode = False
        exec(code, {"__name__": "__main__", "builtin": int(builtin)})
    case ["-m", "venv", *_, folder]:
        make_venv(folder)
    case ["-m", "ensurepip" | "pip" as module, "--version"]:
        print(module, "1.0 from", library)
    case ["-m", "pip", *_]:
        sys.exit("ERROR: no index in tests")
    case ["-m", module, *rest]:
        sys.argv = [module, *rest]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    case [script, *rest]:
        sys.argv = [script, *rest]
        runpy.run_path(script, run_name="__main__")
