"""Which rule for r makes the best negatives, and when choosing r for each pair helps at all.

`python -m benchmarks.choosing_r` lets rules, backbones and centroids choose among the same
generated images, in the same few-shot episodes; docs/choosing-r.md reports what came out.
"""
