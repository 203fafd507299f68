"""Who this process is to Azure: made when it is first asked for, so that a run on keys loads nothing of it."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

Identity = Callable[[], "AsyncTokenCredential"]
"""Returns who this process is to Azure: one credential, made when it is first needed."""


def identity_in(stack: AsyncExitStack) -> Identity:
    """Return the identity of this process (managed identity, workload identity, `az login`, …).

    https://learn.microsoft.com/python/api/azure-identity/azure.identity.aio.defaultazurecredential

    Args:
        stack: closes the credential, if one was made.
    """
    made: list[AsyncTokenCredential] = []

    def identity() -> "AsyncTokenCredential":
        if not made:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415  only where there is no key

            from mti.common.bounded_http.azure_transport import BoundedAzureTransport  # noqa: PLC0415

            credential = DefaultAzureCredential(transport=BoundedAzureTransport())
            stack.push_async_callback(credential.close)
            made.append(credential)
        return made[0]

    return identity
