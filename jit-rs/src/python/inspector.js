"use strict";
// Shows the data of the page. All of it may come from hostile programs: it gets into the document as text only.

const data = JSON.parse(document.getElementById("data").textContent);

// What is selected: an entry and a stage by their index; a line, or an instruction by its offset.
const chosen = { entry: 0, stage: null, line: null, at: null };

const byOffset = new Map();
for (const row of data.bytecode) {
  byOffset.set(row.start, row);
  byOffset.set(row.offset, row);
}
const lines = [...new Set(data.bytecode.map((row) => row.line).filter((line) => line !== null))].sort((a, b) => a - b);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function link(text, choice) {
  return element("a", { href: "#" + new URLSearchParams(choice) }, text);
}

function number(value) {
  return value.toLocaleString("en");
}

function count(value, what) {
  return `${number(value)} ${what}${value === 1 ? "" : "s"}`;
}

// The offset of the opcode of the instruction that begins, or whose opcode is, at an offset.
function opcodeAt(offset) {
  return byOffset.get(offset)?.offset ?? offset;
}

function lineAt(offset) {
  return byOffset.get(offset)?.line ?? null;
}

function opcodeName(row) {
  return row === undefined ? "?" : row.specialized ?? row.opcode;
}

// A row of a pane, which belongs to a line and to an instruction if it has one.
function row(offset, line, ...children) {
  const made = element("div", { className: "row" }, ...children);
  if (offset !== null) {
    made.dataset.at = opcodeAt(offset);
    line = lineAt(offset);
  }
  if (line !== null) {
    made.dataset.line = line;
  }
  return made;
}

function gutter(...children) {
  return element("span", { className: "at" }, ...children);
}

function offsetLink(offset) {
  return gutter(offset === null ? null : link(String(opcodeAt(offset)), { at: opcodeAt(offset) }));
}

function soft(text) {
  return element("span", { className: "soft" }, text);
}

function fill(id, rows, empty) {
  const pane = document.querySelector(`#${id} .pane`);
  const content = rows.length ? element("div", { className: "rows" }, ...rows) : element("p", { className: "empty" }, empty);
  pane.replaceChildren(content);
  pane.scrollTop = 0;
}

// The parts of the page

function showSource() {
  const known = new Set(lines);
  const rows = data.source.map(([line, text]) =>
    row(null, line, gutter(known.has(line) ? link(String(line), { line }) : String(line)),
      text === null ? soft("(no source)") : text || " "));
  fill("source", rows, "There is no source, and no line is known.");
}

function cacheText(cache) {
  return cache.map(([name, words]) => `${name} ${words}`).join(" · ");
}

function showBytecode() {
  const rows = data.bytecode.map((instruction) => {
    const name = opcodeName(instruction);
    const base = name === instruction.opcode ? null : soft(`  was ${instruction.opcode}`);
    const notes = element("div", { className: "notes" });
    if (instruction.cache?.length) {
      notes.append(element("div", {}, "cache: " + cacheText(instruction.cache)));
    }
    for (const note of instruction.notes ?? []) {
      notes.append(element("div", {}, note));
    }
    if (instruction.unseen) {
      notes.append(element("div", { className: "warn" }, "not executed often enough: native code is left here, unless all is compiled"));
    }
    const made = row(instruction.offset, null, offsetLink(instruction.offset),
      element("div", { className: "instruction" }, element("span", { className: "opcode" }, name), ` ${instruction.argument}`, base,
        notes.firstChild ? notes : null));
    made.classList.toggle("target", instruction.target);
    return made;
  });
  fill("bytecode", rows, "There is no bytecode.");
}

function entryTitle(entry) {
  const line = lineAt(entry.offset);
  const where = line === null ? `at ${entry.offset}` : `line ${line}, at ${entry.offset}`;
  return entry.is_loop ? `loop back from ${where}` : `start (${where})`;
}

function showEntries() {
  const links = data.entries.map((entry, index) => {
    const state = entry.machine ? "" : entry.pending ? ", being compiled" : ", not compiled";
    const made = link(entryTitle(entry) + state, { entry: index });
    if (index === chosen.entry) {
      made.setAttribute("aria-current", "true");
    }
    return made;
  });
  document.getElementById("entries").replaceChildren(...(links.length > 1 ? links : []));
}

