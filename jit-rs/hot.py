"""Writes the linker script that puts the functions of the archive that run next to each other.

    python3 hot.py PYTHON CALLGRIND_OUT ... > hot.ld

Most of Cranelift never runs here. The system maps code in pieces of 64 KiB: if what runs is scattered over all of it, all of
it is in memory. The outputs are those of `valgrind --tool=callgrind --smc-check=all PYTHON -X jit=auto,after=300 PROGRAM`, for a program that
does nothing and benchmarks.
A function that is missing in the script, or that is not there any more, costs a piece more and nothing else.
"""

import collections
import re
import subprocess
import sys

# This crate changes often, and runs nearly all.
OWN = ["background", "build", "client", "clock", "code", "codegen", "compiler", "exceptions", "feedback", "hir", "history", "job", "material", "memory", "passes", "reclaim", "runtime", "snapshot"]

HEAD = """\
/* What runs of the archive; written by hot.py, which says how. */

SECTIONS
{
  .text.hot.clinker :
  {
"""

TAIL = """\
  }
}
INSERT AFTER .text;
"""


def executed(path):
    """The demangled names of the functions that ran."""
    names, ran = {}, set()
    with open(path, errors="replace") as file:
        for line in file:
            if found := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line):
                called, number, name = found.groups()
                if name:
                    names[number] = re.sub(r"'\d+$", "", name.strip())
                if not called:
                    ran.add(number)
    return {names[number] for number in ran}


def symbols(python):
    """The Rust functions of an interpreter: pairs of the mangled and the demangled name."""
    lines = subprocess.run(["nm", python], capture_output=True, text=True, check=True).stdout.splitlines()
    mangled = [line.split()[-1] for line in lines if re.match(r"\w+ [tTwW] (_ZN|_R)", line)]
    demangled = subprocess.run(["c++filt"], input="\n".join(mangled), capture_output=True, text=True, check=True).stdout
    return zip(mangled, demangled.splitlines(), strict=True)


def without_hash(name):
    return re.sub(r"::h[0-9a-f]{16}$", "", name)


def pattern(mangled):
    """The name of a symbol in any build: without what compilers and versions of crates change."""
    mangled = re.sub(r"17h[0-9a-f]{16}E$", "17h*E", mangled)
    return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", mangled)


def main():
    python, *outputs = sys.argv[1:]
    ran = collections.Counter(name for output in outputs for name in {without_hash(name) for name in executed(output)})
    # What runs in most programs comes first.
    patterns = {f"_ZN11clinker_jit{len(name)}{name}*": 0 for name in OWN}
    for mangled, demangled in symbols(python):
        times = ran[without_hash(demangled)]
        if times > 0 and not mangled.startswith("_ZN11clinker_jit"):
            patterns[pattern(mangled)] = times
    print(HEAD, end="")
    for name in sorted(patterns, key=lambda name: (-patterns[name], name)):
        print(f"    *(.text*.{name})")
    print(TAIL, end="")


main()
