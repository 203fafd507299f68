"""Operations of Service Bus, by 64 KB."""

from collections.abc import Sequence

import pytest

from mti.common.contracts.chunks import message_size
from mti.common.ports.bus import Outgoing
from mti.operations.cost.bus_operations import UNIT, BusMeter, CountedSender, operations, units


@pytest.mark.parametrize(("size", "expected"), [(0, 1), (1, 1), (UNIT, 1), (UNIT + 1, 2), (4 * UNIT, 4)])
def test_an_operation_is_64_kilobytes(size: int, expected: int) -> None:
    assert units(size) == expected
    assert operations(size) == 2 * expected + 1


async def test_a_sender_counts_what_it_has_sent() -> None:
    sent: list[Outgoing] = []

    class Topic:
        async def send(self, messages: Sequence[Outgoing]) -> None:
            sent.extend(messages)

    meter = BusMeter()
    messages = [Outgoing(body=b"", message_id="small"), Outgoing(body=b"x" * UNIT, message_id="large")]
    await CountedSender(Topic(), meter).send(messages)
    assert sent == messages
    assert (meter.messages, meter.bytes, meter.operations) == (2, sum(map(message_size, messages)), 3 + 5)