function showStages(entry) {
  const links = entry.stages.map((stage, index) => {
    const marks = stage.rows.map(([mark]) => mark);
    const changes = ["+", "-"].map((sign) => sign.replace("-", "−") + marks.filter((mark) => mark === sign).length);
    const made = link(stage.title + (index ? ` (${changes.join(" ")})` : ""), { stage: index });
    if (index === chosen.stage) {
      made.setAttribute("aria-current", "true");
    }
    return made;
  });
  document.getElementById("stages").replaceChildren(...links);
}

function showHir(entry) {
  const stage = entry?.stages[chosen.stage];
  const notes = [];
  if (entry?.machine) {
    notes.push("What would be compiled now: the native code was made earlier, when less or other things were known.");
  } else if (entry) {
    notes.push("This entry is not compiled: here is what would be compiled now.");
  }
  if (entry?.reason) {
    notes.push(`It would be refused: ${entry.reason}.`);
  }
  document.getElementById("hir-note").textContent = notes.join(" ");
  let before = null;
  const rows = (stage?.rows ?? []).map(([mark, text, at, , name]) => {
    const isHead = !text.startsWith(" ");
    const shown = at === before ? null : at;
    before = isHead ? null : at;
    const made = row(at, null, offsetLink(isHead ? null : shown),
      element("span", { className: "mark" }, mark.replace("-", "−")), text.replace(/^    /, "  "), name ? soft(`  ; ${name}`) : null);
    made.classList.toggle("plus", mark === "+");
    made.classList.toggle("minus", mark === "-");
    made.classList.toggle("head", isHead);
    return made;
  });
  fill("hir", rows, "There is no representation" + (entry?.reason ? `: ${entry.reason}.` : "."));
}

function showMachine(entry) {
  const machine = entry?.machine;
  const notes = [];
  if (machine) {
    notes.push(`${count(machine.size, "byte")} at ${machine.address}.`);
    if (!machine.is_entered) {
      notes.push("The interpreter does not enter it now.");
    }
    if (machine.resumes.length) {
      notes.push(`It is entered at ${machine.resumes.join(", ")} as well.`);
    }
    if (machine.problem) {
      notes.push(machine.problem);
    }
  }
  document.getElementById("machine-note").textContent = notes.join(" ");
  let before = null;
  const rows = (machine?.rows ?? []).map(([address, text, at, name]) => {
    const shown = at === before ? null : at;
    before = at;
    return row(at, null, offsetLink(shown), soft(address + "  "), text, name ? soft(`  ; ${name}`) : null);
  });
  const why = entry?.refusal ? `: ${entry.refusal}.` : entry?.pending ? ": it is being compiled." : ".";
  fill("machine", rows, "There is no native code" + why);
}

const KINDS = {
  guess: "a guess was wrong",
  raise: "an exception without a handler here",
  handler: "an exception, whose handler is not compiled",
  other: "the interpreter goes on",
};

function exitTable(exits, guesses) {
  const head = ["exit", "taken", "line", "instruction", "why", "guesses there now"];
  const rows = exits.map((exit) => {
    const line = lineAt(exit.offset);
    const why = KINDS[exit.kind] + (exit.kind === "handler" ? `: ${exit.handler}` : "");
    const inside = exit.inlined.length ? soft(` in ${exit.inlined.join(" in ")}`) : null;
    const made = element("tr", {},
      element("td", { className: "number" }, String(exit.index)),
      element("td", { className: "number" }, number(exit.times)),
      element("td", { className: "number" }, line === null ? "" : link(String(line), { line })),
      element("td", { className: "code" }, link(String(opcodeAt(exit.offset)), { at: opcodeAt(exit.offset) }),
        ` ${opcodeName(byOffset.get(exit.offset))}`, inside),
      element("td", {}, why),
      element("td", { className: "code" }, exit.kind === "guess" ? (guesses.get(exit.offset) ?? []).join("; ") : ""));
    made.dataset.at = opcodeAt(exit.offset);
    made.dataset.line = line ?? "";
    return made;
  });
  const titles = head.map((title, index) => element("th", { scope: "col", className: index < 3 ? "number" : "" }, title));
  return element("div", { className: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows)));
}

