"""The paper's analyses on the pool of the few-shot table: `python -m benchmarks.analyses`."""
