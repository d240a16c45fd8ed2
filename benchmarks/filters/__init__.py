"""Which rows to train on: `python -m benchmarks.filters` measures each clause of a filter.

A bank is built as a user would, an oracle that knows the truth judges its rows, and few-shot heads
learn with and without what each clause drops; docs/judging.md reports what came out.
"""
