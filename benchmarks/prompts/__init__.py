"""One prompt a class against several: `python -m benchmarks.prompts`."""
