"""The module clinker.jit."""

import os
import shutil
import subprocess
import sys
import textwrap
import unittest

from jit_programs import setUpModule

PRELUDE = """
import gc, sys
from clinker import jit
def f(a, b=2):
    total = 0
    for i in range(a):
        total += i * b
    return total
def g():
    return 1
def wait():
    "Run g until another thread has compiled it."
    import time
    deadline = time.monotonic() + 60
    while not jit.is_jit_compiled(g) and time.monotonic() < deadline:
        for _ in range(3000): g()
        time.sleep(0.01)
    assert jit.is_jit_compiled(g)
"""
FUNCTIONS = ("count_interpreted_calls", "disassemble", "force_compile", "force_uncompile", "get_compiled_size",
             "is_jit_compiled", "jit_suppress", "jit_unsuppress", "lazy_compile", "print_hir")


def run(source, option=None, env=None):
    """Run a program; return (exit status, output, errors)."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    options = [] if option is None else ["-X", f"jit={option}"]
    result = subprocess.run([sys.executable, *options, "-c", PRELUDE + source],
                            capture_output=True, text=True, env=environment | (env or {}))
    return result.returncode, result.stdout, result.stderr


class ControlTest(unittest.TestCase):

    def check(self, source, option=None, env=None):
        status, output, errors = run(textwrap.dedent(source) + "\nprint('done')", option, env)
        self.assertEqual((status, errors), (0, ""), errors)
        self.assertEqual(output.splitlines()[-1], "done")
        return output

    def test_import(self):
        self.check("""
            import clinker, clinker.jit
            assert clinker.jit is jit and sys.modules["clinker.jit"] is jit
            assert all(callable(getattr(jit, name)) for name in jit.__all__)
            assert not jit.is_enabled()
            assert jit.get_compile_after_n_calls() is None
        """)

    def test_not_imported_at_start(self):
        result = subprocess.run([sys.executable, "-c", "import sys; print({'clinker', '_jit'} & set(sys.modules))"],
                                capture_output=True, text=True)
        self.assertEqual(result.stdout, "set()\n")

    def test_force_compile(self):
        for option in (None, "1", "manual", "auto", "all,sync", "all,warm"):
            with self.subTest(option=option):
                self.check("""
                    assert jit.is_jit_compiled(f) is False
                    assert jit.force_compile(f) is True
                    assert jit.is_jit_compiled(f) is True
                    assert jit.is_jit_compiled(g) is False
                    assert jit.force_compile(f) is False
                    assert f(10) == 90 and f(10, 0.5) == 22.5 and f(5, b=3) == 30
                    assert jit.is_jit_compiled(f) is True
                    assert jit.get_compiled_functions() == [f] or len(jit.get_compiled_functions()) > 1
                    assert jit.get_compiled_size(f) > 100
                    assert jit.get_compiled_size(g) == -1
                    assert jit.get_compilation_time() >= 0
                    assert jit.get_function_compilation_time(f) >= 0
                    assert jit.get_function_compilation_time(g) is None
                """, option)

    def test_force_compile_what_has_run(self):
        self.check("""
            for i in range(50): f(10)
            assert jit.force_compile(f) is True
            for i in range(200): assert f(10) == 90
            # It is compiled again if a guess was wrong.
            assert jit.is_jit_compiled(f)
            def generate(n):
                total = 0
                for i in range(n):
                    total += i
                yield total
            assert jit.force_compile(generate)
            assert list(generate(5)) == [10]
        """)

    def test_closures_share_their_code(self):
        self.check("""
            def outer(n):
                def inner():
                    return n
                return inner
            one, other = outer(1), outer(2)
            assert jit.force_compile(one)
            assert jit.is_jit_compiled(other)
            assert (one(), other()) == (1, 2)
        """)

    def test_lazy_compile(self):
        for calls in (0, 1, 20):
            self.check(f"""
                for i in range({calls}): f(3)
                assert jit.lazy_compile(f) is True
                assert jit.is_jit_compiled(f) is False
                assert f(10) == 90
                assert jit.is_jit_compiled(f) is True
                assert jit.lazy_compile(f) is False
                assert f(10) == 90
                for i in range(2000): g()
                assert jit.is_jit_compiled(g) is False
            """)

    def test_uncompile(self):
        self.check("""
            assert jit.force_uncompile(f) is False
            jit.force_compile(f)
            assert jit.force_uncompile(f) is True
            assert jit.is_jit_compiled(f) is False
            assert f(10) == 90
            assert jit.force_compile(f) is True
            assert f(10) == 90
        """)

    def test_uncompile_while_it_runs(self):
        self.check("""
            def recurse(n):
                if n == 3:
                    assert jit.force_uncompile(recurse)
                return n + recurse(n - 1) if n else 0
            jit.force_compile(recurse)
            assert recurse(6) == 21
            assert not jit.is_jit_compiled(recurse)
            assert jit.force_compile(recurse)
            assert recurse(2) == 3
        """)

    def test_machine_code_that_is_not_entered_any_more_is_freed(self):
        self.check("""
            def size():
                return jit.stats()["compilation"]["bytes"]
            jit.force_compile(f)
            once = size()
            for _ in range(300):
                jit.force_uncompile(f)
                jit.force_compile(f)
                f(3)
            assert size() < 40 * once, (once, size())
            for _ in range(300):
                sys.settrace(lambda *arguments: None)
                f(3)
                sys.settrace(None)
                jit.force_compile(f)
                f(3)
            assert size() < 40 * once, (once, size())
        """)

    def test_machine_code_that_is_executed_is_kept(self):
        self.check("""
            import threading
            def churn():
                "Have other code compiled until what is not executed has been freed."
                for _ in range(40):
                    jit.force_compile(g)
                    jit.force_uncompile(g)
            def outer(depth):
                "Uncompiled below, and gone on with."
                if depth:
                    return outer(depth - 1) + 1
                jit.force_uncompile(outer)
                churn()
                return 0
            class Last:
                def __del__(self):
                    jit.force_uncompile(ends)
                    churn()
            def ends():
                last = Last()
                return 5
            def items(n):
                for i in range(n):
                    yield i
            def all_items():
                total = 0
                for item in items(50):
                    if item == 20:
                        jit.force_uncompile(items)
                        jit.force_uncompile(all_items)
                        churn()
                    total += item
                return total
            started, freed = threading.Event(), threading.Event()
            def waits():
                started.set()
                freed.wait()
                return 7
            for _ in range(5):
                jit.force_compile(outer)
                assert outer(10) == 10
                jit.force_compile(ends)
                assert ends() == 5
                jit.force_compile(items)
                jit.force_compile(all_items)
                assert all_items() == sum(range(50))
                jit.force_compile(waits)
                results = []
                thread = threading.Thread(target=lambda: results.append(waits()))
                thread.start()
                started.wait()
                jit.force_uncompile(waits)
                churn()
                freed.set()
                thread.join()
                assert results == [7]
                started.clear()
                freed.clear()
        """)

    def test_auto(self):
        self.check("""
            jit.auto()
            assert jit.is_enabled()
            wait()
            assert g() == 1
        """)

    def test_fork_while_something_is_compiled(self):
        # The other thread has ended by then: CPython warns if there are threads.
        self.check("""
            import os, warnings
            warnings.simplefilter("error")
            names = {}
            for i in range(200):
                exec(f"def many{i}(x):\\n" + "".join(f"    x = x * {j} + {i}\\n" for j in range(30)) + "    return x", names)
            for i in range(200):
                for _ in range(2001): names[f"many{i}"](1)
                if i % 40 == 20:
                    pid = os.fork()
                    if pid == 0:
                        wait()
                        os._exit(7)
                    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            wait()
        """, "auto")

    def test_signals_do_not_go_to_the_thread_that_compiles(self):
        self.check("""
            import os, signal, time
            wait()
            seen = []
            signal.signal(signal.SIGALRM, lambda *args: seen.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            start = time.monotonic()
            signal.pause()
            assert seen and time.monotonic() - start < 30
            for name in os.listdir("/proc/self/task"):
                with open(f"/proc/self/task/{name}/status") as file:
                    lines = dict(line.split(":", 1) for line in file)
                if lines["Name"].strip() == "clinker":
                    assert int(lines["SigBlk"], 16) & 1 << signal.SIGALRM - 1
                    break
            else:
                assert False, "no other thread"
        """, "auto")

    def test_compile_after_n_calls(self):
        for option in (None, "1", "auto", "manual"):
            with self.subTest(option=option):
                self.check("""
                    for i in range(7): f(3)
                    jit.compile_after_n_calls(20)
                    assert jit.get_compile_after_n_calls() == 20
                    for i in range(20): g(); f(3)
                    assert not jit.is_jit_compiled(g) and not jit.is_jit_compiled(f)
                    g(); f(3)
                    assert jit.is_jit_compiled(g) and jit.is_jit_compiled(f)
                    assert jit.count_interpreted_calls(g) == 20 + (sys.version_info > (0,))
                """, option)

    def test_compile_after_no_call(self):
        self.check("""
            jit.compile_after_n_calls(0)
            g()
            assert jit.is_jit_compiled(g)
        """)

    def test_loops_count_anew(self):
        self.check("""
            jit.compile_after_n_calls(10**6)
            def loop(n):
                for i in range(n): pass
            loop(1000)
            assert jit.get_compiled_size(loop) == -1
            jit.compile_after_n_calls(100)
            loop(200)
            assert jit.get_compiled_size(loop) > 0
            assert not jit.is_jit_compiled(loop)
            rows = [row for row in jit.stats()["hot"] if row["name"] == "loop"]
            assert rows[0]["loops"][0]["trips"] >= 1100, rows
        """)

    def test_disable_and_enable(self):
        self.check("""
            jit.force_compile(f)
            jit.disable()
            assert not jit.is_enabled()
            assert jit.is_jit_compiled(f)
            assert jit.force_compile(g) is False and jit.lazy_compile(g) is False
            assert jit.precompile_all() is False
            jit.enable()
            assert jit.is_enabled() and jit.force_compile(g) is True
            jit.disable(deopt_all=True)
            assert not jit.is_jit_compiled(f) and f(10) == 90
            jit.enable()
            assert jit.is_jit_compiled(f) and f(10) == 90
        """)

    def test_pause(self):
        self.check("""
            with jit.pause():
                assert not jit.is_enabled()
            assert not jit.is_enabled()
            jit.compile_after_n_calls(50)
            with jit.pause():
                for i in range(500): g()
                assert not jit.is_jit_compiled(g)
            assert jit.is_enabled()
            for i in range(100): g()
            assert jit.is_jit_compiled(g)
            try:
                with jit.pause(deopt_all=True):
                    assert not jit.is_jit_compiled(g) and g() == 1
                    raise KeyError
            except KeyError:
                pass
            assert jit.is_jit_compiled(g)
        """)

    def test_suppress(self):
        for start in ("", "jit.auto()"):
            self.check(f"""
                {start}
                @jit.jit_suppress
                def h(): return 3
                jit.auto()
                jit.compile_after_n_calls(10)
                for i in range(100): assert h() == 3
                assert not jit.is_jit_compiled(h)
                try:
                    jit.force_compile(h)
                except RuntimeError as error:
                    assert str(error) == "it is suppressed"
                assert jit.jit_unsuppress(h) is h
                for i in range(100): h()
                assert jit.is_jit_compiled(h)
                assert jit.jit_suppress(h) is h
                assert not jit.is_jit_compiled(h) and h() == 3
            """)

    def test_what_is_being_compiled_is_not_used(self):
        for forbid in ("jit.jit_suppress(f)", "jit.disable(deopt_all=True)"):
            with self.subTest(forbid=forbid):
                self.check(f"""
                    import time
                    native = sys._jit.is_active
                    def f(n):
                        for i in range(n):
                            if native():
                                return True
                        return False
                    f(2001)
                    {forbid}
                    time.sleep(0.5)
                    assert not any(f(1000) for i in range(100))
                """, "auto")

    def test_precompile_all(self):
        self.check("""
            assert jit.precompile_all() is False
            jit.compile_after_n_calls(10**6)
            f(3); g()
            assert jit.precompile_all(workers=2) is True
            assert jit.is_jit_compiled(f) and jit.is_jit_compiled(g)
            assert f(10) == 90
        """)

    def test_runtime_stats(self):
        self.check("""
            for i in range(50): f(10)
            jit.force_compile(f)
            for i in range(10): f(10, 0.5)
            rows = [row for row in jit.get_and_clear_runtime_stats()["deopt"] if row["normal"]["func_qualname"] == "f"]
            assert rows and all(row["int"]["count"] > 0 and row["normal"]["filename"] == "<string>" for row in rows), rows
            assert all(row["int"]["lineno"] in range(4, 9) for row in rows), rows
            jit.clear_runtime_stats()
            assert not [row for row in jit.get_and_clear_runtime_stats()["deopt"] if row["normal"]["func_qualname"] == "f"]
        """)

    def test_statistics(self):
        self.check("""
            jit.auto()
            wait()
            stats = jit.stats()
            row, = [row for row in stats["hot"] if row["name"] == "g"]
            assert row["compiled"] == 1
            assert stats["compilation"]["bytes"] > 0 and stats["compilation"]["microseconds"] > 0
        """)

    def test_refused(self):
        self.check("""
            body = "\\n".join(f"    x = x + {i}" for i in range(6000))
            exec(f"def big(x):\\n{body}\\n    return x")
            for force in (jit.force_compile,):
                try:
                    force(big)
                except RuntimeError as error:
                    assert str(error) == "it has more than 20000 code units", error
                else:
                    assert False
            assert jit.stats()["compilation"]["refused"]["it has more than 20000 code units"] == 1
        """)

    def test_excluded(self):
        self.check("""
            try:
                jit.force_compile(f)
            except RuntimeError as error:
                assert str(error) == "allow= or deny= excludes it"
            assert jit.force_compile(g)
        """, "auto,deny=f")

    def test_forbidden(self):
        source = """
            jit.auto()
            jit.enable()
            jit.compile_after_n_calls(3)
            assert jit.force_compile(f) is False and jit.lazy_compile(f) is False
            assert not jit.is_enabled() and not jit.is_jit_compiled(f)
            with jit.pause(): pass
            assert jit.get_compiled_functions() == []
        """
        self.check(source, "0")
        self.check(source, env={"PYTHON_JIT": "0"})

    def test_print_hir(self):
        output = self.check("""
            jit.force_compile(g)
            jit.print_hir(g)
            try:
                jit.print_hir(f)
            except RuntimeError as error:
                assert str(error) == "function is not jit compiled"
        """)
        self.assertIn("Return", output)

    @unittest.skipUnless(shutil.which("objdump"), "needs objdump")
    def test_disassemble(self):
        output = self.check("""
            jit.force_compile(g)
            jit.disassemble(g)
        """)
        self.assertRegex(output, r"g from \d+: \d+ bytes at 0x[0-9a-f]+")
        self.assertIn("ret", output)

    def test_disassemble_needs_native_code(self):
        self.check("""
            try:
                jit.disassemble(g)
            except RuntimeError as error:
                assert str(error) == "function is not jit compiled"
        """)

    def test_wrong_types(self):
        self.check(f"""
            class C:
                def method(self): pass
            for name in {FUNCTIONS!r}:
                for argument in (None, 3, "f", len, C, C().method, f.__code__):
                    try:
                        getattr(jit, name)(argument)
                    except TypeError as error:
                        assert name in str(error), error
                    else:
                        assert False, (name, argument)
                try:
                    getattr(jit, name)()
                except TypeError:
                    pass
            for name in ("compile_after_n_calls", "precompile_all"):
                for argument, expected in [("x", TypeError), (None, TypeError), (1.5, TypeError), (-1, ValueError),
                                           (2**40, ValueError)]:
                    try:
                        getattr(jit, name)(argument)
                    except expected:
                        pass
            import _jit
            for name in dir(_jit):
                if name.startswith("_") and not name.startswith("__"):
                    for arguments in [(), (None,), ("x",), (None, None)]:
                        try:
                            getattr(_jit, name)(*arguments)
                        except (TypeError, RuntimeError, ValueError):
                            pass
        """)

    def test_subinterpreter(self):
        self.check("""
            jit.auto()
            import _interpreters
            interp = _interpreters.create()
            failed = _interpreters.exec(interp, '''if True:
                from clinker import jit
                def f(): pass
                assert not jit.is_enabled() and not jit.is_jit_compiled(f)
                try:
                    jit.force_compile(f)
                except RuntimeError as error:
                    assert str(error) == "the compiler serves the main interpreter only", error
                else:
                    assert False
            ''')
            assert failed is None, failed
            _interpreters.destroy(interp)
        """)

    def test_sys_jit(self):
        source = """
            def active(): return sys._jit.is_active()
            print(sys._jit.is_available(), sys._jit.is_enabled(), active())
        """
        for option, expected in [(None, "True False False"), ("0", "True False False"), ("1", "True False False"),
                                 ("auto", "True True False"), ("all,sync", "True True True"), ("all,warm", "True True False")]:
            with self.subTest(option=option):
                self.assertEqual(self.check(source, option), expected + "\ndone\n")
        self.check("""
            def active(): return sys._jit.is_active()
            jit.force_compile(active)
            assert active() is True and sys._jit.is_enabled() is True
            assert sys._jit.is_active() is False
            with jit.pause():
                assert sys._jit.is_enabled() is False and active() is True
        """)

    def test_dead_callees(self):
        # They have not run since the compiler was started, but are known to it.
        self.check("""
            def make(source, **names):
                exec(source, names)
                return names["f"]
            for i in range(50):
                inner = make("def f(o): return o * 3")
                outer = make("def f(o): return inner(o)", inner=inner)
                for _ in range(100): outer(2)
                assert jit.force_compile(outer)
                del inner, outer
            gc.collect()
            filler = [b"\\xff" * n for n in range(100, 600) for _ in range(20)]
        """)

    def test_machine_code_of_what_often_runs(self):
        # Each time that it is looked for what can be freed, the same function is running.
        self.check("""
            def make(k):
                namespace = {}
                exec(f"def inner(a): return a + {k}", namespace)
                return namespace["inner"]
            def outer(n):
                for i in range(n): inner(i)
            sizes = []
            for k in range(1200):
                inner = make(k)
                outer(300)
                jit.force_uncompile(outer)
                jit.force_compile(outer)
                if k % 600 == 599:
                    gc.collect()
                    sizes.append(jit.stats()["compilation"]["bytes"])
                    # What was looked for during one of two compilations is during the other now.
                    jit.force_compile(make(-k))
            assert jit.stats()["compilation"]["compiled"] > 2000
            assert max(sizes) < 200_000, sizes
        """, "auto,after=60")

    def test_dead_functions(self):
        self.check("""
            for i in range(200):
                namespace = {}
                exec("def h(): return 3", namespace)
                h = namespace["h"]
                assert jit.force_compile(h) and h() == 3
                jit.jit_suppress(h)
            del namespace, h
            gc.collect()
            assert jit.stats()["compilation"]["bytes"] < 10_000
        """)


if __name__ == "__main__":
    unittest.main()
