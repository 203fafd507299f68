"""Secrets: named in the tenants file, read when they are needed, never shown."""

from typing import Protocol

from pydantic import SecretStr

Secret = SecretStr
"""A value that prints as asterisks in every repr, log and traceback."""


class SecretResolver(Protocol):
    """Turns a reference (`env:NAME`, `file:PATH`, `keyvault:NAME`, …) into the value behind it."""

    async def resolve(self, reference: str) -> Secret:
        """Return the value.

        Raises:
            SecretUnavailable: the reference names nothing; the text says which reference and the cure,
                and never holds a value.
        """
        ...

    def forget(self, reference: str) -> None:
        """Drop what is cached for the reference, so that the next use reads it again (rotation)."""
        ...
