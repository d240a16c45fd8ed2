"""What a hard negative costs in training, beside MixUp, CutMix and a plain copy.

`python -m benchmarks.throughput` times batches, single images and whole loaders, and measures the
memory of workers and how costs grow with the rows of a bank. Classes that workers receive live in
`loaders.py`, not in `__main__.py`: a spawned process imports them by their module's name.
"""
