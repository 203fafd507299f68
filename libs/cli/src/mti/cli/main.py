"""Where `mti` begins: a page that is at hand is shown at once, and the command line is loaded for everything else."""

import gc
import os
import sys
from typing import TYPE_CHECKING

from mti.cli.help_page import COLUMNS, PAGE

if TYPE_CHECKING:
    import typer

GARBAGE = 50_000
"""Objects that are made before it is seen whether some of them are garbage."""


def main() -> None:
    """Run the command."""
    if sys.argv[1:] == ["--help"] and os.path.basename(sys.argv[0]) == "mti" and _columns() >= COLUMNS:  # noqa: PTH119
        sys.stdout.write(PAGE)
        sys.exit(0)
    # What is loaded and read is hardly ever garbage: looking through it every 700 objects took a seventh of a command.
    gc.set_threshold(GARBAGE)
    from mti.cli.application import run  # noqa: PLC0415  it takes ten times as long as the page

    if (work := run()) is not None:
        work()


def __getattr__(name: str) -> "typer.Typer":
    """Return `app`, the command line."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mti.cli.application import app  # noqa: PLC0415  see above

    return app


def _columns() -> int:
    """Return the width of the terminal as `shutil.get_terminal_size` finds it, which takes longer to import."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
        except (OSError, ValueError):
            columns = 0
    return columns or COLUMNS
