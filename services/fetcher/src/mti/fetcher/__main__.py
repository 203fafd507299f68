"""`python -m mti.fetcher`: the worker, as a process of its own."""

from mti.common.hosting import process
from mti.fetcher import worker

if __name__ == "__main__":
    process.serve(worker.main)
