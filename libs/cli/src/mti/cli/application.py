"""The command line, and what all commands share; each command is loaded when it is called.

JSON goes to stdout alone; everything else to stderr.
Exit status: 0 when all is well, 1 when the books do not close or the work failed, 2 for bad usage or a bad file.
"""

import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from mti.cli.commands import CommandsByName
from mti.cli.exit import FAILED, MISUSED, Forked
from mti.cli.streams import leave, log_to, prepare
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
    from mti.common.network import prepare_network  # noqa: PLC0415  only where a command is called

    prepare_network()
    log_to(logging.INFO if verbose else logging.WARNING)


def run() -> Callable[[], None] | None:
    """Run the command; every failure that is foreseen ends in one clear message and a status, not in a traceback.

    Returns:
        In a process that the command has forked, its work.
    """
    prepare()
    try:
        app()
    except Forked as forked:
        leave()
        return forked.work
    except ConfigurationError as error:
        _say(error)
        sys.exit(MISUSED)
    except MtiError as error:
        _say(error)
        sys.exit(FAILED)
    return None


def _say(error: MtiError) -> None:
    from mti.cli.console import say  # noqa: PLC0415  only where something went wrong

    say(str(error), style="red")
