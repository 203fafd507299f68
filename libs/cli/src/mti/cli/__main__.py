"""`python -m mti.cli`: the `mti` command."""

from mti.cli.main import main

if __name__ == "__main__":
    main()
