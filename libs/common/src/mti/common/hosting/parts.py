"""The parts that stand behind the ports of a service, opened from its settings and closed at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import DefaultAzureCredential
from pydantic import SecretStr

from mti.common.adapters.cosmos import CosmosStore
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Container, Store
from mti.common.registry import LiveRegistry, RegistryProvider
from mti.common.registry.origins import FileOrigin, Origin, StoreOrigin
from mti.common.registry.records import CONTAINER as TENANTS
from mti.common.settings import BusSettings, CosmosTarget, SqliteTarget, StoreSettings, TenantsSettings


class PartsSettings(BusSettings, StoreSettings, TenantsSettings):
    """What the parts are opened from."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a service is made of, but for its own handler."""

    bus: ServiceBus
    store: Store
    secrets: SecretResolver
    registry: RegistryProvider
    """Its `current` follows the tenants while the service runs."""


@asynccontextmanager
async def open_parts(settings: PartsSettings) -> AsyncIterator[Parts]:
    """Open the parts, and close them when the context ends.

    Where the settings hold no key the identity of the process is used
    (https://learn.microsoft.com/python/api/azure-identity/azure.identity.aio.defaultazurecredential).

    Raises:
        ConfigurationError: the tenants file is wrong; the text lists all that is wrong with it.
    """
    async with AsyncExitStack() as stack:
        identities: list[AsyncTokenCredential] = []

        def identity() -> AsyncTokenCredential:
            if not identities:
                credential = DefaultAzureCredential()
                stack.push_async_callback(credential.close)
                identities.append(credential)
            return identities[0]

        # First, since what is wrong with the tenants is a person's to mend before anything is connected.
        registry = await stack.enter_async_context(live_registry(settings, identity))
        bus = _bus(settings, identity)
        stack.push_async_callback(bus.close)
        store = _store(settings, identity)
        stack.push_async_callback(store.close)
        resolver = ReferenceResolver(settings.keyvault_url, settings.tenants_folder)
        secrets = await stack.enter_async_context(resolver)
        yield Parts(bus, store, secrets, registry)


def _bus(settings: BusSettings, identity: Callable[[], AsyncTokenCredential]) -> ServiceBus:
    if settings.servicebus_connection_string is not None:
        return ServiceBus.from_connection_string(settings.servicebus_connection_string.get_secret_value())
    assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
    return ServiceBus.from_identity(settings.servicebus_namespace, identity())


Identity = Callable[[], AsyncTokenCredential]
"""Returns who this process is to Azure, made when it is first needed."""


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
            origin = StoreOrigin(container(target), str(settings.tenants_store))
        else:
            assert settings.tenants_file is not None  # noqa: S101  the settings have one of the two
            states = settings.tenants_states_target
            origin = FileOrigin(settings.tenants_file, clock, container(states) if states is not None else None)
        registry = LiveRegistry(
            origin, allow_loopback=settings.allow_loopback, clock=clock, interval=settings.tenants_seconds
        )
        yield await stack.enter_async_context(registry)


def _store(settings: StoreSettings, identity: Identity) -> Store:
    return open_store(settings.target, settings.cosmos_key, identity)


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
        return CosmosStore.open(
            target.endpoint, key.get_secret_value() if key is not None else identity(), target.database
        )
    return SqliteStore(target.path, read_only=read_only)
