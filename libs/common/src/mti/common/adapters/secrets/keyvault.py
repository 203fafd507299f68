"""Secrets in Azure Key Vault: `keyvault:NAME` and `@Microsoft.KeyVault(…)`.

The Azure libraries are imported when the first secret is read, so that a run without a vault does not pay for them.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mti.common.errors import SecretUnavailable
from mti.common.ports.secrets import SecretReference

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport
    from azure.core.rest import AsyncHttpResponse, HttpRequest
    from azure.keyvault.secrets.aio import SecretClient


class KeyVaultSecrets:
    """Reads secrets of vaults, with one client a vault.

    Args:
        vault_url: the vault of `keyvault:NAME`; `None` when there is none.
        credential: who asks; by default whoever this process is to Azure (managed identity, workload identity,
            `az login`, …). One that is given stays the caller's to close.
        transport: how requests are sent, for tests and proxies; shared by all vaults, and the caller's to close.
        retries: how often a request is tried again when the vault can't be reached or is busy.
    """

    def __init__(
        self,
        vault_url: str | None = None,
        *,
        credential: "AsyncTokenCredential | None" = None,
        transport: "AsyncHttpTransport[HttpRequest, AsyncHttpResponse] | None" = None,
        retries: int = 3,
    ) -> None:
        self._vault_url = vault_url.rstrip("/") if vault_url else None
        self._given = credential
        self._own: AsyncTokenCredential | None = None
        self._transport = transport
        self._retries = retries
        self._clients: dict[str, SecretClient] = {}

    async def read(self, reference: SecretReference) -> str:
        """Return the secret's value, without white space around it.

        Raises:
            SecretUnavailable: no vault is set, it can't be reached, refuses us, or holds no such secret.
        """
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError  # noqa: PLC0415

        vault_url = reference.vault_url or self._vault_url
        if vault_url is None:
            raise SecretUnavailable(
                f"keyvault:{reference.name} has no vault; set MTI_KEYVAULT_URL to the vault's address"
            )
        vault = urlsplit(vault_url).hostname
        try:
            found = await self._client(vault_url).get_secret(reference.name, reference.version)
        except ClientAuthenticationError:
            raise SecretUnavailable(
                f"keyvault:{reference.name} was asked for without valid credentials at {vault};"
                " give this process a managed identity, or sign in"
            ) from None
        except HttpResponseError as refused:
            raise SecretUnavailable(_refusal(reference.name, str(vault), refused.status_code)) from None
        except (AzureError, ValueError) as failed:
            raise SecretUnavailable(
                f"keyvault:{reference.name} could not be read, {vault} gave no answer ({type(failed).__name__});"
                " check the vault's address and its firewall"
            ) from None
        value = (found.value or "").strip()
        if not value:
            raise SecretUnavailable(f"keyvault:{reference.name} is empty in {vault}; set a value")
        return value

    async def close(self) -> None:
        """Close the clients, and the credential if it is our own."""
        clients, self._clients = self._clients, {}
        if self._transport is None:
            for client in clients.values():
                await client.close()
        if self._own is not None:
            await self._own.close()
            self._own = None

    def _client(self, vault_url: str) -> "SecretClient":
        from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

        from mti.common.bounded_http.azure_transport import BoundedAzureTransport  # noqa: PLC0415

        if vault_url not in self._clients:
            transport = self._transport or BoundedAzureTransport()
            self._clients[vault_url] = SecretClient(
                vault_url, self._credential(), retry_total=self._retries, transport=transport
            )
        return self._clients[vault_url]

    def _credential(self) -> "AsyncTokenCredential":
        if self._given is not None:
            return self._given
        if self._own is None:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

            from mti.common.bounded_http.azure_transport import BoundedAzureTransport  # noqa: PLC0415

            self._own = DefaultAzureCredential(transport=BoundedAzureTransport())
        return self._own


def _refusal(name: str, vault: str, status: int | None) -> str:
    if status == 404:
        return f"keyvault:{name} is not in {vault}; create the secret there, or correct the name"
    if status == 403:
        return (
            f"keyvault:{name} may not be read in {vault}; give this process's identity the role"
            " Key Vault Secrets User there, let the vault's firewall admit it, and see that the secret is enabled"
        )
    return f"keyvault:{name} could not be read, {vault} answered {status}; look at the vault's health and diagnostics"
