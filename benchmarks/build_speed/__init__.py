"""How much faster the batched sweep is than one image-to-image call per image and noise ratio.

`python -m benchmarks.build_speed` runs both on the same pairs, and fails if they do not make the
same images.
"""
