"""The command line, and what all commands share; each command is loaded when it is called.

JSON goes to stdout alone; everything else to stderr.
Exit status: 0 when all is well, 1 when the books do not close or the work failed, 2 for bad usage or a bad file.
"""

import logging
import sys
from typing import Annotated

import typer

from mti.cli.commands import CommandsByName
from mti.cli.exit import FAILED, MISUSED
from mti.common.errors import ConfigurationError, MtiError

app = typer.Typer(
    name="mti",
    help="Moves Mimecast threat intelligence into Microsoft Sentinel, for many tenants at once.",
    cls=CommandsByName,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
) -> None:
    """Set up what all commands share."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if verbose else logging.WARNING, format="%(message)s")


def run() -> None:
    """Run the command; every failure that is foreseen ends in one clear message and a status, not in a traceback."""
    try:
        app()
    except ConfigurationError as error:
        _say(error)
        sys.exit(MISUSED)
    except MtiError as error:
        _say(error)
        sys.exit(FAILED)


def _say(error: MtiError) -> None:
    from rich.console import Console  # noqa: PLC0415  only where something went wrong

    Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False, style="red")
