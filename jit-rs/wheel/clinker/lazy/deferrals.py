"""The deferred imports of one module: they are declared when the statements are reached, and resolved when a name is needed."""

import _frozen_importlib
import _thread
import builtins
import sys
from types import ModuleType

from clinker.lazy.policy import POLICY

_IMPORTLIB = vars(_frozen_importlib)
# Where the namespace of a module has them: no program can have such a name, and a module may set a __getattr__() of its own.
_KEY = "import"

# The modules below a package that are deferred, in the order of their statements, and the names that "from package import name"
# has deferred, which may be submodules: by package.
CHILDREN = {}
WANTED = {}
# What is being resolved, and by which thread. It is asked for again only by a finder.
_RESOLVING = set()
# The finders of an interpreter that has just started.
_FINDERS = [finder for finder in sys.meta_path if getattr(finder, "__module__", "").startswith(("_frozen_importlib", "importlib."))]


class Import:
    """An import that is deferred."""

    __slots__ = ("statement", "name", "file", "line")

    def __init__(self, statement, name, frame):
        self.statement = statement
        self.name = name
        self.file = frame.f_code.co_filename
        self.line = frame.f_lineno

    def load(self, namespace):
        """Does it; returns what the statement gets."""
        statement = self.statement
        arguments = (statement.module, namespace, namespace, statement.fromlist, statement.level)
        resolving = (_thread.get_ident(), self.name)
        if resolving not in _RESOLVING:
            _RESOLVING.add(resolving)
            try:
                return builtins.__import__(*arguments)
            finally:
                _RESOLVING.discard(resolving)
        if self.name in sys.modules:
            return builtins.__import__(*arguments)
        # A finder waits for what it has been asked to find.
        finders, sys.meta_path = sys.meta_path, _FINDERS
        try:
            return builtins.__import__(*arguments)
        finally:
            sys.meta_path = finders


