"""What commands say and ask: JSON on stdout, all else on stderr."""

from collections.abc import Mapping

import typer

from mti.cli.terminal import errors, write_json
from mti.common.errors import ConfigurationError
from mti.common.showing import on_one_line

__all__ = ["asked", "errors", "say", "write"]


def say(text: str, *, style: str | None = None) -> None:
    """Say one or more sentences."""
    errors().print(text, style=style, soft_wrap=True)


def write(document: Mapping[str, object]) -> None:
    """Write the one JSON document."""
    write_json(document)


def asked(question: str) -> bool:
    """Ask a person.

    Raises:
        ConfigurationError: nobody is there.
    """
    try:
        return typer.confirm(on_one_line(question), err=True)
    except typer.Abort:
        raise ConfigurationError("nobody was there to say yes, and nothing was done; give --yes") from None
