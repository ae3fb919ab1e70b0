"""Native code: handlers of exceptions, compiled or left to the interpreter, do the same."""

import textwrap
import unittest

from jit_programs import ProgramTest, run, setUpModule

# Runs what follows often enough for handlers to be compiled, and shows the last results.
REPEAT = """
    import sys, traceback
    def repeat(function, *arguments, times=1500):
        last = None
        for i in range(times):
            try:
                last = function(i, *arguments)
            except BaseException as error:
                last = "".join(traceback.format_exception(error)), repr(error.__context__), repr(error.__cause__)
        print(function.__name__, last if type(last) is not tuple else "\\n".join(map(str, last)))
"""


class HandlerTest(ProgramTest):
    def check(self, source):
        super().check(textwrap.dedent(REPEAT) + textwrap.dedent(source))

    def test_what_is_caught(self):
        self.check("""
            class Thing:
                pass
            def raised(i):
                try:
                    raise (ValueError, KeyError("k", i), TypeError)[i % 3]
                except ValueError:
                    return "value"
                except (KeyError, LookupError) as error:
                    return error.args[0]
                except:
                    return "else"
            def key(i, d):
                try:
                    return d[i % 10]
                except KeyError as error:
                    return error.args
            def attribute(i, thing):
                try:
                    return thing.nothing + i
                except AttributeError as error:
                    return error.name
            def index(i, items):
                total = 0
                for j in range(6):
                    try:
                        total += items[j]
                    except IndexError:
                        total -= 1
                    else:
                        total += 10
                return total
            def stop(i, iterator):
                try:
                    return next(iterator)
                except StopIteration as stop:
                    return stop.value
            def divide(i):
                try:
                    return i // (i % 2)
                except ZeroDivisionError as error:
                    return str(error)
            def overflow(i):
                try:
                    return 2.0 ** (i * 10)
                except OverflowError as error:
                    return str(error)
            def name(i):
                try:
                    return nothing
                except NameError as error:
                    return str(error)
            def unbound(i):
                try:
                    if i < 0:
                        x = 1
                    return x
                except UnboundLocalError as error:
                    return str(error)
            def unpack(i):
                try:
                    a, b = (1, 2, 3)[:i % 4]
                    return a + b
                except ValueError as error:
                    return str(error)
            for n in (1499, 1500):
                repeat(raised, times=n)
                repeat(key, {1: 2, 3: 4}, times=n)
                repeat(attribute, Thing(), times=n)
                repeat(index, [1, 2, 3, 4], times=n)
                repeat(stop, iter([1, 2]), times=n)
                repeat(divide, times=n)
                repeat(overflow, times=n)
                repeat(name, times=n)
                repeat(unbound, times=n)
                repeat(unpack, times=n)
        """)

    def test_tracebacks_and_contexts(self):
        self.check("""
            def inner(i):
                return (i +
                        [][i])
            def middle(i):
                try:
                    return inner(i)
                finally:
                    i = "finally"
            def again(i):
                try:
                    middle(i)
                except IndexError:
                    raise
            def other(i):
                try:
                    again(i)
                except IndexError as error:
                    raise ValueError(
                        i) from error
            def implicit(i):
                try:
                    other(i)
                except ValueError:
                    {}["a" +
                       "b"]
            def loop(i):
                for j in range(3):
                    try:
                        try:
                            implicit(i)
                        except KeyError as error:
                            if j == 2:
                                raise error
                    finally:
                        i += 1
            def unmatched(i):
                try:
                    try:
                        inner(i)
                    except KeyError:
                        pass
                except ValueError:
                    pass
            for function in inner, middle, again, other, implicit, loop, unmatched:
                repeat(function)
        """)

    def test_the_exception_that_is_handled(self):
        self.check("""
            def handled():
                return repr(sys.exception()), repr(sys.exc_info()[1])
            def nested(i):
                out = [handled()]
                try:
                    raise ValueError(i)
                except ValueError as a:
                    out.append(handled())
                    try:
                        raise KeyError(i)
                    except KeyError as b:
                        out.append((handled(), b.__context__ is a))
                    out.append(handled())
                    try:
                        raise
                    except ValueError as c:
                        out.append((handled(), c is a, a.__context__))
                out.append(handled())
                try:
                    a
                except NameError:
                    out.append("unbound")
                return out
            def bare(i):
                try:
                    raise
                except RuntimeError as error:
                    return str(error)
            def generator(i):
                try:
                    raise ValueError(i)
                except ValueError:
                    yield handled()
                    try:
                        yield handled()
                    finally:
                        yield handled()
                yield handled()
            def drive(i):
                try:
                    raise OSError(i)
                except OSError:
                    items = list(generator(i))
                    it = generator(i)
                    next(it), next(it)
                    try:
                        it.throw(TypeError(i))
                        it.close()
                    except RuntimeError as error:
                        items.append(str(error))
                    return items, handled()
            for function in nested, bare, drive:
                repeat(function)
            print(handled())
        """)

    def test_finally(self):
        self.check("""
            out = []
            def returns(i):
                try:
                    if i % 3 == 0:
                        raise ValueError(i)
                    return "try"
                finally:
                    if i % 3 < 2:
                        return "finally"
            def breaks(i):
                log = []
                for j in range(4):
                    try:
                        if j == i % 4:
                            raise KeyError(j)
                        log.append(j)
                    finally:
                        log.append("f")
                        if j == 2:
                            break
                        continue
                return log
            def leaves(i):
                log = []
                while True:
                    try:
                        try:
                            if i % 2:
                                return log
                            raise ValueError
                        finally:
                            log.append(i)
                    except ValueError:
                        i += 1
            def replaces(i):
                try:
                    raise ValueError(i)
                finally:
                    raise TypeError(i)
            for function in returns, breaks, leaves, replaces:
                for times in (1498, 1499, 1500):
                    repeat(function, times=times)
        """)

    def test_with(self):
        self.check("""
            class Manager:
                def __init__(self, swallows):
                    self.swallows = swallows
                    self.log = []
                def __enter__(self):
                    return self
                def __exit__(self, kind, error, tb):
                    self.log.append((kind, str(error), tb and tb.tb_lineno, repr(sys.exception())))
                    return self.swallows
            class Failing:
                def __enter__(self):
                    raise OSError("enter")
                def __exit__(self, *what):
                    raise OSError("exit")
            class Ends(Failing):
                def __enter__(self):
                    return 1
            def swallowed(i):
                with Manager(True) as m:
                    raise ValueError(i)
                return m.log
            def passed(i, m):
                del m.log[:]
                with m:
                    with m as n:
                        if i % 2:
                            {}[i]
                        return n.log
            def enter(i):
                with Manager(True) as a, Failing():
                    pass
                return a.log
            def exit(i):
                with Ends() as x:
                    raise KeyError(i)
            def breaks(i):
                m = Manager(False)
                for j in range(5):
                    with m:
                        if j == i % 5:
                            break
                return m.log
            for times in (1499, 1500):
                repeat(swallowed, times=times)
                repeat(passed, Manager(False), times=times)
                repeat(enter, times=times)
                repeat(exit, times=times)
                repeat(breaks, times=times)
        """)

    def test_groups(self):
        self.check("""
            def split(i):
                out = []
                try:
                    raise ExceptionGroup("g", [ValueError(i), TypeError(i), ExceptionGroup("h", [KeyError(i)])])
                except* ValueError as group:
                    out.append(repr(group.exceptions) + repr(sys.exception()))
                except* (KeyError, OSError) as group:
                    out.append(repr(group))
                    raise RuntimeError(i)
                return out
            def plain(i):
                try:
                    raise ValueError(i)
                except* ValueError as group:
                    return_value = group.exceptions
                return return_value
            def wrong(i):
                try:
                    raise ValueError(i)
                except* ExceptionGroup:
                    pass
            def not_an_exception(i):
                try:
                    raise ValueError(i)
                except "ValueError":
                    pass
            for function in split, plain, wrong, not_an_exception:
                repeat(function)
        """)

    def test_variables_that_are_numbers(self):
        self.check("""
            def count(i, n):
                found = missing = 0
                total = 0.0
                d = {j: j * 2 for j in range(0, n, 3)}
                for j in range(n):
                    try:
                        found += d[j]
                        total += 0.5
                    except KeyError:
                        missing += 1
                        total -= 0.25
                return found, missing, total, j
            def changes(i, n):
                x = 1
                for j in range(n):
                    try:
                        x = x + j
                        if j % 7 == 3:
                            raise ValueError
                    except ValueError:
                        x = [0.5, 2**70, 3, -1][(i + j) % 4]
                return x
            def grows(i):
                x = 2**60
                for j in range(20):
                    try:
                        x *= 2
                        [][j]
                    except IndexError:
                        x += j
                return x
            def only(i):
                c = 0
                for j in range(100):
                    try:
                        raise ValueError
                    except ValueError:
                        c += j
                return c
            repeat(count, 30)
            repeat(changes, 40)
            repeat(grows)
            repeat(only)
            print(count(0, 20000), changes(0, 20000))
        """)

    def test_comprehensions(self):
        self.check("""
            def item(j):
                if j == 5:
                    raise ValueError(j)
                return j
            def inlined(i):
                x = "outer"
                try:
                    out = [item(x) for x in range(i % 8)]
                except ValueError as error:
                    out = error.args
                return out, x
            def unbound(i):
                try:
                    return [item(y) for y in range(i % 8)], [[z for z in range(y)] for y in (1, item(i % 6))]
                except ValueError:
                    try:
                        return y
                    except UnboundLocalError as error:
                        return str(error)
            for times in (1498, 1499, 1500, 1501, 1502, 1503):
                repeat(inlined, times=times)
                repeat(unbound, times=times)
        """)

    def test_releases(self):
        self.check("""
            import gc
            log = []
            class Tells:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    log.append((self.name, repr(sys.exception()), sys._getframe(1).f_lineno))
                def __iter__(self):
                    return self
                def __next__(self):
                    return 1
                def __call__(self, *arguments):
                    raise ValueError(len(arguments))
            def f(i):
                del log[:]
                for a in Tells("a"):
                    for b in Tells("b"):
                        try:
                            Tells("f")(Tells("x"), [Tells("y"), i])
                        except ValueError as error:
                            log.append("handler")
                            x = Tells("v")
                            if i % 2:
                                break
                        log.append("after")
                        raise KeyError(i)
                    else:
                        pass
                    log.append("inner")
                    break
                return tuple(log)
            def g(i):
                try:
                    return f(i)
                except KeyError as error:
                    error = None
                    return tuple(log)
            gc.disable()
            for times in (1499, 1500):
                repeat(g, times=times)
            references = []
            def count(i, token):
                try:
                    [token, token][i]
                except IndexError as error:
                    kept = error
                    other = token
                    raise TypeError(other) from None
            class Token:
                def __repr__(self):
                    return "token"
            token = Token()
            before = sys.getrefcount(token)
            repeat(count, token, times=3000)
            gc.collect()
            print(sys.getrefcount(token) - before)
        """)

    def test_what_frames_show(self):
        self.check("""
            def look():
                frame = sys._getframe(1)
                return frame.f_lineno, frame.f_lasti, dict(frame.f_locals)
            def write(name, value):
                sys._getframe(1).f_locals[name] = value
            class Writes:
                def __init__(self, value):
                    self.value = value
                def __del__(self):
                    frame = sys._getframe(1)
                    if "x" in frame.f_locals and frame.f_code.co_name == "written":
                        frame.f_locals["x"] = self.value
            def fails(*arguments):
                raise KeyError(len(arguments))
            def fails_and_writes():
                sys._getframe(1).f_locals["x"] = "changed"
                raise KeyError
            def shown(i):
                x = i * 2
                y = i + 0.5
                try:
                    x += 1
                    fails(x)
                except KeyError as error:
                    seen = look()
                    x += 1
                    tb = error.__traceback__
                return {k: v for k, v in seen[2].items() if k != "error"}, seen[:2], x, y, tb.tb_frame.f_locals["x"], tb.tb_lineno
            def written(i):
                x = i
                for z in (1, 2):
                    try:
                        x += 1
                        if z == 1:
                            fails_and_writes()
                        fails(Writes(i), x)
                    except KeyError as error:
                        w = x
                        write("i", x)
                return x, i, w
            for times in (1499, 1500):
                repeat(shown, times=times)
                repeat(written, times=times)
        """)

    def test_recursion(self):
        self.check("""
            def down(n, log):
                try:
                    return down(n + 1, log)
                except RecursionError:
                    log.append(n)
                    raise
                finally:
                    log.append(-n)
            sys.setrecursionlimit(220)
            for i in range(30):
                log = []
                try:
                    down(0, log)
                except RecursionError as error:
                    n = len(traceback.extract_tb(error.__traceback__))
            print(n, len(log), log[:5], log[-5:])
        """)

    def test_signals(self):
        self.check("""
            import signal, threading, time
            def spin(seconds):
                count = 0
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    try:
                        raise ValueError
                    except ValueError:
                        count += 1
                return "not interrupted"
            def outer(seconds):
                try:
                    return spin(seconds)
                except KeyboardInterrupt as interrupt:
                    return "interrupted", [entry.name for entry in traceback.extract_tb(interrupt.__traceback__)][:2]
            signal.signal(signal.SIGALRM, lambda *what: signal.raise_signal(signal.SIGINT))
            outer(0.2)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            print(outer(20))
        """)

    def test_tracing(self):
        self.check("""
            events = []
            def tracer(frame, event, argument):
                if frame.f_code.co_name in ("traced", "fails", "starts"):
                    events.append((event, frame.f_code.co_name, frame.f_lineno,
                                   argument and repr(argument[:2]) if event == "exception" else None))
                    return tracer
            def fails(i):
                raise ValueError(i)
            def traced(i):
                for j in range(2):
                    try:
                        fails(i)
                    except KeyError:
                        pass
                    except ValueError as error:
                        i += 1
                    finally:
                        i += 1
                return i
            def starts(i, on):
                try:
                    if i == on:
                        sys.settrace(tracer)
                        sys._getframe().f_trace = tracer
                        raise KeyError(i)
                    fails(i)
                except ValueError:
                    return i
                except KeyError:
                    try:
                        fails(i)
                    except ValueError:
                        return -i
                finally:
                    i = 7
            repeat(traced)
            sys.settrace(tracer)
            traced(3)
            sys.settrace(None)
            print(*events, sep="\\n")
            del events[:]
            for i in range(3000):
                starts(i, 2500)
                if i > 2502:
                    sys.settrace(None)
            print(*events, sep="\\n")
        """)

    def test_monitoring(self):
        self.check("""
            monitoring = sys.monitoring
            E = monitoring.events
            log = []
            def note(name):
                def callback(code, offset, *rest):
                    if code.co_name in ("watched", "fails", "on"):
                        # The interpreter tells the code unit before a call.
                        line = list(code.co_positions())[offset // 2][0]
                        log.append((name, code.co_name, line, *map(repr, rest)))
                return callback
            monitoring.use_tool_id(3, "test")
            for name in ("RAISE", "RERAISE", "EXCEPTION_HANDLED", "PY_UNWIND", "STOP_ITERATION"):
                monitoring.register_callback(3, getattr(E, name), note(name))
            every = E.RAISE | E.RERAISE | E.EXCEPTION_HANDLED | E.PY_UNWIND
            def fails(i, on):
                if i == on:
                    monitoring.set_events(3, every)
                raise ValueError(i)
            def watched(i, on):
                try:
                    try:
                        return fails(i, on)
                    except KeyError:
                        pass
                    finally:
                        i += 1
                except ValueError:
                    return i
            for i in range(3000):
                watched(i, 2500)
                if i == 2502:
                    monitoring.set_events(3, 0)
            print(*log, sep="\\n")
        """)

    def test_async(self):
        self.check("""
            class Aiter:
                def __init__(self, n):
                    self.n = n
                def __aiter__(self):
                    return self
                async def __anext__(self):
                    self.n -= 1
                    if self.n < 0:
                        raise StopAsyncIteration
                    if self.n == 7:
                        raise KeyError(self.n)
                    return self.n
            class Manager:
                async def __aenter__(self):
                    return self
                async def __aexit__(self, *what):
                    return what[0] is KeyError
            async def work(i):
                total = 0
                async with Manager():
                    async for x in Aiter(i % 12):
                        try:
                            total += x
                            if x == 2:
                                raise ValueError
                        except ValueError:
                            total += 100
                return total
            async def agen(i):
                try:
                    for j in range(3):
                        yield j
                        if j == i % 4:
                            raise ValueError(j)
                finally:
                    i = 1
            async def uses(i):
                try:
                    return [x async for x in agen(i)]
                except ValueError as error:
                    return error.args
            def run(i, function):
                coroutine = function(i)
                try:
                    coroutine.send(None)
                except StopIteration as stop:
                    return stop.value
            for times in (1495, 1496, 1497, 1500, 1508):
                repeat(run, work, times=times)
                repeat(run, uses, times=times)
        """)

    def test_which_handlers_are_compiled(self):
        source = """
            import sys
            from clinker import jit
            def reached(i):
                try:
                    raise ValueError
                except ValueError:
                    return sys._jit.is_active()
            def passed(i):
                try:
                    return i
                except ValueError:
                    return 0
            i = 0
            while not reached(i) and i < 10**7:
                i = passed(i) + 1
            print(0 < i < 10**7, jit.stats()["compilation"]["handlers"])
        """
        self.assertEqual(run(source, "auto")[1:], ("True 1\n", ""))


if __name__ == "__main__":
    unittest.main()
