"""Clocks that are not the machine's."""

import asyncio
from dataclasses import dataclass
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


@dataclass
class HandClock:
    """Time that passes in sleeps, which take none, and when it is set."""

    time: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
