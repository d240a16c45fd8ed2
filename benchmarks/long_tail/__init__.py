"""Long-tailed training with a bank: `python -m benchmarks.long_tail` (paper, section 4.3).

One command: train a baseline, see which classes it confuses, build banks for the Few classes from
the images of the most confused ones, train every arm, compare. Every step is resumable.
"""
