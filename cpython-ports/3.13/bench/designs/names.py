"""One way of reading names in a loop, to count its instructions (docs/lazy-evidence.md):

    python names.py MODULE FUNCTION LOOPS

MODULE is plain_names or beside_names, FUNCTION one of its functions.
"""

import importlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "subject"))
module = importlib.import_module(sys.argv[1])
getattr(module, sys.argv[2])(range(int(sys.argv[3])))
