"""Says which of the named files upstream's patchcheck corrects the whitespace of; run in the sources."""

import os
import sys

sys.path.insert(0, os.path.join("Tools", "patchcheck"))
import patchcheck

# It looks where the running Python was built.
patchcheck.SRCDIR = os.getcwd()
mark, *paths = sys.argv[1:]
corrected = patchcheck.normalize_whitespace([path for path in paths if path.endswith(".py")])
corrected += patchcheck.normalize_c_whitespace([path for path in paths if path.endswith((".c", ".h"))])
for path in corrected:
    print(mark + path)
