"""The page of clinker.jit.inspect(): collects what is known of a code object, and puts it into inspector.html.

The page is one file that loads nothing. What comes from the program (names, sources, constants) is in it as JSON only, and the
script of the page makes text of it, never markup.
"""

import _jit
import base64
import builtins
import difflib
import dis
import hashlib
import json
import linecache
import opcode
import os
import re
import reprlib
import secrets
import stat
import string
import subprocess
import sys
import types
from clinker.jit import _disassembled

# How a page begins: a file that begins so can be replaced.
MARK = b"<!DOCTYPE html>\n<!-- made by clinker.jit.inspect -->\n"

# Where objects have their code object; a method has a function first.
_CODE = ("__code__", "gi_code", "cr_code", "ag_code", "f_code")

# Constants that are shown as they are written. What else a code object can be given may have any repr().
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))

# Classes without a name that native code often asks for.
_CLASSES = (types.FunctionType, types.GeneratorType, types.ModuleType, types.CellType, types.MethodType, type(iter(range(0))),
            type(iter([])), type(iter(())))

_ADDRESS = re.compile(r"0x[0-9a-f]{5,}")


def code_of(func):
    """The code object of a function or of something else that has one."""
    func = func.__func__ if isinstance(func, (types.MethodType, classmethod, staticmethod)) else func
    if isinstance(func, types.CodeType):
        return func
    for name in _CODE:
        code = getattr(func, name, None)
        if isinstance(code, types.CodeType):
            return code
    raise TypeError(f"inspect expected a function, method, generator, coroutine, frame or code object, "
                    f"received '{type(func).__name__}' object")


def page(code, func, is_started):
    """The text of the page."""
    known = json.loads(_jit._inspect(code)) if is_started else None
    data = {
        "name": code.co_qualname,
        "file": code.co_filename,
        "line": code.co_firstlineno,
        "source": _source(code, func),
        "state": _state(known),
        "bytecode": _bytecode(code, known),
        "entries": [],
        "retired": [],
    }
    if known is not None:
        symbols = _symbols(code, known)
        data["entries"] = [_entry(code, entry, symbols) for entry in known["entries"]]
        data["retired"] = [_machine(code, machine, symbols, lines=False) for machine in known["retired"]]
    # Neither can end the element, and nothing else is special in it.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    style, script = _jit._source("inspector.css"), _jit._source("inspector.js")
    template = string.Template(_jit._source("inspector.html"))
    return template.substitute(style=style, style_hash=_hash(style), script=script, script_hash=_hash(script), data=text)


def write(text, path):
    """Write a page: all of it or nothing."""
    path = os.path.realpath(path)
    try:
        with open(path, "rb", opener=_open_existing) as file:
            is_page = stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read(len(MARK)) == MARK
    except FileNotFoundError:
        pass
    else:
        if not is_page:
            raise FileExistsError(17, "File exists, and is no page that inspect has written", os.fsdecode(path))
    suffix = f".{secrets.token_hex(8)}.tmp"
    beside = os.path.join(os.path.dirname(path), os.fsencode(suffix) if isinstance(path, bytes) else suffix)
    try:
        with open(beside, "xb") as file:
            file.write(text.encode())
        os.replace(beside, path)
    except BaseException:
        try:
            os.unlink(beside)
        except OSError:
            pass
        raise


