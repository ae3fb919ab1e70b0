"""Lazy imports by the wheel in a stock interpreter."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from programs import run

ALL = ("-X", "lazy_imports=all")


class LazyTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, **files):
        """Writes modules; two underscores part a package and its module."""
        for name, text in files.items():
            path = self.folder.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def run_here(self, source, options=ALL, env=None):
        """Runs a program that can import the modules; returns (exit status, output, errors)."""
        source = f"import sys; sys.path.insert(0, {str(self.folder)!r})\n" + textwrap.dedent(source)
        return run(*options, source=source, env=env)

    def check(self, source, output, options=ALL, env=None):
        """What it prints, and that nothing fails."""
        self.assertEqual(self.run_here(source, options, env), (0, textwrap.dedent(output), ""))


LOADED = """
def loaded(*names):
    import sys
    print(*(name for name in names if name in sys.modules))
"""


class StatementsTest(LazyTest):

    def test_used_first(self):
        self.write(mod="""
            import json
            import xml.dom.minidom as minidom
            import email.message, email.charset
            from decimal import Decimal, getcontext as context
            def dump(): return json.dumps([1])
        """, loaded=LOADED)
        names = "'json', 'xml.dom', 'email', 'decimal'"
        self.check(f"""
            import mod; from loaded import loaded
            loaded({names})
            print(mod.dump()); loaded({names})
            print(mod.minidom.__name__); loaded({names})
            print(mod.email.message.__name__, mod.email.charset.__name__); loaded({names})
            print(mod.context.__name__); loaded({names})
            print(mod.Decimal(2))
        """, """\

            [1]
            json
            xml.dom.minidom
            json xml.dom
            email.message email.charset
            json xml.dom email
            getcontext
            json xml.dom email decimal
            2
        """)

    def test_eager(self):
        self.write(mod="""
            from __future__ import annotations
            try:
                import json
            except ImportError:
                json = None
            try:
                raise ValueError
            except ValueError:
                import decimal
            import contextlib
            with contextlib.suppress(ImportError):
                import no_such_module
            from colorsys import *
            def f():
                import netrc
                return netrc
            class C:
                import pprint
        """, loaded=LOADED)
        self.check("""
            import mod; from loaded import loaded
            loaded('json', 'decimal', 'colorsys', 'pprint', 'netrc')
            print(mod.rgb_to_hsv.__module__, mod.f().__name__, mod.C.pprint.__name__)
        """, "json decimal colorsys pprint\ncolorsys netrc pprint\n")

    def test_many_names(self):
        # Arguments of more than a byte.
        values = "".join(f"name{number} = {number}\n" for number in range(300))
        self.write(mod=values + "import json\nfrom decimal import Decimal\nx = json.dumps(str(Decimal(name299)))\n")
        self.check("import mod; print(mod.x)", '"299"\n')

    def test_in_a_loop_and_if(self):
        self.write(mod="""
            for number in range(3):
                if number:
                    import json as last
                else:
                    from decimal import Decimal as last
            print(last.__name__)
        """)
        self.check("import mod", "json\n")

    def test_rebound_and_deleted(self):
        self.write(mod="""
            json = 1
            import json
            import decimal
            decimal = 2
            import colorsys
            del colorsys
            import netrc
            def forget():
                global netrc
                del netrc
            from io import open
            from builtins import len
        """)
        self.check("""
            import mod
            print(mod.json.__name__, mod.decimal, hasattr(mod, 'colorsys'), mod.open is open)
            mod.forget(); print(hasattr(mod, 'netrc'))
            import sys; print('decimal' in sys.modules)
        """, "json 2 False True\nFalse\nFalse\n")

    def test_attributes_set_from_outside(self):
        self.write(mod="""
            import json, decimal, colorsys
            def read(): return json
        """)
        self.check("""
            import mod
            mod.json = 1; del mod.decimal
            print(mod.read(), hasattr(mod, 'decimal'))
            del mod.json
            print(hasattr(mod, 'json'), sorted({'json', 'decimal'} & {*sys.modules}))
        """, "1 False\nFalse []\n")


class ErrorsTest(LazyTest):

    def test_where_it_is_used(self):
        self.write(mod="""
            import no_such_module
            def use():
                return no_such_module.x
        """)
        status, output, errors = self.run_here("import mod; print('started'); mod.use()")
        self.assertEqual((status, output), (1, "started\n"))
        self.assertRegex(errors, r'mod\.py", line 4, in use\n(?s:.*)\n'
                         r"ModuleNotFoundError: No module named 'no_such_module'\n"
                         r"the import of 'no_such_module' was deferred in file \".*mod\.py\", line 2\n\Z")

    def test_tried_again(self):
        self.write(mod="import later\ndef use(): return later.x")
        self.check(f"""
            import mod, pathlib, importlib
            for _ in range(2):
                try: mod.use()
                except ModuleNotFoundError as error: print(error.name, len(error.__notes__))
            pathlib.Path({str(self.folder)!r}, 'later.py').write_text('x = 5')
            importlib.invalidate_caches()
            print(mod.use(), mod.later.__name__)
        """, "later 1\nlater 1\n5 later\n")

    def test_what_lookups_would_hide(self):
        self.write(bad="import os; raise eval(os.environ['RAISE'])", mod="import bad\ndef use(): return bad")
        for error in ("AttributeError", "KeyError", "NameError", "StopIteration"):
            for read in ("mod.use()", "mod.bad", "hasattr(mod, 'bad')", "getattr(mod, 'bad', 1)", "vars(mod)", "mod.__dict__"):
                with self.subTest(error=error, read=read):
                    self.check(f"""
                        import mod
                        try: {read}
                        except ImportError as error: print(error, repr(error.__cause__))
                    """, f"lazy import of 'bad' raised {error} during resolution {error}('x')\n", env={"RAISE": f"{error}('x')"})

    def test_missing_name(self):
        self.write(mod="from json import no_such_name\ndef use(): return no_such_name")
        status, _, errors = self.run_here("import mod; mod.use()")
        self.assertEqual(status, 1)
        self.assertIn("ImportError: cannot import name 'no_such_name' from 'json' (", errors)

    def test_stock_messages(self):
        self.write(mod="import json\ndef use(): return missing")
        for statement, expected in [("mod.use()", "NameError: name 'missing' is not defined"),
                                    ("mod.absent", "AttributeError: module 'mod' has no attribute 'absent'"),
                                    ("from mod import absent", "ImportError: cannot import name 'absent' from 'mod' (")]:
            with self.subTest(statement=statement):
                status, _, errors = self.run_here(f"import mod; {statement}")
                self.assertEqual(status, 1)
                self.assertTrue(errors.splitlines()[-1].startswith(expected), errors)

    def test_frames_of_importlib_are_left_out(self):
        self.write(mod="import json\n1/0")
        _, _, errors = self.run_here("import mod")
        self.assertEqual(errors.count("File"), 2, errors)

    def test_import_that_makes_another_possible(self):
        self.write(hook="""
            import sys, types
            sys.modules['made'] = types.ModuleType('made')
        """, mod="import hook\nimport made\ndef use(): return made")
        self.check("import mod; print(mod.use().__name__)", "made\n")


class NamespaceTest(LazyTest):

    MODULE = """
        import json
        from decimal import Decimal
        def use(): return json
        def own(): return sorted(name for name in globals() if name[0] != '_')
        def evaluated(): return eval('json').__name__
        def executed():
            exec('global got; got = Decimal')
            return got.__name__
        def outside(how):
            return how()
    """

    def test_reads(self):
        names = ["Decimal", "evaluated", "executed", "json", "outside", "own", "use"]
        for source, expected in [
                ("sorted(n for n in vars(mod) if n[0] != '_')", names),
                ("sorted(n for n in mod.__dict__ if n[0] != '_')", names),
                ("sorted(n for n in dict(vars(mod)) if n[0] != '_')", names),
                ("sorted(n for n in {**mod.__dict__} if n[0] != '_')", names),
                ("[n for n in dir(mod) if n[0] != '_']", names),
                ("mod.own()", names),
                ("[n for n, _ in inspect.getmembers(mod) if n[0] != '_']", names),
                ("star()", names),
                ("mod.json.__name__", "json"),
                ("getattr(mod, 'json').__name__", "json"),
                ("hasattr(mod, 'Decimal')", True),
                ("mod.use().__name__", "json"),
                ("mod.evaluated()", "json"),
                ("mod.executed()", "Decimal"),
                ("eval('json', vars(mod)).__name__", "json"),
                ("eval('json', mod.use.__globals__).__name__", "json"),
                ("eval('json', dict(mod.use.__globals__)).__name__", "json"),
                ("operator.attrgetter('json.dumps')(mod).__name__", "dumps"),
                ("pickle.loads(b'cmod\\nDecimal\\n.').__name__", "Decimal"),
                ("__import__('mod', fromlist=['json']).json.__name__", "json"),
                ("pkgutil.resolve_name('mod:json.dumps').__name__", "dumps"),
                ("ctypes_getattr(mod, b'json').__name__", "json"),
        ]:
            with self.subTest(source=source):
                self.write(mod=self.MODULE)
                self.check(f"""
                    import ctypes, inspect, operator, pickle, pkgutil
                    def star():
                        names = {{}}
                        exec('from mod import *', names)
                        return sorted(n for n in names if n[0] != '_')
                    def ctypes_getattr(*arguments):
                        get = ctypes.pythonapi.PyObject_GetAttrString
                        get.restype, get.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_char_p]
                        return get(*arguments)
                    import mod
                    print({source})
                """, f"{expected}\n")

    def test_reads_without_asking_the_module(self):
        # What docs/wheel.md says is not found.
        self.write(mod=self.MODULE)
        self.check("""
            import ctypes, mod
            raw = ctypes.pythonapi.PyModule_GetDict
            raw.restype, raw.argtypes = ctypes.py_object, [ctypes.py_object]
            print('json' in mod.use.__globals__, 'json' in raw(mod), mod.use.__globals__ is raw(mod))
            print(mod.json is mod.use.__globals__['json'])
        """, "False False True\nTrue\n")

    def test_nothing_is_left(self):
        self.write(mod=self.MODULE)
        self.check("""
            import mod, types
            print(dir(mod).count('__getattr__'), vars(mod).get('__getattr__'), type(mod) is types.ModuleType)
        """, "0 None True\n")

    def test_names_alone_resolve_nothing(self):
        self.write(mod=self.MODULE + "    names = dir()\n")
        self.check("""
            import mod, sys
            dir(mod)
            print('json' in mod.names, 'json' in sys.modules, 'decimal' in sys.modules)
        """, "True False False\n")

    def test_locals_and_vars_as_ever(self):
        self.write(mod="""
            import json
            def inner(a):
                b = a
                return locals(), vars(), sorted(dir()), [name for name in (lambda c: locals())(1)]
            class C:
                here = sorted(name for name in locals() if name[0] != '_')
                x = 1
                then = sorted(name for name in vars() if name[0] != '_')
            top = 'json' in locals() and locals() is globals() and vars() is globals()
        """)
        self.check("import mod; print(mod.inner(1), mod.C.here, mod.C.then, mod.top)",
                   "({'a': 1, 'b': 1}, {'a': 1, 'b': 1}, ['a', 'b'], ['c']) [] ['here', 'x'] True\n")

    def test_builtins_are_those_of_the_program(self):
        self.write(mod="""
            import json
            def call(): return sum([]), open('x')
            def translate(): return _('x')
        """)
        self.check("""
            import builtins, gettext, mod
            from unittest import mock
            with mock.patch('builtins.open', return_value=5), mock.patch('builtins.sum', return_value=6):
                print(mod.call())
            try: mod.translate()
            except NameError as error: print(error)
            gettext.install('x'); print(mod.translate())
            del builtins._
            try: mod.translate()
            except NameError as error: print(error)
            try: mod.call()
            except OSError as error: print('missing')
        """, "(6, 5)\nname '_' is not defined\nx\nname '_' is not defined\nmissing\n")

    def test_dataclass_with_annotations_as_text(self):
        self.write(mod="""
            from __future__ import annotations
            from dataclasses import dataclass
            from typing import ClassVar
            import json
            @dataclass
            class Point:
                count: ClassVar[int] = 0
                x: int = 1
        """)
        self.check("""
            import dataclasses, sys, mod
            print([field.name for field in dataclasses.fields(mod.Point)], 'json' in sys.modules)
        """, "['x'] False\n")

    def test_annotations(self):
        self.write(mod="""
            from __future__ import annotations
            from decimal import Decimal
            import json, colorsys
            class C:
                x: Decimal
                def f(self, y: json.JSONDecoder) -> Decimal: pass
            def f(y: json.JSONDecoder): pass
        """)
        self.check("""
            import inspect, typing, mod
            print(inspect.get_annotations(mod.f), inspect.get_annotations(mod.f, eval_str=True)['y'].__name__)
            import sys; print('colorsys' in sys.modules)
            print(typing.get_type_hints(mod.C)['x'].__name__, typing.get_type_hints(mod.C.f)['y'].__name__)
        """, "{'y': 'json.JSONDecoder'} JSONDecoder\nFalse\nDecimal JSONDecoder\n")

    def test_found_without_being_asked(self):
        self.write(mod="import json\ndef f(): pass")
        self.check("""
            import inspect, mod
            print(inspect.getattr_static(mod, 'f').__name__, inspect.getattr_static(mod, 'json').__name__,
                  inspect.getattr_static(mod, 'absent', None))
        """, "f json None\n")

    def test_module_that_takes_over(self):
        self.write(mod="""
            import json
            def f(): return json
            import sys
            sys.modules[__name__].__getattr__ = lambda name: name.upper()
            from decimal import Decimal
        """)
        self.check("import mod, sys; print(mod.absent, mod.json.__name__, mod.f().__name__, 'decimal' in sys.modules)",
                   "ABSENT json json True\n")

    def test_module_that_answers_itself(self):
        self.write(own="""
            import json
            def __getattr__(name): return name.upper()
        """, classy="""
            import sys, types
            import json
            class Mine(types.ModuleType):
                pass
            sys.modules[__name__].__class__ = Mine
        """)
        self.check("import own, classy; print(own.anything, own.json.__name__, classy.json.__name__, type(classy).__name__)",
                   "ANYTHING json json Mine\n")


class PackagesTest(LazyTest):

    def test_name_of_a_submodule(self):
        self.write(pkg____init__="", plain="")
        (self.folder / "pkg" / "__init__.py").write_text(textwrap.dedent("""
            from .bar import Bar
            bar = "x"
            from .main import Program, main
            from . import last
        """))
        (self.folder / "pkg" / "bar.py").write_text("class Bar: pass")
        (self.folder / "pkg" / "main.py").write_text("class Program: pass\nmain = Program")
        (self.folder / "pkg" / "last.py").write_text("")
        self.check("""
            import pkg
            print(pkg.Program.__name__, pkg.main.__name__, pkg.Bar.__name__, pkg.bar, pkg.last.__name__)
            import pkg.bar, pkg.main
            print(pkg.bar, pkg.main.__name__)
        """, "Program Program Bar x pkg.last\nx Program\n")

    def test_submodule_that_another_module_imports(self):
        self.write(one="import xml.dom\nimport xml", two="import xml\ndef use(): return xml.dom.__name__",
                   three="from xml import sax")
        self.check("import one, two, three; print(two.use(), two.xml.sax.__name__)", "xml.dom xml.sax\n")

    def test_relative(self):
        (self.folder / "pkg" / "sub").mkdir(parents=True)
        for name, text in {"__init__": "", "sub/__init__": "from ..value import x\nfrom . import leaf", "sub/leaf": "from .. import value",
                           "value": "x = 3"}.items():
            (self.folder / "pkg" / f"{name}.py").write_text(text)
        self.check("import pkg.sub; print(pkg.sub.x, pkg.sub.leaf.value.x)", "3 3\n")

    def test_cycle(self):
        self.write(a="import b\ndef f(): return b.g()", b="import a\nfrom a import f\ndef g(): return f.__name__")
        self.check("import a; print(a.f())", "f\n")

    def test_before_an_extension_module(self):
        import _bisect
        package = self.folder / "pkg"
        package.mkdir()
        (package / "__init__.py").write_text("import json\nimport no_such_module\nfrom . import side")
        (package / "side.py").write_text("import decimal")
        if not hasattr(_bisect, "__file__"):
            self.skipTest("the module that is copied is built in")
        (package / Path(_bisect.__file__).name).write_bytes(Path(_bisect.__file__).read_bytes())
        self.check("""
            import sys, pkg
            print('json' in sys.modules)
            import pkg._bisect
            print('json' in sys.modules, 'pkg.side' in sys.modules, pkg._bisect.bisect_right.__name__)
        """, "False\nTrue True bisect_right\n")

    def test_finder_that_uses_what_is_deferred(self):
        self.write(finder="""
            import sys
            import fnmatch
            class Finder:
                def find_spec(self, name, path=None, target=None):
                    fnmatch.fnmatch(name, '*')
            sys.meta_path.insert(0, Finder())
        """)
        self.check("import finder, colorsys; print(finder.fnmatch.__name__, len(sys.meta_path))", "fnmatch 4\n")

    def test_threads(self):
        self.write(slow="import time; time.sleep(0.05); x = 7", mod="""
            from slow import x
            import slow
            def use(): return x, slow.x
        """)
        self.check("""
            import mod
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(8) as pool:
                print({*pool.map(lambda _: mod.use(), range(32))})
        """, "{(7, 7)}\n")

    def test_reload(self):
        self.write(mod="import json\ndef use(): return json.__name__")
        self.check("import mod, importlib; importlib.reload(mod); print(mod.use()); importlib.reload(mod); print(mod.use())",
                   "json\njson\n")


class ControlTest(LazyTest):

    def test_caches_are_those_of_stock(self):
        text = "import json\nfrom decimal import *\ndef f(): return json\n"
        written = {}
        for kind, options in (("defer", ALL), ("stock", ())):
            folder = self.folder / kind
            folder.mkdir()
            (folder / "mod.py").write_text(text)
            os.utime(folder / "mod.py", (1_700_000_000, 1_700_000_000))
            # Names of the same length: code has them.
            source = f"import os, sys; os.chdir({str(folder)!r}); sys.path.insert(0, ''); sys.path_importer_cache.clear(); import mod"
            self.assertEqual(run(*options, source=source), (0, "", ""))
            written[kind] = {file.name: file.read_bytes().replace(str(folder).encode(), b"") for file in (folder / "__pycache__").iterdir()}
        self.assertEqual(written["defer"].keys(), {"mod.cpython-313.pyc"})
        self.assertEqual(written["defer"], written["stock"])

    def test_modes(self):
        self.write(mod="__lazy_modules__ = ['json']\nimport json, decimal", loaded=LOADED)
        for options, env, expected in [
                (ALL, {}, ""), (("-X", "lazy_imports=normal"), {}, "decimal"), ((), {"PYTHON_LAZY_IMPORTS": "all"}, ""),
                ((), {"PYTHON_LAZY_IMPORTS": "normal"}, "decimal"), ((), {}, "json decimal"), ((), {"PYTHON_LAZY_IMPORTS": ""}, "json decimal"),
                (("-E",), {"PYTHON_LAZY_IMPORTS": "all"}, "json decimal")]:
            with self.subTest(options=options, env=env):
                self.check("import mod; from loaded import loaded; loaded('json', 'decimal')", f"{expected}\n", options, env)

    def test_wrong_mode(self):
        for options in (("-X", "lazy_imports=wrong"), ("-X", "lazy_imports")):
            with self.subTest(options=options):
                self.assertEqual(run(*options, source="print(1)"),
                                 (1, "", "-X lazy_imports: invalid value; expected 'all' or 'normal'\n"))

    def test_rules(self):
        self.write(mod="import json, decimal, xml.dom, colorsys, netrc", loaded=LOADED)
        rules = self.folder / "rules"
        rules.write_text("# a comment\nlazy xml.dom in mo?\neager xml\neager json in other\neager dec*\neager colorsys in mod # here\n")
        self.check("import mod; from loaded import loaded; loaded('json', 'decimal', 'xml', 'colorsys', 'netrc')",
                   "decimal colorsys\n", (*ALL, "-X", f"lazy_filter={rules}"))

    def test_profile(self):
        self.write(mod="import json, decimal, colorsys, faulthandler", loaded=LOADED)
        profile = self.folder / "profile"
        profile.write_text("clinker-lazy-profile 1\nruns 2\neffect json sys.path\nat-once mod decimal 2 of 2\nat-once mod colorsys 1 of 2\n")
        source = "import mod; from loaded import loaded; loaded('json', 'decimal', 'colorsys', 'faulthandler')"
        self.check(source, "json decimal\n", (*ALL, "-X", f"lazy_profile=use:{profile}"))
        self.check(source, "json decimal faulthandler\n", (*ALL, "-X", f"lazy_profile=use:{profile},default"))

    def test_wrong_files(self):
        wrong = self.folder / "wrong"
        wrong.write_text("eager\n")
        for option, expected in [(f"lazy_filter={wrong}", f"{wrong}: line 1: expected `eager MODULE` or `lazy MODULE`"),
                                 (f"lazy_profile=use:{wrong}", f"{wrong}: the first line is not `clinker-lazy-profile 1`"),
                                 ("lazy_filter=/no/such", "cannot read /no/such: ")]:
            with self.subTest(option=option):
                status, output, errors = run(*ALL, "-X", option, source="print(1)")
                self.assertEqual((status, output), (1, ""))
                self.assertTrue(errors.startswith(expected), errors)

    def test_report_is_not_there(self):
        status, output, errors = run(*ALL, "-X", "lazy_report", source="print(1)")
        self.assertEqual((status, output), (0, "1\n"))
        self.assertRegex(errors, r"\Aclinker: not started: .*\n\Z")

    def test_children_and_subinterpreters(self):
        self.write(mod="import json")
        self.check(f"""
            import _interpreters, subprocess
            source = "import sys; sys.path.insert(0, {str(self.folder)!r}); import mod; print('json' in sys.modules, flush=True)"
            print(subprocess.run([sys.executable, '-c', source], capture_output=True, text=True).stdout.strip(), flush=True)
            interpreter = _interpreters.create()
            _interpreters.exec(interpreter, source)
            _interpreters.destroy(interpreter)
        """, "False\nFalse\n", (), {"PYTHON_LAZY_IMPORTS": "all"})

    def test_programs_of_the_standard_library(self):
        self.write(test_it="import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertIn(1, [1])\n")
        for module, arguments, expected in [("json.tool", ["-"], "{}\n"), ("unittest", ["test_it"], ""), ("zipfile", ["--help"], "usage"),
                                            ("pydoc", ["json.tool"], "Help on module"), ("timeit", ["-n", "1", "-r", "1", "1"], "1 loop"),
                                            ("venv", ["--help"], "usage"), ("asyncio", [], None)]:
            with self.subTest(module=module):
                ends = [subprocess.run([sys.executable, *options, "-m", module, *arguments], input="{}" if arguments == ["-"] else "",
                                       capture_output=True, text=True, cwd=self.folder, timeout=100) for options in (ALL, ())]
                self.assertEqual(ends[0].returncode, ends[1].returncode, ends[0].stderr)
                if expected is not None:
                    self.assertTrue(ends[0].stdout.startswith(expected), ends[0])


if __name__ == "__main__":
    unittest.main()
