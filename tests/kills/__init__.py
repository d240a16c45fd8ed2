"""Kill the processes of builds at random, until each is done, and compare what they made.

`python -m tests.kills --executor workers --kills 100` builds a small bank again and again, each
time until it is finished, while SIGKILL ends its owner or one of its four workers every now and
then. It prints how many rows were lost or doubled, and how many banks have other bytes than that
of a single process: none may.
"""
