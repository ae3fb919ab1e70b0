"""Native code: generators, coroutines and asynchronous generators, however they are resumed and ended."""

import unittest

from jit_programs import ProgramTest, setUpModule

# What exceptions look like, and calls of what may raise.
TOOLS = """
            import sys
            def shown(error):
                entries, entry = [], error.__traceback__.tb_next
                while entry:
                    entries.append((entry.tb_frame.f_code.co_name, entry.tb_lineno, entry.tb_lasti))
                    entry = entry.tb_next
                return type(error).__name__, str(error), entries, repr(error.__context__), repr(error.__cause__)
            def attempt(f, *args):
                try:
                    return f(*args)
                except BaseException as error:
                    return shown(error)
            def run(coroutine, throws=()):
                out = []
                try:
                    value = coroutine.send(None)
                    while True:
                        out.append((value, coroutine.cr_running, coroutine.cr_suspended,
                                    type(coroutine.cr_await).__name__, coroutine.cr_frame.f_lineno))
                        if len(out) in throws:
                            value = coroutine.throw(ValueError(len(out)))
                        else:
                            value = coroutine.send(len(out))
                except StopIteration as stop:
                    out.append(("returned", stop.value))
                except BaseException as error:
                    out.append(shown(error))
                return out
            class Step:
                def __init__(self, value):
                    self.value = value
                def __await__(self):
                    got = yield self.value
                    return self.value, got
"""


class Comparison(ProgramTest):
    def compare(self, source):
        self.check(TOOLS + source)


