"""Says which imports are deferred."""

_WISH = "__lazy_modules__"


class Policy:
    """The mode, and the rules."""

    everything = False
    rules = None

    def concerns(self, code):
        """Whether the code of a module may defer anything."""
        return self.everything or _WISH in code.co_names

    def defers(self, importer, module):
        """Whether a module may defer the import of another."""
        return not self.everything or not self.rules.eager(importer, module)

    def defers_in(self, namespace, module):
        """Whether it does so, now that its statement is reached."""
        return self.everything or module in namespace.get(_WISH, ())


POLICY = Policy()
