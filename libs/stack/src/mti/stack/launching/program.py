"""Running a program in this process as `python ARGUMENTS` would: a module with `-m`, code with `-c`, or a script."""

import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path


def run(arguments: Sequence[str]) -> None:
    """Run it; it ends this process as it would end its own, with its status or its traceback."""
    sys.orig_argv = [sys.executable, *arguments]
    if arguments[0] == "-m":
        sys.argv = [*arguments[1:]]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path[0] = ""
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  what we were started for
    else:
        sys.argv = [*arguments]
        sys.path[0] = os.path.dirname(os.path.realpath(arguments[0]))  # noqa: PTH120  as Python does
        runpy.run_path(arguments[0], run_name="__main__")
