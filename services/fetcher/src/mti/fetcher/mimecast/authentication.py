"""How a call proves whose it is: the part that both generations of the API have in common."""

from collections.abc import Mapping
from typing import Protocol

from mti.common.errors import Pause
from mti.common.ports.secrets import SecretResolver
from mti.common.registry.model import MimecastAccount


class Authentication(Protocol):
    """Signs the calls of one account."""

    async def headers(self, path: str) -> dict[str, str]:
        """Return the headers that authenticate a call of that path.

        Raises:
            Pause: `CredentialsRefused`, `BindingExpired`, `SecretUnavailable`, …
            Retry: the service that hands out tokens does not answer.
        """
        ...

    async def renew(self, status: int, sent: Mapping[str, str]) -> bool:
        """Say whether a call that was refused is worth one more try, and make ready for it.

        Args:
            status: 401 or 418.
            sent: the headers that were refused; when others have come into force meanwhile, nothing is renewed.
        """
        ...


class Credentials:
    """Reads the secrets of one account."""

    def __init__(self, account: MimecastAccount, secrets: SecretResolver) -> None:
        self._references = account.secrets
        self._secrets = secrets

    def has(self, *fields: str) -> bool:
        """Say whether the tenants file names all of them."""
        return all(field in self._references for field in fields)

    async def read(self, field: str) -> str:
        """Return the value.

        Raises:
            Pause: `SecretUnavailable`, or `CredentialsMalformed` when no header could carry it.
        """
        reference = self._references.get(field)
        if reference is None:
            raise Pause("SecretUnavailable", f"the tenants file names no {field} for the account: add it")
        value = (await self._secrets.resolve(reference)).get_secret_value()
        if field in _IN_HEADERS and not (value.isascii() and value.isprintable()):
            raise malformed(field)
        return value

    def forget(self) -> None:
        """Have all of them read again when they are next used."""
        for reference in self._references.values():
            self._secrets.forget(reference)


_IN_HEADERS = frozenset({"app_id", "access_key"})


def malformed(field: str) -> Pause:
    """Return the error for a secret that can't be what its field says; it does not repeat the value."""
    return Pause(
        "CredentialsMalformed",
        f"the {field} has characters that none of Mimecast's has: copy it again, without quotes or line breaks, to"
        " where the tenants file refers",
    )
