"""The resolver that services use: every kind of reference, with a short memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mti.common.adapters.secrets.environment import EnvironmentSecrets
from mti.common.adapters.secrets.files import FileSecrets
from mti.common.adapters.secrets.keyvault import KeyVaultSecrets
from mti.common.errors import SecretUnavailable
from mti.common.logs import redaction
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.secrets import Scheme, Secret, SecretReference
from mti.common.registry.references import parse_reference

CACHE_FOR = timedelta(minutes=5)


class SecretSource(Protocol):
    """A place where secrets are kept.

    White space around a value is of the way that it came (`echo`, an editor, a mounted file): no credential of
    Mimecast or Azure begins or ends with any, and a header or a form that carries it is refused.
    """

    async def read(self, reference: SecretReference) -> str:
        """Return the value.

        Raises:
            SecretUnavailable: it names the reference and the cure, never a value.
        """
        ...


class ReferenceResolver:
    """Resolves references of every kind; the `SecretResolver` of the services.

    Args:
        vault_url: the vault that `keyvault:NAME` means.
        base: the folder that relative `file:` paths start from: the tenants file's.
        cache_for: how long a value is used before it is read again: the longest that a rotation goes unnoticed.
        clock: the time.
        environ: the variables of `env:NAME`; those of the process when not given.
        key_vault: instead of one made for `vault_url`.
        on_value: is told each value that was read; by default the logs, which mask it from then on.
    """

    def __init__(
        self,
        vault_url: str | None = None,
        base: Path = Path(),
        cache_for: timedelta = CACHE_FOR,
        clock: Clock | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        key_vault: KeyVaultSecrets | None = None,
        on_value: Callable[[str], None] = redaction.add,
    ) -> None:
        self._key_vault = key_vault or KeyVaultSecrets(vault_url)
        self._sources: Mapping[Scheme, SecretSource] = {
            Scheme.ENV: EnvironmentSecrets(environ),
            Scheme.FILE: FileSecrets(base),
            Scheme.KEYVAULT: self._key_vault,
        }
        self._cache_for = cache_for
        self._clock = clock or SystemClock()
        self._on_value = on_value
        self._cache: dict[SecretReference, tuple[datetime, Secret]] = {}

    async def resolve(self, reference: SecretReference) -> Secret:
        """Return the value, at most `cache_for` old.

        Raises:
            SecretUnavailable: the reference names nothing that can be read.
        """
        now = self._clock.now()
        known = self._cache.get(reference)
        if known and now < known[0] + self._cache_for:
            return known[1]
        value = await self._read(reference)
        self._on_value(value)
        secret = Secret(value)
        self._cache[reference] = (now, secret)
        return secret

    def forget(self, reference: SecretReference) -> None:
        """Read the reference again the next time, because the value was refused or rotated."""
        self._cache.pop(reference, None)

    async def close(self) -> None:
        """Forget everything and close the connections to vaults."""
        self._cache.clear()
        await self._key_vault.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self, reference: SecretReference) -> str:
        value = await self._sources[reference.scheme].read(reference)
        if reference.scheme is Scheme.ENV and value.startswith("@Microsoft.KeyVault("):
            # An app setting that Azure Functions did not resolve, or a local run with the same settings
            return await self._key_vault.read(_parsed(value, reference.name))
        return value


def _parsed(text: str, variable: str) -> SecretReference:
    try:
        return parse_reference(text)
    except ValueError as refused:
        raise SecretUnavailable(f"env:{variable} holds what {refused}") from None
