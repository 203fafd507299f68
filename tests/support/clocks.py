"""Clocks that are not the machine's."""

import asyncio
from datetime import UTC, datetime, timedelta

from servicebus_local.clock import system_clock


class BrokerClock:
    """A namespace's time: the machine's, moved."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self.ahead = ahead

    def __call__(self) -> int:
        return system_clock() + self.ahead // timedelta(milliseconds=1)


class QuickClock:
    """Time that passes while somebody waits for it, and not otherwise; a broker's clock may go along with it."""

    def __init__(self, broker: BrokerClock | None = None) -> None:
        self.passed = 0.0
        self._broker = broker or BrokerClock()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self._broker.ahead += timedelta(seconds=seconds)
        await asyncio.sleep(0)