function taken(exits) {
  return exits.filter((exit) => exit.times > 0).sort((one, other) => other.times - one.times);
}

function showExits(entry) {
  const body = document.querySelector("#exits .body");
  body.replaceChildren();
  const guesses = new Map();
  for (const [mark, text, , guess] of entry?.stages.at(-1)?.rows ?? []) {
    if (guess !== null && mark !== "-") {
      guesses.set(guess, [...(guesses.get(guess) ?? []), text.trim().replace(/ @.*$/, "")]);
    }
  }
  const exits = entry?.machine?.exits ?? [];
  const used = taken(exits);
  const unused = exits.filter((exit) => exit.times === 0);
  body.append(element("p", { className: "note" }, exits.length
    ? `Where the native code of this entry can be left: ${count(used.length, "exit")} of ${exits.length} taken. Of a loop, what kept ` +
      "it from being entered is counted anew each time it is."
    : "There is no native code that could be left."));
  if (used.length) {
    body.append(exitTable(used, guesses));
  }
  if (unused.length) {
    body.append(element("details", {}, element("summary", {}, `${count(unused.length, "exit")} not taken`), exitTable(unused, guesses)));
  }
  for (const machine of data.retired) {
    const left = taken(machine.exits);
    const title = `Native code that is not entered any more: ${entryTitle(machine)}, ${count(machine.size, "byte")}, ` +
      `${count(left.length, "exit")} taken`;
    body.append(element("details", {}, element("summary", {}, title), left.length ? exitTable(left, new Map()) : ""));
  }
}

function showSummary() {
  const summary = document.getElementById("summary");
  const say = (className, ...children) => summary.append(element("p", { className }, ...children));
  const state = data.state;
  if (state === null) {
    say("alert", "Nothing can be compiled: -X jit=0 or PYTHON_JIT=0 forbids it, or the compiler has been turned off.");
    return;
  }
  const compiled = data.entries.filter((entry) => entry.machine?.is_entered);
  if (data.entries.some((entry) => entry.pending)) {
    say("alert", "Being compiled by another thread.");
  }
  if (!compiled.length) {
    say("alert", "Not compiled. What is shown is what would be compiled now.");
  }
  if (state.hindrance) {
    say("alert", `It is not compiled now: ${state.hindrance}.`);
  }
  if (state.unreadable) {
    say("alert", `Its bytecode cannot be compiled: ${state.unreadable}.`);
  }
  for (const entry of data.entries.filter((entry) => entry.refusal)) {
    say("alert", `Refused, ${entryTitle(entry)}: ${entry.refusal}.`);
  }
  const size = data.entries.reduce((sum, entry) => sum + (entry.machine?.size ?? 0), 0);
  say("", `${count(compiled.length, "entry").replace("entrys", "entries")} compiled, ${count(size, "byte")} of native code; compiling took ` +
    `${(state.microseconds / 1000).toFixed(1)} ms. Mode ${state.mode}. ${count(state.calls, "call")} interpreted.`);
  for (const loop of state.loops.filter((loop) => loop.trips > 0)) {
    say("", "Loop back from line ", link(String(loop.line), { line: loop.line }), `: ${count(loop.trips, "trip")} interpreted.`);
  }
  const lessons = state.lessons;
  const learned = [];
  if (lessons.refutations) {
    learned.push(`compiled again with fewer guesses: ${lessons.refutations}×`);
  }
  if (lessons.discoveries) {
    learned.push(`compiled again since something was executed that had not been: ${lessons.discoveries}×`);
  }
  if (lessons.generic) {
    learned.push("no guess is made any more");
  }
  if (lessons.whole) {
    learned.push("what has not been executed is compiled as well");
  }
  if (lessons.handlers === null) {
    learned.push("all handlers of exceptions are compiled");
  } else if (lessons.handlers.length) {
    learned.push(`handlers that are compiled: ${lessons.handlers.join(", ")}`);
  }
  if (learned.length) {
    say("", `What native code has taught: ${learned.join("; ")}.`);
  }
}

