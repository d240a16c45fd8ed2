"""Run `python -m index.judge`."""

from . import main

if __name__ == "__main__":
    main()
