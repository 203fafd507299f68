"""An app registration that trusts a managed identity: the identity's token stands for the app's secret.

Managed identities do not cross directories; an app registration does, once a customer consented to it. With a federated
credential that names the identity, nobody holds a secret of the app:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ClientAssertionCredential


class FederatedIdentityCredential(AsyncTokenCredential):
    """Tokens of an app registration in a customer's directory, got with tokens of the identity of this process.

    The library asks for an assertion without awaiting it, so the identity is asked beforehand: it keeps its token for
    as long as that is good, and is asked anew only then.

    Args:
        azure_tenant_id: the directory that consented to the app.
        client_id: the app registration's.
        identity: whom the app registration trusts; closed with this credential.
        exchange_scope: what the identity's token is asked for, see `mti.common.registry.endpoints.Cloud`.
        options: of `azure.identity.aio.ClientAssertionCredential`.

    Raises:
        ValueError: an id is malformed.
    """

    def __init__(
        self,
        azure_tenant_id: str,
        client_id: str,
        identity: AsyncTokenCredential,
        exchange_scope: str,
        **options: Any,  # noqa: ANN401  as the library takes them
    ) -> None:
        self._identity = identity
        self._scope = exchange_scope
        self._assertion = ""
        self._app = ClientAssertionCredential(azure_tenant_id, client_id, lambda: self._assertion, **options)

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:  # noqa: ANN401  the library's form
        """Return a token of the app.

        Raises:
            ClientAuthenticationError: the directory refused it, or (`CredentialUnavailableError`) there is no such
                identity here.
        """
        self._assertion = (await self._identity.get_token(self._scope)).token
        return await self._app.get_token(*scopes, **kwargs)

    async def close(self) -> None:
        """Close both credentials' connections."""
        await asyncio.gather(self._app.close(), self._identity.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()
