"""The paper's fine-grained evaluation on your data: `python -m benchmarks.fine_grained`.

Its classes are too many for one pool, so every episode gets its own banks.
"""
