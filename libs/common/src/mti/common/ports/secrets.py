"""Secrets: named in the tenants file, read when they are needed, never shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import SecretStr

Secret = SecretStr
"""A value that prints as asterisks in every repr, log and traceback."""


class Scheme(StrEnum):
    """Where a secret is kept."""

    ENV = "env"
    FILE = "file"
    KEYVAULT = "keyvault"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is, and never the secret; `mti.common.registry.references` says how it is written."""

    scheme: Scheme
    name: str
    """The variable, the path or the secret's name."""
    vault_url: str | None = None
    """The vault that it names itself; `None` means the one of the settings."""
    version: str | None = None
    """`None` means the newest."""


class SecretResolver(Protocol):
    """Turns a reference into the value behind it."""

    async def resolve(self, reference: SecretReference) -> Secret:
        """Return the value.

        Raises:
            SecretUnavailable: the reference names nothing; the text says which reference and the cure,
                and never holds a value.
        """
        ...

    def forget(self, reference: SecretReference) -> None:
        """Drop what is cached for the reference, so that the next use reads it again (rotation)."""
        ...
