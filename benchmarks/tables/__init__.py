"""Tables of README and docs, written from the results: `python -m benchmarks.tables`.

A document holds a block between `<!-- table NAME -->` and `<!-- end -->`; the command writes what
`TABLES[NAME]` makes of `benchmarks/results/`. So no figure of a table is pasted by hand, and a test
sees when a table is older than its JSON.
"""
