"""The parts that stand behind the ports of a service, opened from its settings and closed at the end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from mti.common.adapters.identity import Identity, identity_in
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.servicebus import ServiceBus
from mti.common.composition.stores import live_registry, open_store
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Store
from mti.common.registry import RegistryProvider
from mti.common.settings import BusSettings, StoreSettings, TenantsSettings


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

    Where the settings hold no key the identity of the process is used (`mti.common.adapters.identity`).

    Raises:
        ConfigurationError: the tenants file is wrong; the text lists all that is wrong with it.
    """
    async with AsyncExitStack() as stack:
        identity = identity_in(stack)
        # First, since what is wrong with the tenants is a person's to mend before anything is connected.
        registry = await stack.enter_async_context(live_registry(settings, identity))
        bus = _bus(settings, identity)
        stack.push_async_callback(bus.close)
        store = open_store(settings.target, settings.cosmos_key, identity)
        stack.push_async_callback(store.close)
        resolver = ReferenceResolver(settings.keyvault_url, settings.tenants_folder)
        secrets = await stack.enter_async_context(resolver)
        yield Parts(bus, store, secrets, registry)


def _bus(settings: BusSettings, identity: Identity) -> ServiceBus:
    if settings.servicebus_connection_string is not None:
        return ServiceBus.from_connection_string(settings.servicebus_connection_string.get_secret_value())
    assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
    return ServiceBus.from_identity(settings.servicebus_namespace, identity())
