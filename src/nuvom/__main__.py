"""`python -m nuvom` is `nuvom`."""

from nuvom.cli import main

if __name__ == "__main__":
    main()
