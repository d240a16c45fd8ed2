"""What GeNIe-Ada costs, and what its cheaper modes lose.

`python -m benchmarks.ada_modes` makes the same pairs in every mode, counts the rows that go through
the denoiser, and lets an oracle judge the images.
"""
