"""The bus on azure-servicebus: the same code against Azure Service Bus and the local namespace."""

from mti.common.adapters.servicebus.client import ServiceBus
from mti.common.adapters.servicebus.sender import ServiceBusSenderPort

__all__ = ["ServiceBus", "ServiceBusSenderPort"]
