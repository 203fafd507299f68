"""What Service Bus bills for messages: an operation for each 64 KB that is sent or received, and one to settle.

An operation is a call that sends, receives, settles, renews or looks; one of more than 64 KB counts as several, and a
receive that brings nothing counts too (https://azure.microsoft.com/pricing/details/service-bus/).
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

from mti.common.contracts.chunks import message_size
from mti.common.ports.bus import Outgoing, Sender

UNIT: Final = 64 * 1024
"""Bytes of one operation."""


def units(size: int) -> int:
    """Return the operations of sending, or receiving, a message of that size in bytes."""
    return max(1, ceil(size / UNIT))


def operations(size: int) -> int:
    """Return the operations of a message that is sent, received and completed."""
    return 2 * units(size) + 1


class BusMeter:
    """Adds up what is sent."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.messages = 0
        self.bytes = 0
        self.operations = 0
        """Of the whole lives of the messages: each goes to one queue or subscription, and is completed there."""

    def add(self, message: Outgoing) -> None:
        """Count a message."""
        size = message_size(message)
        self.messages += 1
        self.bytes += size
        self.operations += operations(size)


class CountedSender:
    """A sender whose messages are counted.

    Args:
        inner: what sends them.
        meter: adds them up.
    """

    def __init__(self, inner: Sender, meter: BusMeter) -> None:
        self._inner = inner
        self._meter = meter

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all; see `mti.common.ports.bus.Sender`."""
        await self._inner.send(messages)
        for message in messages:
            self._meter.add(message)
