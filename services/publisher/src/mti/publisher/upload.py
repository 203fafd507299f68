"""Follows a request to its end: waits, tries again, splits, and tells what became of each object."""

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from mti.common.backoff import Backoff
from mti.common.contracts import Indicator
from mti.common.errors import Pause
from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.common.telemetry import labelled, links_to, span
from mti.common.telemetry.attributes import OBJECTS, tenant_among
from mti.publisher.budget import RateBudget
from mti.publisher.item import Item
from mti.publisher.sentinel import (
    Accepted,
    Answer,
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    TokenUnavailable,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from mti.publisher.suspicion import Suspicion
from mti.publisher.waiting import For, Waits

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


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request settled."""

    accepted: Sequence[Item]
    refused: Sequence[tuple[Item, str]]
    """With Sentinel's words."""


@dataclass(slots=True)
class Tally:
    """Requests since the tally was last taken."""

    requests: int = 0
    throttled: int = 0


class Client(Protocol):
    """Sends one request; see `SentinelClient`."""

    async def upload(self, objects: Sequence[Indicator]) -> Answer:
        """Send the objects in one request."""
        ...


class Renewable(Protocol):
    """Forgets its token when told; see `Tokens`."""

    async def renew(self) -> None:
        """Make the next token a fresh one."""
        ...


class Uploader:
    """The way to one destination. It lives as long as the process, since its budget must."""

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
    ) -> None:
        self._destination = destination
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._rng = rng
        self._attempts = attempts or Attempts()
        self._budget = RateBudget(destination.requests_per_minute, clock)
        self._waits = waits
        self._suspicion = Suspicion()
        self._tally = Tally()

    def take_tally(self) -> Tally:
        """Return what was counted since the last time, and count anew."""
        tally, self._tally = self._tally, Tally()
        return tally

    async def send(
        self, items: Sequence[Item], *, probe: bool = False, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[Taken]:
        """Upload the objects, at most 100, and yield what each taken request settled.

        A request that is refused as a whole is split, down to the one object at fault.

        Args:
            items: the objects.
            probe: whether the destination was paused before.
            ready: asked when a request may be sent, after every wait; what it raises ends the sending.

        Raises:
            Pause: the destination is at fault or does not answer; what was not yielded is not settled.
        """
        waiting = [list(items)]
        alone: list[tuple[Item, str]] = []
        while waiting:
            part = waiting.pop()
            with (
                labelled(tenant=tenant_among(self._destination.tenants), destination=self._destination.id),
                span("upload", attributes={OBJECTS: len(part)}, links=links_to(item.trace for item in part)),
            ):
                answer = await self._follow(part, probe=probe, ready=ready)
            if isinstance(answer, Accepted):
                self._suspicion.accepted()
                yield _taken(part, answer, alone)
                alone = []
            elif len(part) > 1:
                # Shuffled, so that neighbours of one kind do not look like a destination that refuses everything.
                self._rng.shuffle(part)
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
            else:
                self._suspicion.refused(answer.text)
                if self._suspicion.strong:
                    raise self._pause_of_refused_requests(answer.text)
                alone.append((part[0], answer.text))
        if alone:
            yield Taken((), alone)

    async def _follow(
        self, items: Sequence[Item], *, probe: bool, ready: Callable[[], Awaitable[None]] | None
    ) -> Accepted | BadRequest | TooLarge:
        """Send one request until it is answered."""
        objects = [item.object for item in items]
        attempts = self._attempts.probe if probe else self._attempts.healthy
        began = self._clock.monotonic()
        renewed = False
        failures = 0
        while True:
            answer = await self._once(objects, ready)
            if isinstance(answer, (Accepted, BadRequest, TooLarge)):
                return answer
            if isinstance(answer, Unauthorized) and not renewed:
                renewed = True
                await self._tokens.renew()
            elif isinstance(answer, (RateLimited, Unavailable)):
                delay = self._delay(answer, failures)
                failures += 1
                waited = timedelta(seconds=self._clock.monotonic() - began)
                if failures >= attempts or _is_too_long(answer, waited, delay, probe=probe):
                    raise self._pause_of_silence(answer, failures)
                await self._wait(answer, delay)
            else:
                await self._tokens.renew()  # so that the next probe has a fresh token and reads the secrets again
                raise self._pause_of_refusal(answer)

    async def _once(self, objects: Sequence[Indicator], ready: Callable[[], Awaitable[None]] | None) -> Answer:
        await self._tell(For.RATE_LIMIT if self._budget.throttled else For.BUDGET, self._budget.wait())
        async with self._budget.request():
            if ready is not None:
                await ready()
            self._tally.requests += 1
            try:
                return await self._client.upload(objects)
            except TokenUnavailable as error:
                self._tally.requests -= 1
                return Unavailable(str(error))

    def _delay(self, answer: RateLimited | Unavailable, failures: int) -> timedelta:
        delay = BACKOFF.delay(failures, self._rng)
        if answer.delay is None:
            return delay
        if isinstance(answer, RateLimited):
            return answer.delay + timedelta(seconds=self._rng.random())
        return max(delay, answer.delay)

    async def _wait(self, answer: RateLimited | Unavailable, delay: timedelta) -> None:
        if isinstance(answer, RateLimited):
            self._tally.throttled += 1
            self._budget.empty(delay)
            return
        log.info(
            "an upload is tried again",
            extra={"destination": self._destination.id, "why": answer.text, "seconds": delay.total_seconds()},
        )
        await self._tell(For.ANSWER, delay / timedelta(seconds=1))
        await self._clock.sleep(delay / timedelta(seconds=1))

    async def _tell(self, what: For, seconds: float) -> None:
        if self._waits is not None:
            await self._waits.tell(self._destination.id, what, seconds)

    def _pause_of_silence(self, answer: RateLimited | Unavailable, failures: int) -> Pause:
        if isinstance(answer, RateLimited):
            self._tally.throttled += 1
            return Pause(
                "RateLimited",
                f"{self._name}: Sentinel's rate limit did not give way in {failures} tries; find what else uploads "
                "there, or lower requests_per_minute",
                answer.delay,
            )
        return Pause(
            "DestinationUnavailable",
            f"{self._name}: {failures} tries failed, the last with {answer.text}; check {self._destination.endpoint} "
            "and the way to it; it is probed again by itself",
            answer.delay,
        )

    def _pause_of_refusal(self, answer: Unauthorized | Forbidden | NotFound) -> Pause:
        if isinstance(answer, Unauthorized):
            return Pause(
                "CredentialsRefused",
                f"{self._name}: Sentinel refused a fresh token ({answer.text}); check azure_tenant_id, authority and "
                "the credentials",
            )
        if isinstance(answer, Forbidden):
            return Pause(
                "RoleMissing",
                f"{self._name}: the credentials are good and may not upload there ({answer.text}); give the app the "
                "role Microsoft Sentinel Contributor on the workspace",
            )
        return Pause(
            "WorkspaceUnknown",
            f"{self._name}: Sentinel knows no such workspace ({answer.text}); check workspace_id and endpoint",
        )

    def _pause_of_refused_requests(self, text: str) -> Pause:
        return Pause(
            "RequestRefused",
            f"{self._name}: Sentinel refuses one object after another in the same words ({text}), so it is not the "
            "objects; check api_version and source_system",
        )

    @property
    def _name(self) -> str:
        return f"workspace {self._destination.id} of {', '.join(self._destination.tenants)}"


def _is_too_long(answer: RateLimited | Unavailable, waited: timedelta, delay: timedelta, *, probe: bool) -> bool:
    """Say whether to wait once more would hold the session, and with it a slot, for too long."""
    patience = THROTTLED_PATIENCE if isinstance(answer, RateLimited) else PATIENCE
    return delay > (PROBE_WAIT if probe else LONGEST_WAIT) or waited + delay > patience


def _taken(part: Sequence[Item], answer: Accepted, alone: Sequence[tuple[Item, str]]) -> Taken:
    accepted = [item for index, item in enumerate(part) if index not in answer.refused]
    refused = [(item, "; ".join(answer.refused[index])) for index, item in enumerate(part) if index in answer.refused]
    return Taken(accepted, [*alone, *refused])
