"""Which pairs make hard negatives: random ones, those of the nearest classes, or confused ones.

`python -m benchmarks.hardness` sweeps the pairs of each plan over r, and classifiers that were
trained on real scenes only judge the results.
"""
