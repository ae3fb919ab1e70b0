"""Lazy imports in a CPython without Clinker's patches, by a path hook and rewritten code.

A name whose import is deferred is not in the namespace of its module. The module's code looks for it in the builtins then,
and others look for an attribute that is not there: both find the import, do it and store what it binds. So there is no
placeholder that anything could see. Who reads the namespace of another module without asking the module does not find
the name.
"""

MODES = ("normal", "all")


def start(mode, filters, profiles):
    """Defers imports from now on; ValueError says what is wrong with the arguments."""
    if mode not in MODES:
        raise ValueError("-X lazy_imports: invalid value; expected 'all' or 'normal'")
    from clinker.lazy import builtin, loader, rules
    from clinker.lazy.policy import POLICY
    POLICY.rules = rules.read(filters, profiles)
    POLICY.everything = mode == "all"
    builtin.install()
    loader.install()
