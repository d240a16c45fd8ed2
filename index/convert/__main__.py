"""Run `python -m index.convert`."""

from . import main

if __name__ == "__main__":
    main()