class Deferrals:
    """What a module has deferred. It is in the namespace of the module, also as the function __getattr__()."""

    def __init__(self, module, namespace):
        self.namespace = namespace
        self.name = module.__name__
        self.module = module
        self.statements = {}
        # By name: the imports that bind it, and the path from what they get to the object.
        self.table = {}
        # Submodules that with eager imports would have been bound already.
        self.placed = {}
        self.in_body = True
        self.retrying = False
        # The names that are being resolved, and by which thread.
        self.resolving = set()

    def declare(self, key, frame):
        """Defers a statement that has been reached, or does it."""
        statement = self.statements[key]
        name = _absolute(statement, self.namespace)
        declared = Import(statement, name, frame)
        if self._is_left() or not POLICY.defers_in(self.namespace, name) or _is_loaded(statement, name):
            self._bind(statement, declared.load(self.namespace))
            return
        package, _, child = name.rpartition(".")
        if package == self.name and name not in sys.modules:
            self._place(child, declared)
        for target, path in statement.targets:
            before = self.table.pop(target, None)
            imports = [declared]
            if not path and before is not None and not before[1] and statement.fromlist is None:
                # "import a.b" and "import a.c" bind the same.
                if before[0][0].name.partition(".")[0] == name.partition(".")[0]:
                    imports = [*before[0], declared]
            self.table[target] = (imports, path)
            self.namespace.pop(target, None)
        _expect(name, statement.fromlist or ())

    def _is_left(self):
        """Whether the module has got a class or a __getattr__() of its own, which does not ask here."""
        return type(self.module) is not LazyModule or self.namespace.get("__getattr__") is not self

    def _bind(self, statement, got):
        for target, path in statement.targets:
            self.table.pop(target, None)
            self.namespace[target] = _follow(got, path)

    def _place(self, child, declared):
        entry = ([declared], None)
        self.placed[child] = entry
        self.table[child] = entry
        self.namespace.pop(child, None)

    def resolve(self, name):
        """Does the import that binds a name, and returns the object."""
        entry = self.table.get(name)
        if entry is None:
            # Another thread has been faster.
            return self.namespace[name]
        imports, path = entry
        resolving = (_thread.get_ident(), name)
        self.resolving.add(resolving)
        try:
            value = self._load(imports, path)
        except ModuleNotFoundError:
            # An import above may make it available.
            if self.retrying or not self._resolve_before(imports[0]):
                raise
            value = self._load(imports, path)
        finally:
            self.resolving.discard(resolving)
        if self.table.get(name) is not entry:
            return self.namespace.get(name, value)
        del self.table[name]
        self.namespace[name] = value
        self.settle()
        return value

    def _load(self, imports, path):
        try:
            for one in imports:
                value = one.load(self.namespace)
                _arrived(one.name)
            return sys.modules[imports[0].name] if path is None else _follow(value, path)
        except BaseException as error:
            raised = error
            shown = ".".join((imports[0].name, *(path or ()))) if imports[0].statement.fromlist else imports[0].name
            # Who looks a name up would take these for "there is none".
            if isinstance(error, (AttributeError, KeyError, NameError, StopIteration)):
                raised = ImportError(f"lazy import of {shown!r} raised {type(error).__name__} during resolution")
                raised.__cause__ = error
            raised.add_note(f'the import of {shown!r} was deferred in file "{imports[0].file}", line {imports[0].line}')
            if raised is error:
                raise
            raise raised

    def _resolve_before(self, failed):
        """Does what the code deferred before a statement; returns whether anything was."""
        earlier = [name for name, (imports, _) in self.table.items()
                   if imports[0] is not failed and imports[0].line < failed.line]
        self.retrying = True
        try:
            return any([self._try(name) for name in earlier])
        finally:
            self.retrying = False

    def _try(self, name):
        try:
            if name in self.table:
                self.resolve(name)
            return True
        except ImportError:
            return False

    def resolve_what_can_be(self):
        """Does all imports; those that fail stay deferred."""
        for name in list(self.table):
            self._try(name)

    def resolve_all(self):
        """Does all imports."""
        for name in list(self.table):
            if name in self.table:
                self.resolve(name)

    def begin_of_body(self, statements):
        """The body of the module is going to be executed."""
        self.statements = statements
        self.in_body = True

    def names(self):
        """The names of the module."""
        return (self.namespace.keys() | self.table.keys()) - {_KEY, "__getattr__"}

    def __call__(self, name):
        """What the module does for an attribute that is not in its namespace."""
        # "from . import name" asks the package itself, and imports the submodule if it does not have the name.
        if name in self.table and (_thread.get_ident(), name) not in self.resolving:
            return self.resolve(name)
        if not name.startswith("__"):
            child = f"{self.name}.{name}"
            if name in WANTED.get(self.name, ()):
                WANTED[self.name].discard(name)
                try:
                    builtins.__import__(child)
                except ModuleNotFoundError as error:
                    if error.name != child:
                        raise
            # One that was loaded for another would be there.
            for other in list(CHILDREN.get(self.name, ())):
                if name in self.namespace:
                    break
                CHILDREN[self.name].pop(other, None)
                try:
                    builtins.__import__(other)
                except ImportError:
                    # The concern of who needs it.
                    pass
            self.settle()
        if name in self.namespace:
            return self.namespace[name]
        shown = f"module {self.name!r} has no attribute {name!r}"
        if getattr(self.namespace.get("__spec__"), "_initializing", False):
            shown = f"partially initialized {shown} (most likely due to a circular import)"
        raise AttributeError(shown, name=name, obj=self.module)

    def end_of_body(self):
        """The body of the module has been executed."""
        self.in_body = False
        if self._is_left():
            self.resolve_all()
        # Names that it has are not submodules.
        WANTED.get(self.name, set()).difference_update(self.namespace)
        self.settle()

    def settle(self):
        """Makes the module an ordinary one if nothing is deferred any more."""
        if self.in_body or self.table or self.placed or CHILDREN.get(self.name) or WANTED.get(self.name):
            return
        for name in (_KEY, "__getattr__"):
            if self.namespace.get(name) is self:
                del self.namespace[name]
        if type(self.module) is LazyModule:
            ModuleType.__setattr__(self.module, "__class__", ModuleType)


class LazyModule(ModuleType):
    """The class of a module as long as it has deferred imports."""

    @property
    def __dict__(self):
        namespace = namespace_of(self)
        deferrals = deferrals_in(namespace)
        asking = sys._getframe(1)
        module = asking.f_globals.get("__name__")
        if deferrals is None or module == "inspect" and asking.f_code.co_name == "get_annotations":
            # That evaluates annotations as code of the module, which finds what is deferred.
            return namespace
        if module == "dataclasses":
            # It asks for the namespace of each dataclass, and looks for names of these in it.
            for name, (imports, _) in list(deferrals.table.items()):
                if imports[0].name in ("typing", "dataclasses", "typing_extensions"):
                    deferrals.resolve(name)
        else:
            deferrals.resolve_all()
        return namespace

    def __dir__(self):
        deferrals = deferrals_of(self)
        return super().__dir__() if deferrals is None else list(deferrals.names())

    def __setattr__(self, name, value):
        deferrals = deferrals_of(self)
        if deferrals is not None:
            if name in ("__class__", "__getattr__"):
                deferrals.resolve_all()
            elif name in deferrals.placed and sys._getframe(1).f_globals is _IMPORTLIB:
                entry = deferrals.placed.pop(name)
                if name in deferrals.namespace or deferrals.table.get(name) is not entry:
                    # Something else has been bound since the program imported the submodule.
                    _arrived(value.__name__)
                    return
            deferrals.table.pop(name, None)
        super().__setattr__(name, value)
        if deferrals is not None and sys._getframe(1).f_globals is _IMPORTLIB:
            _arrived(value.__name__)

    def __delattr__(self, name):
        deferrals = deferrals_of(self)
        if deferrals is None or deferrals.table.pop(name, None) is None or name in deferrals.namespace:
            super().__delattr__(name)
        else:
            deferrals.settle()


