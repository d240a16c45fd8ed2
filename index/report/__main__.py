"""Run `python -m index.report`."""

from . import main

if __name__ == "__main__":
    main()
