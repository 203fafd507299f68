"""The commands by name. What `mti --help` says of them is here, so that it need load none of them."""

from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

_COMMANDS = {
    "up": (
        "mti.cli.up:command",
        "Run the whole pipeline on this machine: local namespace, SQLite, the three services as processes.",
    ),
    "demo": (
        "mti.cli.demo:command",
        "Run six tenants in two regions through the whole pipeline, with faults, and reconcile the outcome.",
    ),
    "simulate": (
        "mti.cli.simulate:command",
        "Simulate a thousand tenants with and without noisy ones, and say whether the quiet ones notice the noise.",
    ),
    "bus": ("mti.cli.bus:command", "Serve a Service Bus namespace on this machine, for development and tests."),
    "status": (
        "mti.cli.status:status",
        "Show what came in, what became of it, what waits and why: quickly, while everything runs.",
    ),
    "console": (
        "mti.cli.web_console:command",
        "Serve the operator's pages: what is unwell, tenants, dead letters, pauses, withdrawals, books, dashboards.",
    ),
    "reconcile": (
        "mti.cli.status:reconcile_",
        (
            "Compare every detection and every indicator with what became of it; exit status 1 when the books do not "
            "close."
        ),
    ),
    "cost": (
        "mti.cli.cost:command",
        "Say what a month costs with so many tenants, or with --data what that run would have cost on Azure so far.",
    ),
    "backfill": ("mti.cli.backfill:command", "Send a tenant's workspace all that is still valid."),
    "revoke": (
        "mti.cli.revoke:command",
        "Send `revoked: true` to every workspace that holds it, and send it no more, until the withdrawal is lifted.",
    ),
    "migrate": (
        "mti.cli.migrate:command",
        "Bring the stores of an earlier release into today's form, once, while no service runs.",
    ),
    "tenants": (
        "mti.cli.tenants:app",
        "Check, list, import and export the tenants; add, pause, resume and remove one.",
    ),
    "dlq": ("mti.cli.dlq:app", "Look at dead letters, replay, mend and purge them."),
    "checkpoints": ("mti.cli.checkpoints:app", "Show how far everything has come; fetch a source again."),
    "pauses": ("mti.cli.pauses:app", "List what is paused and why; end a pause at once."),
}
"""Where each is, and the first sentence of what it says of itself."""


class _Loaded(MutableMapping[str, "Command"]):
    """The commands, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> "Command":
        if name not in self._loaded:
            where, _ = _COMMANDS[name]
            module, _, attribute = where.partition(":")
            self._loaded[name] = _command(name, getattr(import_module(module), attribute))
        return self._loaded[name]

    def __setitem__(self, name: str, command: "Command") -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class CommandsByName(TyperGroup):
    """A group whose commands are loaded when they are called, and listed without that."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  the form of Typer
        super().__init__(**options)
        self.commands = _Loaded()

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """List the commands."""
        named: dict[str, Command] = {name: TyperCommand(name, help=says) for name, (_, says) in _COMMANDS.items()}
        TyperGroup(commands=named).format_commands(ctx, formatter)


def _command(name: str, function: Callable[..., None] | typer.Typer) -> "Command":
    if isinstance(function, typer.Typer):
        command = typer.main.get_command(function)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        alone.command(name)(function)
        command = typer.main.get_command(alone)
    command.name = name
    return command
