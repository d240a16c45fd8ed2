"""Training a small Stable Diffusion pipeline of your own: `python -m benchmarks.small_pipeline`."""
