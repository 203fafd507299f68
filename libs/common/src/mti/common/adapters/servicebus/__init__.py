"""The bus on azure-servicebus: the same code against Azure Service Bus and the local namespace."""

from mti.common.adapters.servicebus.client import ServiceBus
from mti.common.adapters.servicebus.consumer import QueueConsumer
from mti.common.adapters.servicebus.line import Line
from mti.common.adapters.servicebus.sender import ServiceBusSenderPort
from mti.common.adapters.servicebus.session_consumer import SessionConsumer

__all__ = ["Line", "QueueConsumer", "ServiceBus", "ServiceBusSenderPort", "SessionConsumer"]
