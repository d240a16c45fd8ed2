"""`python -m index.build`."""

from . import main

if __name__ == "__main__":
    main()
