"""Access tokens for a destination: kept until they run out, renewed when they are refused."""

import asyncio
import contextlib
import re

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from mti.common.bounded_http.azure_refusal import AnswerRefused
from mti.common.clock_check import CURE, ClockCheck, ClockSkew
from mti.common.errors import MtiError, Pause
from mti.common.network.proxies import proxy_clause
from mti.common.ports.secrets import SecretResolver
from mti.common.registry import Destination, SentinelAuth
from mti.common.telemetry.attributes import ENTRA
from mti.publisher.sentinel.workspace import CREDENTIALS_REFUSED, label

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What may stand in a header; a token is made of fewer characters still
(https://www.rfc-editor.org/rfc/rfc6750#section-2.1)."""
_AADSTS = re.compile(r"AADSTS\d+")
_CURES = {
    SentinelAuth.CLIENT_SECRET: "check client_id and azure_tenant_id, and put a new client secret where the tenants "
    "file points",
    SentinelAuth.CERTIFICATE: "check client_id, azure_tenant_id, and that the app registration knows the certificate",
    SentinelAuth.MANAGED_IDENTITY: "switch the managed identity of this app on, or check its client_id",
    SentinelAuth.WORKLOAD_IDENTITY: "check the federated credential of the app registration",
    SentinelAuth.FEDERATED_IDENTITY: "check that the customer consented to the app (client_id) in azure_tenant_id, "
    "that its federated credential names the managed identity, and identity_client_id",
}


class TokenUnavailable(MtiError):
    """Whoever gives tokens out does not answer, or not sensibly: later."""


class Tokens:
    """The tokens of one destination.

    azure-identity keeps a token until shortly before it runs out. A credential that is refused is made anew once, from
    secrets that are read again, so that a rotation needs no restart. One that was made a moment ago is made anew only
    when that brings other secrets: its may have been in the memory of the resolver, for a destination that shares them.

    Args:
        destination: the workspace.
        secrets: what its references stand for.
        check: compares the clock with every answer; `None` compares nothing.
    """

    def __init__(self, destination: Destination, secrets: SecretResolver, check: ClockCheck | None = None) -> None:
        self._destination = destination
        self._label = label(destination)
        self._secrets = secrets
        self._check = check
        self._credential: AsyncTokenCredential | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that is good now.

        Raises:
            Pause: `CredentialsRefused`, `SecretUnavailable`, or `ClockSkew`.
            TokenUnavailable: no sensible answer.
        """
        async with self._lock:
            known = self._credential is not None
            try:
                return await self._get()
            except ClientAuthenticationError as error:
                used = await self._values()
                await self._renew()
                if not known and await self._values() == used:
                    raise self._refused(error) from None
            try:
                return await self._get()
            except ClientAuthenticationError as error:
                await self._renew()
                raise self._refused(error) from None

    async def renew(self) -> None:
        """Forget token, credential and secrets: the next token is a fresh one."""
        async with self._lock:
            await self._renew()

    async def close(self) -> None:
        """Close the credential's connections."""
        await self._drop()

    async def _get(self) -> str:
        if self._credential is None:
            from mti.publisher.sentinel.credentials import connect_credential  # noqa: PLC0415  see there

            self._credential = await connect_credential(self._destination, self._secrets, self._heard)
        try:
            token = await self._credential.get_token(self._destination.token_scope)
        except ClientAuthenticationError as error:
            status = error.status_code
            if _no_identity(error):
                raise
            if status is None or status < 400 or status == 429 or status >= 500:
                raise self._unavailable(error) from None
            raise
        except Exception as error:  # noqa: BLE001  the library trips over an odd answer in as many ways as there are
            raise self._unavailable(error) from None
        given: object = token.token
        if not isinstance(given, str) or not _TOKEN.fullmatch(given):
            await self._drop()  # it keeps what it was given
            raise TokenUnavailable(
                f"{self._label}: {self._destination.authority} answered with a token that can't be one: it is empty, "
                "or holds characters that no header takes; check authority, and what stands between"
            )
        return given

    async def _values(self) -> list[str]:
        secrets = [await self._secrets.resolve(reference) for reference in self._destination.secrets.values()]
        return [secret.get_secret_value() for secret in secrets]

    async def _renew(self) -> None:
        for reference in self._destination.secrets.values():
            self._secrets.forget(reference)
        await self._drop()

    async def _drop(self) -> None:
        credential, self._credential = self._credential, None
        if credential is not None:
            with contextlib.suppress(Exception):  # a connection that can't be closed is not missed
                await credential.close()

    def _heard(self, date: str | None, took: float) -> None:
        if self._check is not None:
            self._check.compare(ENTRA, date, took)

    def _refused(self, error: ClientAuthenticationError) -> Pause:
        """Name what Microsoft Entra ID found, by its code alone: its sentences may repeat what it was sent."""
        code = _AADSTS.search(str(error.message))
        said = code[0] if code else ("no identity here" if _no_identity(error) else "no code")
        check = self._check
        if self._destination.auth is SentinelAuth.CERTIFICATE and check is not None and check.is_far(ENTRA):
            # What a certificate signs says from when to when it is good, by this machine's clock:
            # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
            return ClockSkew(
                f"{self._label}: this machine's clock is {check.difference(ENTRA)} Microsoft Entra ID's, which refused "
                f"what the certificate signed by it ({said}): {CURE}; it goes on by itself within minutes"
            )
        return Pause(
            CREDENTIALS_REFUSED,
            f"{self._label}: Microsoft Entra ID refused the {self._destination.auth.value} ({said}); "
            f"{_CURES[self._destination.auth]}",
        )

    def _unavailable(self, error: Exception) -> TokenUnavailable:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        said = f"HTTP {status}" if status else type(error).__name__
        if isinstance(error, AnswerRefused):
            said = str(error)
        authority = self._destination.authority
        return TokenUnavailable(f"{self._label}: no token from {authority}{proxy_clause(authority)}: {said}")


def _no_identity(error: ClientAuthenticationError) -> bool:
    """Say whether there is no such identity on this machine, rather than one that was refused."""
    from azure.identity import CredentialUnavailableError  # noqa: PLC0415  it is there, since it has raised

    return isinstance(error, CredentialUnavailableError)
