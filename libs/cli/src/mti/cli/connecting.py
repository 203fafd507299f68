"""The connection of a command to the bus. Commands that only look at an embedded stack need none, and load no SDK."""

from contextlib import AsyncExitStack

from mti.common.adapters.identity import Identity
from mti.common.adapters.servicebus import ServiceBus
from mti.common.settings import BusSettings


def connected(settings: BusSettings, identity: Identity, stack: AsyncExitStack) -> ServiceBus:
    """Connect to the namespace of the settings; the stack closes the connection."""
    if settings.servicebus_connection_string is not None:
        bus = ServiceBus.from_connection_string(settings.servicebus_connection_string.get_secret_value())
    else:
        assert settings.servicebus_namespace is not None  # noqa: S101  the settings have one of the two
        bus = ServiceBus.from_identity(settings.servicebus_namespace, identity())
    stack.push_async_callback(bus.close)
    return bus
