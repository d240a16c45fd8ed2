"""Banks as a stranger might make them: good tiny banks, changed at random, opened and read.

Inputs are read by processes of their own, some in each, with bounds on memory and time. A bank must
be read to the end, or refused with an exception of this library; `verify` must not raise at all.
Counted are deaths of the process, hangs, and exceptions of others.

A few hundred inputs are a test. Many, or one that failed again:

    python -m tests.fuzz --inputs 50000 --seed 0
    python -m tests.fuzz --seed 0 --start 4711 --inputs 1 --keep /tmp/input
"""
