"""Where an operator's work is done: a deployment on Azure, named by the environment, or an embedded stack's folder.

Whoever offers that work to people (a command, a page, an HTTP function) opens a `Deployment` and hands its parts to
`mti.operations`. What each of the two needs is loaded when it is opened: a folder needs no SDK of Azure.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mti.deployment.deployment import Deployment

__all__ = ["Deployment", "open_deployment"]


@asynccontextmanager
async def open_deployment(
    data: Path | None, tenants: Path | None = None, *, store: str | None = None, allow_loopback: bool = True
) -> AsyncIterator[Deployment]:
    """Yield where to work; whatever was opened meanwhile is closed at the end.

    Args:
        data: the folder of an embedded stack, whether the stack runs or not; `None` takes Azure, by the environment.
        tenants: the tenants file; `None` takes that of the folder's last run, or what the environment names.
        store: the store that describes the tenants, in the form of `MTI_TENANTS_STORE`; not with a folder.
        allow_loopback: whether the tenants may name endpoints on this machine. Reading them sends nothing to any.
    """
    async with AsyncExitStack() as exits:
        if data is None:
            from mti.deployment.azure import AzureDeployment  # noqa: PLC0415  see above

            yield AzureDeployment(exits, tenants, store=store, allow_loopback=allow_loopback)
        else:
            from mti.deployment.embedded import EmbeddedDeployment  # noqa: PLC0415  see above

            yield EmbeddedDeployment(exits, tenants, data=data, allow_loopback=allow_loopback)
