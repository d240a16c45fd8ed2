"""Tables and figures of README and docs, from the results: `python -m benchmarks.tables`.

A document holds a block between `<!-- table NAME -->` and `<!-- end -->`; the command writes what
`TABLES[NAME]` makes of `benchmarks/results/`. Figures of the prose are written by people; a comment
says which number of which JSON each one is, and the command lists those that are not (`prose.py`).
So no figure stands in a document that no JSON holds, and a test sees when one is older than its
JSON.
"""
