"""How the index scales: `python -m benchmarks.index_scale`."""
