"""Run `python -m index.status`."""

from . import main

if __name__ == "__main__":
    main()
