"""Training a backbone of your own without labels, for `--backbone unisiam:ARCH:FILE`.

`python -m benchmarks.unisiam` trains it with UniSiam's loss on any dataset that
`benchmarks.datasets` opens, and measures it on classes that it was not trained on, too.
"""
