"""What a hard negative costs, and what the cheaper recipes lose: `python -m benchmarks.price`."""
