"""The lock of a session that the platform holds for us, as far as a function can know of it.

The platform takes the session, renews its lock, and tells a function nothing of either. What is known: the lock was
ours when the message was handed in; it is renewed before less than ten seconds of it are left (the SDK of .NET does so,
https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/servicebus/Azure.Messaging.ServiceBus/src/Processor/ReceiverManager.cs),
for as long as `maxAutoLockRenewalDuration` says; and where nobody renews, because the machine stands still, our own
event loop stands still too. So the lease is what is left of ten seconds since this process was last seen at work. Once
it stood still for longer, the lease is lost for good, whatever the platform thinks of it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mti.common.ports.clock import Clock

SPARE: Final = 10.0
"""Seconds that are left of a lock at the least, while it is renewed in time."""
CHECK_EVERY: Final = 1.0
"""Seconds between two checks."""
RENEWED_FOR: Final = 30 * 60.0
"""Seconds for which the platform renews: `maxAutoLockRenewalDuration` of host.json."""


class HostLease:
    """See `mti.common.ports.bus.Lease`.

    Args:
        clock: the time.
        renewed_for: seconds, see `RENEWED_FOR`; the function itself is ended before.
    """

    def __init__(self, clock: Clock, renewed_for: float = RENEWED_FOR) -> None:
        self._clock = clock
        self._seen = clock.monotonic()
        self._end = self._seen + renewed_for
        self._lost = False

    def remaining(self) -> float:
        """Return for how many seconds from now the session is surely ours; zero when it may be another's."""
        self.check()
        return 0.0 if self._lost else SPARE

    def check(self) -> None:
        """See whether the process stood still since the last check."""
        now = self._clock.monotonic()
        if now - self._seen >= SPARE or now >= self._end:
            self._lost = True
        self._seen = now


@asynccontextmanager
async def leased(clock: Clock) -> AsyncIterator[HostLease]:
    """Watch the clock while the context lasts."""
    lease = HostLease(clock)

    async def watch() -> None:
        while True:
            await clock.sleep(CHECK_EVERY)
            lease.check()

    watching = asyncio.create_task(watch())
    try:
        yield lease
    finally:
        watching.cancel()
