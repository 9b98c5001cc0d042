"""`python -m tongsu` is `tongsu`."""

from tongsu.cli import main

if __name__ == "__main__":
    main()
