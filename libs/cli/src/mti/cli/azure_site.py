"""The services on Azure, for commands: loaded where no folder of an embedded stack is named."""

from contextlib import AsyncExitStack
from typing import Any, Final

from azure.servicebus.aio.management import ServiceBusAdministrationClient

from mti.cli.connecting import connected
from mti.cli.site_settings import SiteSettings
from mti.common.adapters.identity import Identity
from mti.common.adapters.servicebus import ServiceBus
from mti.common.composition.stores import open_store
from mti.common.ports.store import Store
from mti.common.registry import Registry
from mti.common.settings import BusSettings, StoreSettings
from mti.operations.bus import BusView
from mti.operations.service_bus_view import ServiceBusView
from mti.operations.stores import SERVICES

ADMINISTRATION: Final[dict[str, Any]] = {"connection_timeout": 10, "read_timeout": 30, "retry_total": 1}
"""Seconds of patience with the namespace's administration; azure-core's own are five minutes, four times."""


def azure_stores(identity: Identity) -> list[Store]:
    """Return the stores of the three services; their owner closes them.

    Raises:
        ConfigurationError: one is not set.
    """
    addresses = SiteSettings.from_environment()
    found: list[Store] = []
    for service in SERVICES:
        settings = StoreSettings.from_environment(store=addresses.store_of(service))
        found.append(open_store(settings.target, settings.cosmos_key, identity))
    return found


def azure_bus(
    settings: BusSettings, registry: Registry, identity: Identity, stack: AsyncExitStack
) -> tuple[ServiceBus, BusView]:
    """Connect to the namespace and its administration; the stack closes both."""
    bus = connected(settings, identity, stack)
    if settings.servicebus_connection_string is not None:
        administration = ServiceBusAdministrationClient.from_connection_string(
            settings.servicebus_connection_string.get_secret_value(), **ADMINISTRATION
        )
    else:
        assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
        administration = ServiceBusAdministrationClient(settings.servicebus_namespace, identity(), **ADMINISTRATION)
    stack.push_async_callback(administration.close)
    return bus, ServiceBusView(bus, settings.topology, registry.destinations, administration)
