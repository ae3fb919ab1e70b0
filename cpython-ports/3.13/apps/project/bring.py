"""Copies the files and folders it is given to where it runs."""

import pathlib
import shutil
import sys

for source in map(pathlib.Path, sys.argv[1:]):
    if source.is_dir():
        shutil.copytree(source, source.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, source.name)
