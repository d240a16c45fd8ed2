"""Whether the demo shows the paper's effect: `python -m benchmarks.demo`."""
