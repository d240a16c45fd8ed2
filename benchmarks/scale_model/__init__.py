"""What a build takes on many machines, and where the design bends: a model, not a measurement.

`python -m benchmarks.scale_model` lets the real planner cut plans into shards and simulates how the
executors hand them out, with durations, stragglers and deaths that are made up or published. Only
folders of many shards are real: they are written and read here.
"""
