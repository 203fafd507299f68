"""Sends one request until it is answered: in its budget, with a fresh token, again when no answer comes."""

import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from mti.common.backoff import Backoff
from mti.common.contracts import Carried
from mti.common.errors import MtiError
from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.publisher import reasons
from mti.publisher.budget import IN_FLIGHT, RateBudget
from mti.publisher.records import WaitReason
from mti.publisher.records.waits import Waits
from mti.publisher.sentinel import (
    Accepted,
    Answer,
    BadRequest,
    Blocked,
    RateLimited,
    TokenUnavailable,
    TooLarge,
    Unauthorized,
    Unavailable,
)

log = logging.getLogger(__name__)

BACKOFF: Final = Backoff(first=timedelta(seconds=0.5), longest=timedelta(seconds=30))
LONGEST_WAIT: Final = timedelta(seconds=90)
"""The longest single wait that the session is held for; anything longer is a pause."""
PROBE_WAIT: Final = timedelta(seconds=5)
"""The same, when the destination was paused: a probe asks, and does not wait with a slot in hand."""
PATIENCE: Final = timedelta(minutes=5)
"""The longest that one request holds the session with waits and tries together."""
THROTTLED_PATIENCE: Final = timedelta(seconds=90)
"""The same, for a destination that answers with its rate limit again and again: it has been told to wait for a whole
minute then, and somebody else uploads there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often one request is tried while it gets no answer or is rate limited."""

    healthy: int = 10
    probe: int = 2
    """When the destination was paused: a probe must not hold a slot that others need."""


@dataclass(slots=True)
class Tally:
    """Requests since the tally was last taken."""

    requests: int = 0
    throttled: int = 0


Ready = Callable[[], Awaitable[None]] | None
"""Asked when a request may be sent, after every wait; what it raises ends the sending."""


class Client(Protocol):
    """Sends one request; see `SentinelClient`."""

    async def upload(self, objects: Sequence[Carried]) -> Answer:
        """Send the objects in one request."""
        ...


class Renewable(Protocol):
    """Forgets its token when told; see `Tokens`."""

    async def renew(self) -> None:
        """Make the next token a fresh one."""
        ...