class GeneratorTest(Comparison):
    def test_functions_in_place_of_calls(self):
        self.compare("""
            import traceback
            class V:
                def __init__(self, x):
                    self.x = x
                def twice(self, more=1):
                    return self.x * 2 + more
                def pick(self, i):
                    if i > 40:
                        raise IndexError(i, self.x)
                    return self.x
                @property
                def half(self):
                    return self.x // 2
            class Odd:
                def __mul__(self, other):
                    names, frame = [], sys._getframe()
                    while frame:
                        names.append((frame.f_code.co_name, frame.f_lineno))
                        frame = frame.f_back
                    print(names)
                    return 5
            def g(values, n):
                for i in range(n):
                    v = values[i % len(values)]
                    w = V(i)
                    got = yield v.twice() + w.twice(i) + w.half
                    if got:
                        yield v.pick(got)
            def chain(values, n):
                yield from g(values, n)
            async def wait(values, n):
                total = 0
                for i in range(n):
                    v = values[i % len(values)]
                    total += v.twice(await Step(i) and 3)
                return total, v.pick(i)
            for make in (g, chain):
                print(sum(make([V(1), V(2)], 3000)))
                print(sum(make([V(1), V(2.5), V(2**70)], 300)))
                it = make([V(3)] * 45 + [V(Odd())], 46)
                print([next(it) for i in range(44)])
                print(attempt(it.send, 7), attempt(next, it), attempt(next, it), attempt(next, it))
                it = make([V(3)], 50)
                next(it)
                print(attempt(it.send, 41), attempt(next, it))
                it = make([V("x")], 5)
                print(attempt(next, it), it.gi_frame)
            for values, n in (([V(1)], 30), ([V(1), V(2.5)], 40), ([V(1)] * 50 + [V("s")], 60), ([V(2)], 45)):
                for again in range(40):
                    out = run(wait(values, n))
                print(out[-1], len(out))
        """)

    def test_send_throw_and_close(self):
        self.compare("""
            def g(n, log):
                total = 0
                try:
                    for i in range(n):
                        try:
                            x = yield total
                            total += 1 if x is None else x
                        except ValueError as error:
                            log.append(("caught", error.args, i))
                            total -= 5
                finally:
                    log.append(("ended", total))
                return total
            log, out = [], []
            for k in range(60):
                it = g(20, log)
                next(it)
                for i in range(12):
                    if i % 5 == 4:
                        out.append(attempt(it.throw, ValueError(i)))
                    else:
                        out.append(attempt(it.send, i if i % 2 else None))
                how = it.close, lambda: list(it), lambda: it.throw(KeyError("x"))
                out.append(attempt(how[k % 3]))
                out.append(attempt(next, it))
                out.append(attempt(it.send, 1))
            print(out[-60:], log[-9:])
            def stubborn():
                try:
                    yield 1
                except GeneratorExit:
                    yield 2
            for k in range(70):
                it = stubborn()
                next(it)
                last = attempt(it.close)
            print(last)
        """)

    def test_chains(self):
        self.compare("""
            def leaf(n, how):
                for i in range(n):
                    got = yield i
                    if got == how:
                        raise KeyError(i)
                    if got == "stop":
                        return "stopped %d" % i
                return "leaf%d" % n
            def chain(n, how, depth):
                if depth == 0:
                    return (yield from leaf(n, how))
                try:
                    result = yield from chain(n, how, depth - 1)
                except KeyError as error:
                    result = "caught", error.args, depth
                    if depth % 2:
                        raise
                if depth % 3 == 0:
                    yield "after", depth, result
                return depth, result
            out = []
            for k in range(120):
                it = chain(6, "boom", k % 40)
                out.append(next(it))
                try:
                    for i in range(20):
                        if i == 2 and k % 4 == 3:
                            out.append(it.throw(KeyError(7)))
                        else:
                            sent = {(2, 1): "boom", (3, 2): "stop"}.get((i, k % 4))
                            out.append(it.send(sent))
                except StopIteration as stop:
                    out.append(stop.value)
                except KeyError as error:
                    out.append(shown(error))
                out.append((it.gi_frame, it.gi_running, it.gi_yieldfrom))
            print(out)
            def numbers(n):
                for i in range(n):
                    yield i
            def deep(n, depth):
                if depth:
                    yield from deep(n, depth - 1)
                else:
                    yield from numbers(n)
            print([sum(deep(50, depth)) for depth in range(90)])
        """)

    def test_what_frames_show(self):
        self.compare("""
            def inner():
                for i in range(3):
                    frame, frames = sys._getframe(), []
                    while frame.f_code.co_name != "<module>":
                        frames.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti))
                        frame = frame.f_back
                    yield frames
            def middle():
                x = 5
                yield from inner()
                yield x
            def top():
                yield from middle()
            def look():
                out = []
                it = top()
                for value in it:
                    out.append(value)
                    one = it
                    while one is not None:
                        frame = one.gi_frame
                        out.append((frame.f_lineno, frame.f_lasti, one.gi_running, one.gi_suspended,
                                    sorted(frame.f_locals), frame.f_back))
                        one = one.gi_yieldfrom if hasattr(one.gi_yieldfrom, "gi_frame") else None
                return out
            for _ in range(70):
                seen = look()
            print(seen)
            def sums(n):
                x = 0
                for i in range(n):
                    x += i
                    yield x
            def poke():
                out = []
                it = sums(8)
                for value in it:
                    out.append(value)
                    if value == 6:
                        it.gi_frame.f_locals["x"] = 100
                    if value == 104:
                        it.gi_frame.f_locals["x"] = 2.5
                return out
            def poked(n):
                x = 0
                for i in range(n):
                    x += i
                    sys._getframe().f_locals["x"] = x * 2
                    yield x
            for _ in range(70):
                seen = poke(), list(poked(9))
            print(seen)
        """)

    def test_running_already(self):
        self.compare("""
            def runs_itself():
                for i in range(3):
                    yield attempt(next, me)
                    yield from [attempt(me.send, 3)]
            def sends_to_itself():
                yield 1
                yield from me
            for _ in range(70):
                me = runs_itself()
                seen = list(me)
                me = sends_to_itself()
                seen.append(attempt(list, me))
            print(seen)
            async def awaited():
                await Step(1)
                return 2
            async def twice():
                out, shared = [], awaited()
                async def one():
                    return await shared
                a, b = one(), one()
                out.append(a.send(None))
                out.append(attempt(b.send, None))
                out.append(attempt(a.send, 1))
                try:
                    await shared
                except RuntimeError as error:
                    out.append(shown(error))
                return out
            for _ in range(70):
                seen = run(twice())
            print(seen)
        """)

    def test_what_is_released_when(self):
        self.compare("""
            class Noisy:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    frame = sys._getframe(1)
                    order.append((self.name, frame.f_code.co_name, frame.f_lineno))
            def make():
                a = Noisy("a")
                yield a
                b = Noisy("b")
                a = None
                yield Noisy("c")
                return Noisy("r")
            def delegate():
                got = yield from make()
                yield 3
                got = 4
                yield 5
            def use():
                for x in make():
                    pass
                x = None
                for x in delegate():
                    pass
            for _ in range(70):
                order = []
                use()
            print(order)
            def first(n):
                kept = Noisy("kept")
                for x in range(n):
                    yield x
            for _ in range(70):
                order = []
                for x in first(9):
                    if x == 5:
                        break
                any(x == 3 for x in first(9))
            print(order)
            import gc, weakref
            def cycle():
                me = yield
                yield me
            weak = []
            for _ in range(100):
                it = cycle()
                next(it)
                it.send(it)
                weak.append(weakref.ref(it))
            del it
            gc.collect()
            print(sum(ref() is not None for ref in weak))
        """)

    def test_references(self):
        self.compare("""
            def numbers(items, extra):
                for x in items:
                    got = yield x
                return extra
            def through(items, extra):
                result = yield from numbers(items, extra)
                return result
            async def awaited(extra):
                return extra
            async def awaits(extra):
                return await awaited(extra)
            def broken(items, extra):
                for x in numbers(items, extra):
                    yield x
                    x.nothing
            extra, item = object(), object()
            items = [item] * 5
            def work():
                for x in through(items, extra):
                    pass
                list(through(items, extra))
                it = through(items, extra)
                next(it), next(it)
                it.close()
                attempt(list, broken(items, extra))
                attempt(awaits(extra).send, None)
            work()
            before = sys.getrefcount(extra), sys.getrefcount(item)
            for _ in range(500):
                work()
            print(sys.getrefcount(extra) - before[0], sys.getrefcount(item) - before[1])
        """)

    def test_stop_iteration(self):
        self.compare("""
            def bad(n):
                for i in range(n):
                    if i == 3:
                        raise StopIteration(i)
                    yield i
            def loop():
                for x in bad(5):
                    pass
            def delegate():
                yield from bad(5)
            def zero(n):
                for i in range(n):
                    yield 1 // (2 - i)
            for _ in range(70):
                seen = [attempt(loop), attempt(list, delegate()), attempt(list, bad(5)), attempt(sum, zero(5))]
            print(seen)
        """)

    def test_other_iterators(self):
        self.compare("""
            class Count:
                def __init__(self):
                    self.i = 0
                def __iter__(self):
                    return self
                def __next__(self):
                    self.i += 1
                    if self.i > 4:
                        raise StopIteration("done")
                    return self.i
            class Sendable(Count):
                def send(self, value):
                    return "sent", value, next(self)
                def throw(self, error):
                    return "thrown", repr(error)
                def close(self):
                    closed.append(1)
            def over(iterable):
                result = yield from iterable
                yield result
            closed = []
            for _ in range(70):
                seen = [list(over(x)) for x in (Count(), [1, 2], range(3), "abc", {1: 2}, (x for x in "de"))]
                it = over(Sendable())
                seen += [next(it), attempt(it.send, 9), attempt(it.throw, ValueError(3)), next(it), it.close()]
                seen.append(attempt(list, over(5)))
                it = over([1, 2])
                seen += [next(it), attempt(it.send, 9)]
                it = over(Count())
                seen += [next(it), attempt(it.throw, ValueError(3))]
            print(seen, len(closed))
            class Makes:
                def __init__(self, n):
                    self.n = n
                def __iter__(self):
                    for i in range(self.n):
                        yield i
            def total(iterable):
                result = 0
                for x in iterable:
                    result += x
                return result
            for _ in range(70):
                seen = total(Makes(9)), list(over(Makes(5))), sum(Makes(4))
            print(seen)
            Makes.__iter__ = lambda self: iter([1, 2, 3])
            print(total(Makes(9)), list(over(Makes(5))))
            Makes.__iter__ = None
            print(attempt(total, Makes(9)), attempt(list, over(Makes(5))))
        """)

    def test_recursion(self):
        self.compare("""
            def endless(n):
                for x in endless(n + 1):
                    yield x
            def caught(n):
                try:
                    yield from caught(n + 1)
                except RecursionError:
                    yield n
            async def deeper(n):
                try:
                    return await deeper(n + 1)
                except RecursionError:
                    return n
            for limit in (300, 1000):
                sys.setrecursionlimit(limit)
                for _ in range(3):
                    seen = attempt(list, endless(0))[:2], list(caught(0)), run(deeper(0))
                print(seen)
        """)

    def test_threads(self):
        self.compare("""
            import threading
            def names(n):
                for i in range(n):
                    yield i, threading.current_thread().name
            def through(n):
                yield from names(n)
            for _ in range(5):
                seen, it = [], through(200)
                def take():
                    for _ in range(20):
                        seen.append(next(it))
                for i in range(8):
                    thread = threading.Thread(target=take, name=f"T{i}")
                    thread.start()
                    thread.join()
            print(seen[::17])
            def crowd():
                def spin(n):
                    for i in range(n):
                        yield i
                def use():
                    for _ in range(30):
                        totals.append(sum(spin(1000)))
                threads = [threading.Thread(target=use) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            totals = []
            sys.setswitchinterval(1e-5)
            crowd()
            print(set(totals), len(totals))
        """)

    def test_fork(self):
        self.compare("""
            import os
            def numbers(n):
                for i in range(n):
                    yield i
            def through(n):
                yield from numbers(n)
            it = through(1000)
            for _ in range(500):
                next(it)
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                print("child", sum(it), sum(through(99)))
                sys.stdout.flush()
                os._exit(0)
            os.waitpid(child, 0)
            print("parent", sum(it), sum(through(99)))
        """)

    def test_tools_come_while_generators_run(self):
        self.compare("""
            def number(k):
                switch(k)
                return k
            def numbers(n):
                for i in range(n):
                    number(i)
                    yield i
            def through(n):
                yield from numbers(n)
            def use(n):
                total = 0
                for x in through(n):
                    total += x
                return total
            def switch(k):
                pass
            for _ in range(30):
                use(20)
            events = []
            def trace(frame, event, arg):
                events.append((frame.f_code.co_name, event, frame.f_lineno))
                return trace
            def switch(k):
                if k == 41:
                    sys.settrace(trace)
                if k == 43:
                    sys.settrace(None)
            for _ in range(3):
                use(50)
            print(events)
            monitoring, seen = sys.monitoring, []
            monitoring.use_tool_id(3, "test")
            kinds = "PY_START", "PY_YIELD", "PY_RESUME", "PY_RETURN", "PY_THROW", "PY_UNWIND"
            mask = 0
            for kind in kinds:
                event = getattr(monitoring.events, kind)
                mask |= event
                monitoring.register_callback(
                    3, event, lambda code, *args, kind=kind: seen.append((kind, code.co_name, args[0])))
            def switch(k):
                if k == 41:
                    monitoring.set_events(3, mask)
                if k == 43:
                    monitoring.set_events(3, 0)
            use(50)
            print([one for one in seen if one[1] in ("number", "numbers", "through", "use")])
        """)