def _open_existing(path, flags):
    # Not to wait for somebody who writes to a pipe.
    return os.open(path, flags | os.O_NONBLOCK)


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _last_line(code):
    lines = [line for _, _, line in code.co_lines() if line is not None]
    inner = [_last_line(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return max([code.co_firstlineno, *lines, *inner])


def _source(code, func):
    """Rows of a line number and the text; the text is None if there is no source."""
    linecache.checkcache(code.co_filename)
    text = linecache.getlines(code.co_filename, getattr(func, "__globals__", None))
    first, last = max(code.co_firstlineno, 1), _last_line(code)
    if code.co_name == "<module>" and text:
        first, last = 1, len(text)
    if first > len(text):
        numbers = {line for _, _, line in code.co_lines() if line}
        return [[number, None] for number in sorted(numbers)]
    # A closing bracket or two belong to it as well.
    indent = len(text[first - 1]) - len(text[first - 1].lstrip())
    while last < len(text) and re.match(rf"\s{{{indent}}}\s*[)\]}}]+\s*$", text[last]):
        last += 1
    return [[number, text[number - 1].rstrip("\r\n")] for number in range(first, min(last, len(text)) + 1)]


def _state(known):
    if known is None:
        return None
    state = {key: known[key] for key in ("mode", "hindrance", "calls", "loops", "microseconds", "lessons", "unreadable")}
    handlers = state["lessons"]["handlers"]
    state["lessons"]["handlers"] = handlers and [2 * offset for offset in handlers]
    return state


def _bytecode(code, known):
    """The instructions, by dis, with what the compiler knows of each."""
    feedback = {row["offset"]: row for row in known["instructions"]} if known else {}
    rows = []
    for instr in dis.get_instructions(code):
        if instr.opname == "EXTENDED_ARG":
            continue
        row = {"start": instr.start_offset, "offset": instr.offset, "line": instr.line_number, "opcode": instr.opname,
               "argument": instr.argrepr or ("" if instr.arg is None else str(instr.arg)), "target": instr.is_jump_target}
        if not _is_plain_argument(instr):
            row["argument"] = f"<{type(instr.argval).__name__}>"
        if instr.jump_target is not None:
            row["argument"] = f"to {instr.jump_target}"
        if known := feedback.get(instr.offset // 2):
            row |= {"specialized": known["specialized"], "cache": _cache(known), "unseen": known["unseen"],
                    "notes": known["notes"]}
        rows.append(row)
    return rows


def _is_plain_argument(instr):
    return instr.opcode not in opcode.hasconst or _is_plain(instr.argval)


def _is_plain(const):
    if type(const) in (tuple, frozenset):
        return all(map(_is_plain, const))
    return type(const) in _PLAIN or type(const) is types.CodeType


def _cache(known):
    """The words of an inline cache, under the names that the interpreter gives to them."""
    words, parts = known["cache"], []
    for name, size in opcode._cache_format.get(known["opcode"], {}).items():
        parts.append([name, " ".join(f"{word:04x}" for word in words[:size])])
        words = words[size:]
    return parts


def _symbols(code, known):
    """What addresses in native code and in its representation stand for."""
    symbols = dict(known["symbols"])
    symbols |= {hex(id(cls)): cls.__name__ for cls in _CLASSES}
    symbols |= {hex(id(value)): name for name, value in vars(builtins).items() if type(name) is str}
    for name in code.co_names:
        symbols[hex(id(name))] = f"name {name}"
    short = reprlib.Repr(maxstring=60, maxother=60)
    for const in code.co_consts:
        symbols.setdefault(hex(id(const)), short.repr(const) if _is_plain(const) else f"<{type(const).__name__}>")
    for instruction in known["instructions"]:
        symbols[hex(known["address"] + 2 * instruction["offset"])] = f"instruction {2 * instruction['offset']}"
    symbols[hex(id(code))] = "this code object"
    return symbols


def _named(text, symbols):
    """What the addresses in a line stand for, as far as that is known."""
    found = [symbols[address] for address in _ADDRESS.findall(text) if address in symbols]
    return ", ".join(dict.fromkeys(found))


def _entry(code, entry, symbols):
    machine = entry["machine"] and _machine(code, entry["machine"], symbols)
    return {"offset": 2 * entry["offset"], "is_loop": entry["is_loop"], "pending": entry["pending"],
            "refusal": entry["refusal"], "reason": entry["reason"], "machine": machine,
            "stages": _stages(entry["stages"], symbols)}


def _stages(stages, symbols):
    """The representation at each stage, as rows: how it differs from the stage before, the text, where it belongs to."""
    shown, before = [], None
    for stage in stages:
        lines = stage["text"].splitlines()
        places = [[_bytes(origin["at"]), _bytes(origin["guess"])] for origin in stage["origins"]]
        now = list(zip(lines, places))
        rows = []
        for mark, (text, (at, guess)) in _differences(now if before is None else before, now):
            rows.append([mark, text, at, guess, _named(text, symbols)])
        shown.append({"title": stage["title"], "rows": rows})
        before = now
    return shown


def _differences(before, now):
    matcher = difflib.SequenceMatcher(None, [text for text, _ in before], [text for text, _ in now])
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield from (("-", row) for row in before[start:end])
        mark = " " if tag == "equal" else "+"
        yield from ((mark, row) for row in now[new_start:new_end])


def _bytes(offset):
    return None if offset is None else 2 * offset


def _machine(code, machine, symbols, lines=True):
    exits = [_exit(index, left) for index, left in enumerate(machine["exits"])]
    symbols = symbols | {hex(left["address"]): f"exit {index}" for index, left in enumerate(machine["exits"])}
    shown = {"offset": 2 * machine["offset"], "is_loop": machine["is_loop"], "is_entered": machine["is_entered"],
             "resumes": [2 * offset for offset in machine["resumes"]], "size": len(machine["bytes"]) // 2,
             "address": hex(machine["address"]), "exits": exits}
    if lines:
        shown["rows"], shown["problem"] = _machine_rows(machine, symbols)
    return shown


def _exit(index, left):
    kind = left["kind"]
    handler = kind.get("handler") if isinstance(kind, dict) else None
    return {"index": index, "offset": 2 * left["offset"], "kind": "handler" if handler is not None else kind,
            "handler": _bytes(handler), "times": left["times"], "inlined": left["inlined"]}


def _machine_rows(machine, symbols):
    """Rows of an address, the text, the offset of the instruction that it belongs to, what addresses in it stand for."""
    code, address, problem = bytes.fromhex(machine["bytes"]), machine["address"], None
    # The last span is that of the data behind the code.
    end = machine["spans"][-1][0] if machine["spans"] else len(code)
    words = range(-(-end // 8) * 8, len(code), 8)
    data = [(address + start, int.from_bytes(code[start:start + 8], sys.byteorder)) for start in words]
    symbols = symbols | {hex(where): symbols.get(hex(value), hex(value)) for where, value in data}
    try:
        lines = [line.split("\t") for line in _disassembled(code[:end], address)]
        found = [(int(parts[0].strip(" :"), 16), " ".join("\t".join(parts[2:]).split())) for parts in lines]
    except (OSError, subprocess.SubprocessError) as error:
        problem = f"Bytes only, since the program objdump, of binutils, cannot be run: {error}"
        found = [(address + start, code[start:min(start + 16, end)].hex(" ")) for start in range(0, end, 16)]
    spans, rows, at = iter(machine["spans"]), [], None
    following = next(spans, None)
    for where, text in found:
        while following is not None and following[0] <= where - address:
            at, following = following[1], next(spans, None)
        rows.append([hex(where), text, _bytes(at), _named(text, symbols)])
    rows += [[hex(where), f"data {value:#018x}", None, symbols.get(hex(value), "")] for where, value in data]
    return rows, problem
