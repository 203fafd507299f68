"""The parts that stand behind the ports of a service, opened from its settings and closed at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import DefaultAzureCredential

from mti.common.adapters.cosmos import CosmosStore
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Store
from mti.common.registry import Registry, load_registry
from mti.common.settings import BusSettings, CosmosTarget, StoreSettings, TenantsSettings


class PartsSettings(BusSettings, StoreSettings, TenantsSettings):
    """What the parts are opened from."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a service is made of, but for its own handler."""

    bus: ServiceBus
    store: Store
    secrets: SecretResolver
    registry: Registry


@asynccontextmanager
async def open_parts(settings: PartsSettings) -> AsyncIterator[Parts]:
    """Open the parts, and close them when the context ends.

    Where the settings hold no key the identity of the process is used
    (https://learn.microsoft.com/python/api/azure-identity/azure.identity.aio.defaultazurecredential).

    Raises:
        ConfigurationError: the tenants file is wrong; the text lists all that is wrong with it.
    """
    registry = load_registry(settings.tenants_file, allow_loopback=settings.allow_loopback)
    async with AsyncExitStack() as stack:
        identities: list[AsyncTokenCredential] = []

        def identity() -> AsyncTokenCredential:
            if not identities:
                credential = DefaultAzureCredential()
                stack.push_async_callback(credential.close)
                identities.append(credential)
            return identities[0]

        bus = _bus(settings, identity)
        stack.push_async_callback(bus.close)
        store = _store(settings, identity)
        stack.push_async_callback(store.close)
        resolver = ReferenceResolver(settings.keyvault_url, settings.tenants_file.parent)
        secrets = await stack.enter_async_context(resolver)
        yield Parts(bus, store, secrets, registry)


def _bus(settings: BusSettings, identity: Callable[[], AsyncTokenCredential]) -> ServiceBus:
    if settings.servicebus_connection_string is not None:
        return ServiceBus.from_connection_string(settings.servicebus_connection_string.get_secret_value())
    assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
    return ServiceBus.from_identity(settings.servicebus_namespace, identity())


def _store(settings: StoreSettings, identity: Callable[[], AsyncTokenCredential]) -> Store:
    target = settings.target
    if isinstance(target, CosmosTarget):
        key = settings.cosmos_key
        return CosmosStore.open(
            target.endpoint, key.get_secret_value() if key is not None else identity(), target.database
        )
    return SqliteStore(target.path)