class CoroutineTest(Comparison):
    def test_await(self):
        self.compare("""
            async def leaf(n):
                if n == 0:
                    return 0
                if n % 3 == 0:
                    return await Step(n)
                return await leaf(n - 1)
            async def several(n):
                out = []
                for i in range(n):
                    try:
                        out.append(await leaf(i))
                    except ValueError as error:
                        out.append(("caught", error.args))
                    finally:
                        out.append("finally")
                return out
            for _ in range(70):
                seen = run(several(12)), run(several(12), (2, 3)), run(leaf(5), (1,))
            print(seen)
            async def awaits(value):
                return await value
            class Wrong:
                def __await__(self):
                    return 5
            for _ in range(70):
                seen = run(awaits(3)), run(awaits(Wrong())), run(awaits(None))
            print(seen)
            import types
            @types.coroutine
            def old(n):
                got = yield n
                return got
            async def uses_old():
                return [await old(i) for i in range(5)]
            def plain():
                yield from leaf(3)
            for _ in range(70):
                seen = run(uses_old()), attempt(list, plain())
            print(seen)
        """)

    def test_async_for_and_with(self):
        self.compare("""
            async def numbers(n):
                try:
                    for i in range(n):
                        got = yield i
                        if i % 4 == 1:
                            await Step(i)
                finally:
                    await Step("finally")
            class Manager:
                async def __aenter__(self):
                    await Step("enter")
                    return 5
                async def __aexit__(self, *error):
                    await Step("exit")
                    return error[0] is KeyError
            class Iterator:
                def __init__(self):
                    self.n = 0
                def __aiter__(self):
                    return self
                async def __anext__(self):
                    self.n += 1
                    if self.n > 5:
                        raise StopAsyncIteration
                    if self.n == 3:
                        await Step("next")
                    return self.n
            async def everything(k):
                out = []
                async for x in numbers(6):
                    out.append(x)
                async for x in Iterator():
                    out.append(x)
                async with Manager() as manager:
                    out.append(manager)
                    if k % 2:
                        raise KeyError(k)
                out.append([x async for x in numbers(3)])
                it = numbers(3)
                out.append(await it.asend(None))
                try:
                    out.append(await it.athrow(ValueError(1)))
                except ValueError as error:
                    out.append(shown(error))
                await it.aclose()
                return out
            for k in range(70):
                seen = [run(everything(k), throws) for throws in ((), (3,), (9,))]
            print(seen)
            async def over(x):
                async for _ in x:
                    pass
            async def within(x):
                async with x:
                    pass
            class NoIterator:
                def __aiter__(self):
                    return 3
            class NoAwaitable:
                def __aiter__(self):
                    return self
                def __anext__(self):
                    return 5
            class NoExit:
                async def __aenter__(self):
                    pass
            for _ in range(70):
                seen = [run(over(x)) for x in (3, NoIterator(), NoAwaitable())]
                seen += [run(within(x)) for x in (3, NoExit())]
            print(seen)
        """)

    def test_asyncio(self):
        self.compare("""
            import asyncio
            async def worker(queue, out, n):
                while True:
                    item = await queue.get()
                    if item is None:
                        return n
                    out.append((n, item))
                    await asyncio.sleep(0)
            async def main():
                queue, out = asyncio.Queue(), []
                tasks = [asyncio.create_task(worker(queue, out, n)) for n in range(3)]
                for i in range(60):
                    await queue.put(i)
                for _ in tasks:
                    await queue.put(None)
                results = await asyncio.gather(*tasks)
                async def slow():
                    try:
                        await asyncio.sleep(10)
                    except asyncio.CancelledError:
                        out.append("cancelled")
                        raise
                task = asyncio.create_task(slow())
                await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    out.append("raised")
                return results, out
            for _ in range(10):
                seen = asyncio.run(main())
            print(seen)
        """)

    def test_origin_tracking(self):
        self.compare("""
            import warnings
            async def forgotten():
                pass
            async def made(depth):
                sys.set_coroutine_origin_tracking_depth(depth)
                coroutine = forgotten()
                origin = coroutine.cr_origin
                coroutine.close()
                sys.set_coroutine_origin_tracking_depth(0)
                return origin and [entry[1:] for entry in origin]
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for _ in range(70):
                    seen = run(made(0)), run(made(2))
                    forgotten()
            print(seen, len(caught), caught[-1].message)
        """)


if __name__ == "__main__":
    unittest.main()
