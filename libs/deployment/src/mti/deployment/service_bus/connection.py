"""The connections to a namespace: to its messages, and to its administration."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from mti.common.adapters.identity import Identity
from mti.common.adapters.servicebus import ServiceBus
from mti.common.settings import BusSettings

if TYPE_CHECKING:
    from azure.servicebus.aio.management import ServiceBusAdministrationClient

PATIENCE: Final[dict[str, Any]] = {"connection_timeout": 10, "read_timeout": 30, "retry_total": 1}
"""With a namespace's administration, in seconds; azure-core's own are five minutes, four times."""


def connect(settings: BusSettings, identity: Identity, exits: AsyncExitStack) -> ServiceBus:
    """Connect to the namespace of the settings; `exits` closes the connection."""
    if settings.servicebus_connection_string is not None:
        bus = ServiceBus.from_connection_string(settings.servicebus_connection_string.get_secret_value())
    else:
        assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
        bus = ServiceBus.from_identity(settings.servicebus_namespace, identity())
    exits.push_async_callback(bus.close)
    return bus


def administer(settings: BusSettings, identity: Identity, exits: AsyncExitStack) -> "ServiceBusAdministrationClient":
    """Return a client of the administration of the settings' namespace; `exits` closes it."""
    from azure.servicebus.aio.management import (  # noqa: PLC0415  who only sends or receives needs none of it
        ServiceBusAdministrationClient,
    )

    if settings.servicebus_connection_string is not None:
        client = ServiceBusAdministrationClient.from_connection_string(
            settings.servicebus_connection_string.get_secret_value(), **PATIENCE
        )
    else:
        assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
        client = ServiceBusAdministrationClient(settings.servicebus_namespace, identity(), **PATIENCE)
    exits.push_async_callback(client.close)
    return client
