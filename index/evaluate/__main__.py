"""Run `python -m index.evaluate`."""

from . import main

if __name__ == "__main__":
    main()
