"""`python -m mti.fetcher`: the worker, as a process of its own."""

import sys

from mti.common.errors import ConfigurationError
from mti.common.hosting import process
from mti.common.showing import shown
from mti.fetcher import worker

MISCONFIGURED = 2

if __name__ == "__main__":
    try:
        process.run(worker.main)
    except ConfigurationError as error:
        sys.stderr.write(f"{shown(str(error))}\n")
        sys.exit(MISCONFIGURED)