// What is selected

function highlight() {
  const line = chosen.at === null ? chosen.line : lineAt(chosen.at);
  for (const part of document.querySelectorAll(".row, tbody tr")) {
    const isSource = part.closest("#source") !== null;
    const isOn = chosen.at === null || isSource
      ? line !== null && part.dataset.line === String(line)
      : part.dataset.at === String(chosen.at);
    part.classList.toggle("on", isOn);
  }
  for (const pane of document.querySelectorAll(".pane")) {
    const first = pane.querySelector(".row.on");
    if (first === null) {
      continue;
    }
    const [top, bottom] = [first.offsetTop, first.offsetTop + first.offsetHeight];
    if (top < pane.scrollTop || bottom > pane.scrollTop + pane.clientHeight) {
      pane.scrollTop = Math.max(0, top - pane.clientHeight / 3);
    }
  }
}

function show(what) {
  const entry = data.entries[chosen.entry];
  const last = (entry?.stages.length ?? 0) - 1;
  chosen.stage = Math.min(chosen.stage ?? last, last);
  if (what !== "selection") {
    showEntries();
    if (entry) {
      showStages(entry);
    }
    showHir(entry);
  }
  if (what === "all") {
    showMachine(entry);
    showExits(entry);
  }
  highlight();
}

// Takes a choice over; the address of the page tells all that is chosen.
function choose(choice) {
  const before = { ...chosen };
  if ("line" in choice || "at" in choice) {
    chosen.line = chosen.at = null;
  }
  Object.assign(chosen, choice);
  chosen.entry = Math.min(chosen.entry, Math.max(data.entries.length - 1, 0));
  show(before.entry !== chosen.entry ? "all" : before.stage !== chosen.stage ? "stage" : "selection");
}

function remember(method) {
  const known = Object.entries(chosen).filter(([, value]) => value !== null && value >= 0);
  history[method](null, "", "#" + new URLSearchParams(known));
}

function read() {
  const choice = {};
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key in chosen && /^\d{1,9}$/.test(value)) {
      choice[key] = Number(value);
    }
  }
  return choice;
}

addEventListener("hashchange", () => {
  const choice = read();
  const size = Object.keys(choice).length;
  // A link chooses one thing. More is what has been remembered: all that was chosen.
  const all = size > 1 || location.hash === "" ? { line: null, at: null } : {};
  // Else it is a part of the page.
  if (size || location.hash === "") {
    choose({ ...all, ...choice });
    remember("replaceState");
  }
});

function step(list, value, by) {
  const next = by > 0 ? list.find((one) => one > value) : list.findLast((one) => one < value);
  return next ?? value;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const line = chosen.line ?? (chosen.at === null ? null : lineAt(chosen.at));
  const stages = data.entries[chosen.entry]?.stages.length ?? 0;
  const keys = {
    j: () => ({ line: line === null ? lines[0] : step(lines, line, 1) }),
    k: () => ({ line: line === null ? lines.at(-1) : step(lines, line, -1) }),
    s: () => ({ stage: (chosen.stage + 1) % stages }),
    S: () => ({ stage: (chosen.stage + stages - 1) % stages }),
    e: () => ({ entry: (chosen.entry + 1) % data.entries.length }),
    Escape: () => ({ line: null }),
  };
  if (!Object.hasOwn(keys, event.key) || ("sS".includes(event.key) && !stages) || (event.key === "e" && !data.entries.length) ||
      ("jk".includes(event.key) && !lines.length)) {
    return;
  }
  choose(keys[event.key]());
  remember("replaceState");
});

document.title = `${data.name} · Clinker inspector`;
document.getElementById("name").textContent = data.name;
document.getElementById("place").textContent = `${data.file}:${data.line}`;
// The most is to be seen of what is entered.
chosen.entry = Math.max(data.entries.findIndex((entry) => entry.machine?.is_entered), 0);
Object.assign(chosen, read());
chosen.entry = Math.min(chosen.entry, Math.max(data.entries.length - 1, 0));
showSummary();
showSource();
showBytecode();
show("all");
