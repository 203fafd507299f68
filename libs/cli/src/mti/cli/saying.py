"""What commands say and ask: JSON on stdout, all else on stderr."""

import json
import sys

import typer
from pydantic import JsonValue
from rich.console import Console

from mti.common.errors import ConfigurationError


def errors() -> Console:
    """Return the terminal, which is stderr."""
    return Console(stderr=True)


def say(text: str) -> None:
    """Say a sentence."""
    errors().print(text, highlight=False, soft_wrap=True, markup=False)


def write(document: dict[str, JsonValue]) -> None:
    """Write the one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def asked(question: str) -> bool:
    """Ask a person.

    Raises:
        ConfigurationError: nobody is there.
    """
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise ConfigurationError("nobody was there to say yes, and nothing was done; give --yes") from None
