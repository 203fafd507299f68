"""The store of a setting, and the registry that follows the tenants: what a command needs of a service's parts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from pydantic import SecretStr

from mti.common.adapters.identity import Identity
from mti.common.adapters.packed import packed
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Container, Store
from mti.common.registry import LiveRegistry
from mti.common.registry.described_values import with_described_values
from mti.common.registry.origins import FileOrigin, Origin, StoreOrigin, TextOrigin
from mti.common.registry.records import CONTAINER as TENANTS
from mti.common.settings import TenantsSettings
from mti.common.store_targets import CosmosTarget, SqliteTarget

TEXT: Final = "MTI_TENANTS_TEXT"
"""What people call tenants that are described in a variable."""


@asynccontextmanager
async def live_registry(
    settings: TenantsSettings, identity: Identity, clock: Clock | None = None
) -> AsyncIterator[LiveRegistry]:
    """Open the registry that follows the tenants of the settings.

    Raises:
        ConfigurationError: the tenants are wrong; the text lists all that is wrong with them.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:

        def container(target: SqliteTarget | CosmosTarget) -> Container:
            store = open_store(target, settings.cosmos_key, identity, read_only=True)
            stack.push_async_callback(store.close)
            return store.container(TENANTS)

        origin: Origin
        if (target := settings.tenants_store_target) is not None:
            origin = StoreOrigin(container(target), str(settings.tenants_store), clock)
        else:
            found = settings.tenants_states_target
            states = container(found) if found is not None else None
            if settings.tenants_text is not None:
                origin = TextOrigin(await _text(settings, settings.tenants_text), TEXT, states)
            else:
                assert settings.tenants_file is not None  # noqa: S101  the settings have one of the three
                origin = FileOrigin(settings.tenants_file, clock, states)
        registry = LiveRegistry(
            origin, allow_loopback=settings.allow_loopback, clock=clock, interval=settings.tenants_seconds
        )
        yield await stack.enter_async_context(registry)


async def _text(settings: TenantsSettings, text: str) -> str:
    # What is no secret is not masked in logs.
    async with ReferenceResolver(settings.keyvault_url, on_value=lambda _: None) as resolver:
        return await with_described_values(text, TEXT, resolver, allow_loopback=settings.allow_loopback)


def open_store(
    target: SqliteTarget | CosmosTarget, key: SecretStr | None, identity: Identity, *, read_only: bool = False
) -> Store:
    """Return the store of a setting; its owner closes it.

    Args:
        target: which one.
        key: of a Cosmos DB account.
        identity: used where there is no key.
        read_only: for SQLite, nothing is ever written: for a file that others own.
    """
    if isinstance(target, CosmosTarget):
        from mti.common.adapters.cosmos import CosmosStore  # noqa: PLC0415  a run on SQLite does not load its SDK

        credential = key.get_secret_value() if key is not None else identity()
        return packed(CosmosStore.open(target.endpoint, credential, target.database))
    return packed(SqliteStore(target.path, read_only=read_only))
