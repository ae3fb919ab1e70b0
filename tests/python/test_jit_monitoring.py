"""Events of sys.monitoring that are asked for while native code runs."""

import unittest

from jit_programs import ProgramTest, run, setUpModule

START = """
import sys, threading, time
monitoring, seen = sys.monitoring, []
events = monitoring.events
monitoring.use_tool_id(3, "test")
monitoring.register_callback(3, events.LINE, lambda code, line: seen.append((code.co_name, line)))

def watch(function, mask=events.LINE):
    monitoring.set_local_events(3, function.__code__, mask)

def show():
    print(len(seen), seen)
    seen.clear()
"""


class EventsTest(ProgramTest):
    def test_of_all_code(self):
        self.check(START + """
class Asks:
    def __init__(self, ask):
        self.ask = ask
    def __add__(self, other):
        if self.ask:
            monitoring.set_events(3, events.LINE)
        return other

def f(ask):
    a = Asks(ask) + 1
    b = a * 2
    c = b - 0.5
    monitoring.set_events(3, 0)
    return a, b, c

def outer(ask):
    return Asks(False) + f(ask)

for i in range(300):
    outer(False)
for i in range(3):
    print(outer(True))
    show()
""")


class FirstLineTest(ProgramTest):
    """What is executed last in a line asks for the events of lines: the next line is told."""

    def test_of_a_trace_function(self):
        self.check("""
import sys
seen, act = [], None

def trace(frame, event, argument):
    if event != "opcode":
        seen.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
    if act and event == "line" and frame.f_code is act[0].__code__:
        return act[1](frame)
    return trace

def start():
    if asks:
        sys._getframe(2).f_trace = trace
        sys.settrace(trace)

class Asks:
    def __add__(self, other): start(); return 1
    def __setattr__(self, name, value): start()
    def __setitem__(self, index, value): start()
    def __delitem__(self, index): start()
    def __del__(self): start()
    def __bool__(self): start(); return True

def attribute(x):
    x.a = 1
    b = 2
    return b
def item(x):
    x[0] = 1
    b = 2
    return b
def delete(x):
    del x[0]
    b = 2
    return b
def argument(x):
    return max(x + 1,
               2)
def truth(x):
    if x:
        b = 2
    return b
def loop(x):
    for i in range(3):
        x.a = i
    return i
def one_line(x):
    for i in range(3): x.a = i
    return i
def dies(x):
    x = Asks()
    del x
    b = 2
    return b
def caught(x):
    try:
        x.a = 1
        b = 2
    except ZeroDivisionError as error:
        return error.__traceback__.tb_lineno - caught.__code__.co_firstlineno
def generator(x):
    x.a = 1
    yield 1
    x.a = 2
    yield 2
def items(x):
    return list(generator(x))

functions = [attribute, item, delete, argument, truth, loop, one_line, dies, caught, items]
def call(function, x):
    return function(x)
def show(function):
    seen.clear()
    x = Asks()
    try:
        print(function.__name__, call(function, x))
    except ZeroDivisionError as error:
        print("raised", error.__traceback__.tb_next.tb_next.tb_lineno - function.__code__.co_firstlineno)
    sys.settrace(None)
    print([event for event in seen if event[0] not in ("show", "call")])

asks = False
for function in functions:
    for i in range(300):
        call(function, Asks())
asks = True
for function in functions:
    for i in range(2):
        show(function)

def jump(frame):
    global act
    act = None
    frame.f_lineno += 1
    return trace
def fail(frame):
    1 / 0
for way in (jump, fail):
    for function in (attribute, item, delete, caught, dies):
        act = function, way
        show(function)
        act = None
""")

    def test_of_a_tool(self):
        self.check(START + """
class Asks:
    def __setattr__(self, name, value):
        if asks:
            monitoring.set_events(3, events.LINE)

def f(x):
    x.a = 1
    b = 2
    monitoring.set_events(3, 0)
    return b

def outer(x):
    return f(x)

asks = False
for i in range(300):
    outer(Asks())
asks = True
for i in range(3):
    print(outer(Asks()))
    show()
""")


class LocalEventsTest(ProgramTest):
    def test_of_the_code_that_asks(self):
        self.check(START + """
def f(ask):
    total, half = 0, 0.5
    for i in range(10):
        if i == 4 and ask:
            watch(f)
        total += i
        half *= 1.5
        if i == 7:
            watch(f, 0)
    return total, half

for i in range(300):
    f(False)
for i in range(3):
    print(f(True))
    show()
""")

    def test_of_code_further_up_the_stack(self):
        self.check(START + """
class Asks:
    def __init__(self, ask):
        self.ask = ask
    def __add__(self, other):
        if self.ask:
            watch(outer)
        return other

def inner(ask, n):
    if n:
        return inner(ask, n - 1)
    return [Asks(ask) + i for i in range(3)]

def outer(ask):
    x = 1.0
    x += sum(inner(ask, 3))
    y = Asks(ask) + x
    y *= 2.0
    return x, y

for i in range(300):
    outer(False)
for i in range(3):
    print(outer(True))
    watch(outer, 0)
    show()
""")

    def test_of_a_generator(self):
        self.check(START + """
def numbers(ask):
    x = 0.0
    for i in range(6):
        if i == ask:
            watch(numbers)
        x += i
        yield x

for i in range(300):
    sum(numbers(-1))
for i in range(3):
    print(sum(numbers(3)))
    watch(numbers, 0)
    show()
    suspended = numbers(-1)
    next(suspended), next(suspended)
    watch(numbers)
    print(sum(suspended))
    watch(numbers, 0)
    show()
""")

    def test_of_code_that_another_thread_runs(self):
        self.check(START + """
go_on = True

def f():
    began.set()
    while go_on:
        time.sleep(0.001)
    return go_on

for i in range(3):
    began, go_on = threading.Event(), True
    thread = threading.Thread(target=f)
    thread.start()
    began.wait()
    time.sleep(0.3)
    watch(f)
    go_on = False
    thread.join()
    watch(f, 0)
    seen[:] = sorted(set(seen))
    show()
""")

    def test_of_code_that_is_compiled_in_the_background(self):
        source = START + """
def f(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

f(2600)
watch(f)
time.sleep(0.5)
f(20000)
print(len(seen))
"""
        self.assertEqual(run(source, "auto"), run(source, "0"))


if __name__ == "__main__":
    unittest.main()