class RetryingClient:
    """Sends requests to one destination, one try after another. It lives as long as the process, since its budget must.

    Args:
        destination: the workspace.
        client: sends one request once.
        tokens: forget what was refused.
        clock: the time.
        rng: the jitter.
        attempts: how often a request is tried.
        waits: where it is written down what the workspace waits for; `None` writes nothing.
        in_flight: requests that are under way at once.
    """

    def __init__(
        self,
        destination: Destination,
        client: Client,
        tokens: Renewable,
        clock: Clock,
        rng: random.Random,
        *,
        attempts: Attempts | None = None,
        waits: Waits | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._destination = destination
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._rng = rng
        self._attempts = attempts or Attempts()
        self._budget = RateBudget(destination.requests_per_minute, clock, self._note, in_flight=in_flight)
        self._in_flight = in_flight
        self._waits = waits
        self._tally = Tally()
        self._renewals = 0

    @property
    def in_flight(self) -> int:
        """Requests that may be under way at once."""
        return self._in_flight

    @property
    def used(self) -> float:
        """Which part of the rate budget the last minute took, from 0 to 1."""
        return self._budget.used

    @property
    def interruptions(self) -> int:
        """How often it was interrupted."""
        return self._budget.interruptions

    def interrupt(self) -> None:
        """End every wait for a request; what is under way goes on until it is answered."""
        self._budget.interrupt()

    def take_tally(self) -> Tally:
        """Return what was counted since the last time, and count anew."""
        tally, self._tally = self._tally, Tally()
        return tally

    async def upload(
        self,
        objects: Sequence[Carried],
        *,
        probe: bool,
        failures_answered: int | None,
        ready: Ready,
        since: int | None = None,
    ) -> Accepted | BadRequest | TooLarge | Blocked | Unavailable:
        """Send one request until it is answered.

        Args:
            objects: at most 100.
            probe: whether the destination was paused before.
            failures_answered: after how many answers of 5xx the last of them is the answer; `None`: after as many as
                there are tries.
            ready: asked when the request may be sent, after every wait; what it raises ends the sending.
            since: `interruptions` when it was decided on; now, when it is not given.

        Raises:
            Pause: the destination refuses us or does not answer.
            Interrupted: it was to wait, and is not to be sent any more.
        """
        since = self.interruptions if since is None else since
        attempts = self._attempts.probe if probe else self._attempts.healthy
        answered = attempts if failures_answered is None else min(failures_answered, attempts)
        began: float | None = None
        renewed = False
        failures = 0
        while True:
            renewals = self._renewals
            sent, answer = await self._once(objects, ready, since)
            # What is waited for before the first try is the budget, and says nothing of the destination.
            began = sent if began is None else began
            if isinstance(answer, (Accepted, BadRequest, TooLarge, Blocked)):
                if isinstance(answer, Accepted):
                    self._budget.passed()
                return answer
            self._budget.turned_away()
            if isinstance(answer, Unauthorized) and not renewed:
                renewed = True
                if renewals == self._renewals:  # else another request's token was refused too, and there is a new one
                    await self._renew()
            elif isinstance(answer, (RateLimited, Unavailable)):
                delay = self._delay(answer, failures)
                failures += 1
                if isinstance(answer, Unavailable) and answer.answered and failures >= answered:
                    return answer
                waited = timedelta(seconds=self._clock.monotonic() - began)
                if failures >= attempts or _is_too_long(answer, waited, delay, probe=probe):
                    self._tally.throttled += isinstance(answer, RateLimited)
                    raise reasons.silence(self._destination, answer, failures)
                await self._wait(answer, delay, since)
            else:
                await self._renew()  # so that the next probe has a fresh token and reads the secrets again
                raise reasons.refusal(self._destination, answer)

    async def _once(self, objects: Sequence[Carried], ready: Ready, since: int) -> tuple[float, Answer]:
        async with self._budget.request(since):
            if ready is not None:
                await ready()
            self._tally.requests += 1
            sent = self._clock.monotonic()
            try:
                with self._foreseen():
                    return sent, await self._client.upload(objects)
            except TokenUnavailable as error:
                self._tally.requests -= 1
                return sent, Unavailable(str(error))

    async def _renew(self) -> None:
        self._renewals += 1
        with self._foreseen():
            await self._tokens.renew()

    @contextmanager
    def _foreseen(self) -> Iterator[None]:
        """Let through what is known; whatever else goes wrong with a destination pauses it and blames no message."""
        try:
            yield
        except MtiError:
            raise
        except Exception as error:
            log.exception("an unforeseen fault of a destination", extra={"destination": self._destination.id})
            raise reasons.unforeseen(self._destination, error) from error

    def _delay(self, answer: RateLimited | Unavailable, failures: int) -> timedelta:
        delay = BACKOFF.delay(failures, self._rng)
        if answer.delay is None:
            return delay
        if isinstance(answer, RateLimited):
            return answer.delay + timedelta(seconds=self._rng.random())
        return max(delay, answer.delay)

    async def _wait(self, answer: RateLimited | Unavailable, delay: timedelta, since: int) -> None:
        if isinstance(answer, RateLimited):
            self._tally.throttled += 1
            self._budget.empty(delay)
            return
        log.info(
            "an upload is tried again",
            extra={"destination": self._destination.id, "why": answer.text, "seconds": delay.total_seconds()},
        )
        await self._note(WaitReason.ANSWER, delay / timedelta(seconds=1))
        await self._budget.sleep(delay / timedelta(seconds=1), since)

    async def _note(self, what: WaitReason, seconds: float) -> None:
        if self._waits is not None:
            await self._waits.note(self._destination.id, what, seconds)


def _is_too_long(answer: RateLimited | Unavailable, waited: timedelta, delay: timedelta, *, probe: bool) -> bool:
    """Say whether to wait once more would hold the session, and with it a slot, for too long."""
    patience = THROTTLED_PATIENCE if isinstance(answer, RateLimited) else PATIENCE
    return delay > (PROBE_WAIT if probe else LONGEST_WAIT) or waited + delay > patience
