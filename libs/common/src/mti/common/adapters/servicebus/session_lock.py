"""How long a session is ours, reckoned on the monotonic clock: the machine's wall clock may be wrong.

The service says until when it locked a session, in its own time. The SDK compares that with the local wall clock before
every settlement and renewal (`BaseHandler._check_live`, `AutoLockRenewer._renewable`): on a machine whose clock is a
lock's length fast every session counts as lost at once, and on one that is slow a lock is never renewed in time. What
needs no common clock is how long a lock lasts, counted from when it was asked for.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from azure.servicebus.aio import ServiceBusSession
from azure.servicebus.exceptions import ServiceBusError, SessionLockLostError

from mti.common.errors import BusUnavailable, LockLost
from mti.common.ports.clock import Clock

log = logging.getLogger(__name__)

LOCK_SECONDS: Final = 60.0
"""How long a session is locked from each renewal: the `LockDuration` of the subscription `publisher`, PT1M."""
RENEW_AT: Final = 2 / 3
"""A lock is renewed when less than this part of it is left: two renewals may fail before it is lost."""
RENEW_TIMEOUT: Final = 15.0
"""Seconds to wait for the service's word on a renewal."""
CHECK_EVERY: Final = 1.0
"""Seconds between two looks at what is left."""
KEPT_SECONDS: Final = 1800.0
"""For which a lock is kept: far beyond what a handler takes, so that only a stuck one loses it."""
NOTICED: Final = 10.0
"""Seconds by which the service's word and the local clock may differ before it is said."""


class SessionLock:
    """The lock of one session that a receiver of the SDK holds.

    Args:
        session: of an opened receiver. From here on the SDK does not judge the lock by the wall clock any more.
        clock: the time.
        since: when the session was asked for, on the monotonic clock: it was locked then or later. `None` is now, for
            who just opened it.
        seconds: how long the entity locks a session, its `LockDuration`.
    """

    def __init__(
        self, session: ServiceBusSession, clock: Clock, *, since: float | None = None, seconds: float = LOCK_SECONDS
    ) -> None:
        self._session = session
        self._clock = clock
        self._seconds = seconds
        self._until = (clock.monotonic() if since is None else since) + seconds
        self._lock = asyncio.Lock()
        self.locked_until = _in_utc(session.locked_until_utc)
        """The service's word, by its own clock: it is earlier there now."""
        _compare(self.locked_until, session.session_id, clock.now(), seconds)
        unjudged(session)

    @property
    def session_id(self) -> str:
        """The session's name."""
        return str(self._session.session_id)

    def remaining(self) -> float:
        """Return for how many seconds from now the session is surely ours; zero when it may be another's."""
        return max(self._until - self._clock.monotonic(), 0.0)

    async def renew(self) -> None:
        """Have the lock begin anew. `remaining` then counts from when this was called.

        Raises:
            LockLost: the session is not ours any more, and `remaining` is zero from here on.
            BusUnavailable: the service did not answer in time; `remaining` goes on as before.
        """
        async with self._lock:
            asked = self._clock.monotonic()
            try:
                until = await asyncio.wait_for(self._session.renew_lock(timeout=RENEW_TIMEOUT), RENEW_TIMEOUT)
            except SessionLockLostError as error:
                self._until = float("-inf")
                raise LockLost(f"session {self.session_id!r}: its lock ran out, and another may have it") from error
            except (ServiceBusError, OSError, ValueError, TypeError, RuntimeError) as error:
                # TimeoutError is an OSError. A ValueError is what the SDK says of a receiver that was closed.
                message = f"the lock of session {self.session_id!r} could not be renewed: {error!r}"
                raise BusUnavailable(message) from error
            finally:
                unjudged(self._session)
            self._until = asked + self._seconds
            self.locked_until = _in_utc(until)

    async def keep(self) -> None:
        """Renew the lock in time, again and again, until it is lost or this is cancelled. A failure is tried again.

        It returns when the lock is lost, or was kept for `KEPT_SECONDS`.
        """
        began = self._clock.monotonic()
        while self._clock.monotonic() - began < KEPT_SECONDS:
            if self.remaining() < self._seconds * RENEW_AT:
                try:
                    await self.renew()
                except LockLost as error:
                    log.warning("a session was lost", extra={"session": self.session_id, "why": str(error)})
                    return
                except BusUnavailable as error:
                    log.warning(
                        "the lock of a session could not be renewed and is tried again",
                        extra={"session": self.session_id, "why": str(error), "seconds_left": self.remaining()},
                    )
            await self._clock.sleep(CHECK_EVERY)


def unjudged(session: ServiceBusSession) -> None:
    """Have the service alone say whether a session's lock has run out."""
    # There is no public way: `_lock_expired` is false without a time. tests/contract/bus/test_session_lock.py holds it.
    session._locked_until_utc = None  # type: ignore[assignment]  # noqa: SLF001


def _in_utc(until: datetime | None) -> datetime | None:
    return None if until is None else until.replace(tzinfo=until.tzinfo or UTC)


def _compare(until: datetime | None, session: str | None, now: datetime, seconds: float) -> None:
    """Say it when the service's word and the local clock don't fit."""
    if until is None:
        return
    left = (until - now).total_seconds()
    if abs(left - seconds) > NOTICED:
        log.warning(
            "a session's lock and this machine's clock don't fit: set the clock by NTP, and see that the subscription's"
            " LockDuration is what it is deployed with",
            extra={"session": session, "seconds_left": round(left), "expected_seconds": seconds},
        )
