clinker-lazy-profile 1
# Modules whose import changes what others see, though nobody may ever read a
# name of theirs.  Taken by -X lazy_profile=use:default.

# The standard library
eager antigravity           # opens a browser
eager this                  # prints
eager faulthandler
eager readline              # input() and the prompt use it once it is imported
eager rlcompleter           # sets the completer of readline
eager sitecustomize
eager usercustomize
eager tracemalloc
eager turtledemo.*

# Packages that change the interpreter or others on import
eager colorama.initialise   # wraps sys.stdout when asked, registers at exit
eager eventlet              # may patch the standard library
eager gevent.monkey         # patches the standard library
eager distutils             # what is imported first, setuptools or it, decides
eager setuptools            # puts its own distutils into sys.meta_path
eager _distutils_hack       # sys.meta_path
eager pkg_resources         # sys.path, working set
eager future.standard_library
eager typeguard.importhook  # sys.meta_path
eager beartype.claw         # sys.path_hooks
eager jaxtyping             # sys.meta_path
eager coverage.fullcoverage
eager crochet
eager tzlocal.windows_tz
eager win_unicode_console   # replaces the streams
eager elementpath.datatypes # register themselves by the names of types
eager hypothesis.strategies._internal   # register what the package looks for while it is imported
eager gnureadline           # as readline
eager pyreadline3           # as readline
eager numpy.core._add_newdocs
eager numpy._core._add_newdocs  # gives objects of C their documentation
eager pandas._libs          # sets an attribute of pandas that its C code reads
eager pandas._config        # registers options
eager pandas.core.config_init   # as well
eager sqlalchemy.dialects.* # register themselves by name
eager *_rc                  # resources of Qt
