"""Parses the queries of queries.sql many times, and writes them in two dialects once."""

import hashlib
import pathlib

import sqlglot

text = pathlib.Path("queries.sql").read_text()
for _ in range(140):
    trees = sqlglot.parse(text, read="duckdb")
assert len(trees) == 22
digest = hashlib.sha256()
for tree in trees:
    for dialect in ("postgres", "spark"):
        digest.update(tree.sql(dialect, pretty=True).encode())
print(digest.hexdigest())
