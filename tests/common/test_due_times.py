"""When a copy comes back: by the bus's clock, whatever this machine's says."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mti.common.hosting import Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Park, Resend

pytestmark = pytest.mark.pure

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Wrong(SystemClock):
    def __init__(self, time: datetime) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time


class Topic:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.sent += messages


class Completing:
    async def complete(self, message: Received) -> None: ...

    async def abandon(self, message: Received) -> None: ...

    async def dead_letter(self, message: Received, reason: str, description: str) -> None: ...


async def due(clock: datetime, outcome: Park | Resend, **fields: Any) -> datetime:
    """Return when the bus is told to hand the copy out of a message that it handed out at noon."""
    topic = Topic()
    message = Received(body=b"{}", message_id="one", **fields)
    settler = Settler(topic, "publisher", Wrong(clock), random.Random(1))
    await settler.settle(Completing(), [message], [outcome])
    (copy,) = topic.sent
    assert copy.due is not None
    return copy.due


@pytest.mark.parametrize("ahead", [-400, -0.5, 0, 0.5, 6, 24 * 400], ids=lambda hours: f"{hours} hours")
@pytest.mark.parametrize("outcome", [Park(30 * MINUTE, "a pause"), Resend(30 * MINUTE, "Silent", "no answer")])
async def test_a_copy_comes_back_in_its_time_whatever_the_clock_says(ahead: float, outcome: Park | Resend) -> None:
    clock = NOON + timedelta(hours=ahead)
    found = await due(clock, outcome, enqueued_at=NOON - MINUTE, locked_until=NOON + MINUTE)
    assert NOON + 28 * MINUTE <= found <= NOON + 32 * MINUTE


async def test_a_clock_that_may_be_right_is_taken_as_it_is() -> None:
    """A message may have been in the queue for days, and in hand for longer than its first lock."""
    for later in (timedelta(), MINUTE, 9 * MINUTE):
        found = await due(
            NOON + later, Park(MINUTE, "a pause"), enqueued_at=NOON - timedelta(days=3), locked_until=NOON
        )
        assert found == NOON + later + MINUTE
    assert await due(NOON, Park(MINUTE, "a pause"), enqueued_at=None, locked_until=None) == NOON + MINUTE