LazyModule.__name__ = LazyModule.__qualname__ = "module"


def see_through(inspect):
    """Lets inspect.getattr_static() find the names of modules: it takes a property called __dict__ for the end of the search."""
    stock = inspect.getattr_static

    def getattr_static(obj, attr, *default):
        deferrals = deferrals_of(obj) if type(obj) is LazyModule else None
        if deferrals is not None:
            if attr in deferrals.table:
                return deferrals.resolve(attr)
            if attr in deferrals.namespace:
                return deferrals.namespace[attr]
        return stock(obj, attr, *default)

    getattr_static.__doc__ = stock.__doc__
    inspect.getattr_static = getattr_static


def namespace_of(module):
    """The namespace of a module as it is; None if it is no module."""
    return ModuleType.__dict__["__dict__"].__get__(module) if isinstance(module, ModuleType) else None


def deferrals_in(namespace):
    """What the module with this namespace has deferred; None if that is nothing."""
    found = namespace.get(_KEY)
    return found if type(found) is Deferrals else None


def deferrals_of(module):
    """What a module has deferred; None if that is nothing."""
    namespace = namespace_of(module)
    return None if namespace is None else deferrals_in(namespace)


def attach(module):
    """Gives a module the means to defer; None if it has a class or a __getattr__() of its own."""
    namespace = namespace_of(module)
    if namespace is None:
        return None
    found = deferrals_in(namespace)
    if found is None and type(module) is ModuleType and "__getattr__" not in namespace:
        found = namespace[_KEY] = namespace["__getattr__"] = Deferrals(module, namespace)
        module.__class__ = LazyModule
    return found


def _follow(got, path):
    """What a path of attributes leads to, as IMPORT_FROM finds it."""
    for name in path:
        try:
            got = getattr(got, name)
        except AttributeError:
            package = getattr(got, "__name__", "<unknown module name>")
            found = sys.modules.get(f"{package}.{name}")
            if found is None:
                file = getattr(got, "__file__", None)
                raise ImportError(f"cannot import name {name!r} from {package!r} ({file or 'unknown location'})",
                                  name=package, path=file) from None
            got = found
    return got


def defers(module, hidden):
    """A function that says which statements of a module may be deferred. Names in `hidden` can not: they are found elsewhere."""
    namespace = namespace_of(module)

    def answer(statement):
        try:
            name = _absolute(statement, namespace)
        except ImportError:
            # For the statement to raise.
            return False
        if statement.fromlist is None and name.startswith(module.__name__ + "."):
            # It binds the package's own name, which nobody would read for the module.
            return False
        if any(target in hidden for target, _ in statement.targets):
            return False
        return POLICY.defers(module.__name__, name) and not _is_loaded(statement, name)

    return answer


def _absolute(statement, namespace):
    """The name of the module that a statement imports."""
    if not statement.level:
        return statement.module
    package = _frozen_importlib._calc___package__(namespace)
    return _frozen_importlib._resolve_name(statement.module, package, statement.level)


def _is_loaded(statement, name):
    """Whether all that a statement would bind is there already."""
    module = sys.modules.get(name)
    if module is None or statement.fromlist is None:
        return module is not None
    namespace = namespace_of(module)
    return namespace is None or all(attribute in namespace for attribute in statement.fromlist)


def expected(module):
    """Whether somebody has deferred what may be submodules of a module."""
    return bool(CHILDREN.get(module.__name__)) or bool(WANTED.get(module.__name__)) and hasattr(module, "__path__")


def _expect(name, fromlist):
    """Lets packages know of submodules that are deferred."""
    for package in _above(name) if name not in sys.modules else ():
        CHILDREN.setdefault(package, {})[name] = None
        _attach_loaded(package)
    if fromlist:
        WANTED.setdefault(name, set()).update(fromlist)
        _attach_loaded(name)


def _above(name):
    """The names of the packages around a module."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _attach_loaded(package):
    module = sys.modules.get(package)
    if module is not None and "__path__" in (namespace_of(module) or ()):
        deferrals = attach(module)
        if deferrals is not None:
            deferrals.in_body = bool(getattr(deferrals.namespace.get("__spec__"), "_initializing", False))


def _arrived(name):
    """A module is there."""
    package, _, child = name.rpartition(".")
    WANTED.get(package, set()).discard(child)
    for package in _above(name):
        CHILDREN.get(package, {}).pop(name, None)
        deferrals = deferrals_of(sys.modules.get(package))
        if deferrals is not None:
            deferrals.settle()
