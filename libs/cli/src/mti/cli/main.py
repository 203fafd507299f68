"""The command line. JSON goes to stdout alone; everything else to stderr.

Exit status: 0 when all is well, 1 when the books do not close or the work failed, 2 for bad usage or a bad file.
"""

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from mti.cli import backfill, bus, checkpoints, demo, dlq, migrate, revoke, simulate, status, tenants, up
from mti.cli.exit import FAILED, MISUSED
from mti.common.errors import ConfigurationError, MtiError

app = typer.Typer(
    name="mti",
    help="Moves Mimecast threat intelligence into Microsoft Sentinel, for many tenants at once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(up.command)
app.command("demo")(demo.command)
app.command("simulate")(simulate.command)
app.command("bus")(bus.command)
app.add_typer(tenants.app, name="tenants")
app.add_typer(dlq.app, name="dlq")
app.command("status")(status.status)
app.command("reconcile")(status.reconcile_)
app.command("backfill")(backfill.command)
app.command("revoke")(revoke.command)
app.command("migrate")(migrate.command)
app.add_typer(checkpoints.app, name="checkpoints")


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
) -> None:
    """Set up what all commands share."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if verbose else logging.WARNING, format="%(message)s")


def main() -> None:
    """Run the command; every failure that is foreseen ends in one clear message and a status, not in a traceback."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app()
    except ConfigurationError as error:
        errors.print(str(error), markup=False, style="red")
        sys.exit(MISUSED)
    except MtiError as error:
        errors.print(str(error), markup=False, style="red")
        sys.exit(FAILED)
