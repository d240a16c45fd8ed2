"""What executors cost, and what a second process brings.

`python -m benchmarks.scale` runs tasks that do next to nothing through every executor, and one
build with one and with two processes of one thread each.
"""
