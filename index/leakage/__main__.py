"""Run `python -m index.leakage`."""

from . import main

if __name__ == "__main__":
    main()
