"""The modelled Mimecast: feeds by the second, pages, rate limits, a region that is gone and accounts that hang."""

import asyncio
import hashlib
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, overload

import httpx
import orjson

from mti.common.ports.clock import Clock
from mti.simulation.parameters import START, Parameters
from mti.simulation.world import DEAD_REGION, Part, Tenant

BACKLOG_SPAN: Final = timedelta(days=6)
"""Over how much of the past a backlog is spread: within the lookback of a new source."""
CALLS_A_MINUTE: Final = 300
_HEADER = "Timestamp|SHA256|FileName\n"


class Backlog(Sequence[float]):
    """The times of a backlog, evenly spread before the onset, in seconds of the simulation."""

    def __init__(self, count: int, onset: float) -> None:
        self._count = count
        self._step = BACKLOG_SPAN.total_seconds() / max(count, 1)
        self._first = onset - BACKLOG_SPAN.total_seconds()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> list[float]: ...
    def __getitem__(self, place: int | slice) -> float | list[float]:
        if isinstance(place, slice):
            return [self[found] for found in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        return self._first + place * self._step


def publications(tenant: Tenant, parameters: Parameters) -> Sequence[float]:
    """Return when a tenant's detections are published, in seconds of the simulation, in order."""
    if tenant.part is Part.FLOOD:
        return Backlog(parameters.noise.backlog, parameters.onset * 60)
    rng = random.Random(f"{parameters.seed}/{tenant.id}")  # noqa: S311  a simulation
    found: list[float] = []
    moment = rng.expovariate(parameters.detections_per_hour / 3600)
    while moment < parameters.minutes * 60:
        # Timestamps have milliseconds.
        found.append(round(moment, 3))
        moment += rng.expovariate(parameters.detections_per_hour / 3600)
    return found


class ModelledMimecast(httpx.AsyncBaseTransport):
    """Answers what the fetchers ask, in virtual time."""

    def __init__(self, tenants: Sequence[Tenant], parameters: Parameters, clock: Clock) -> None:
        self._tenants = {tenant.id: tenant for tenant in tenants}
        self._parameters = parameters
        self._clock = clock
        self._rng = random.Random(f"{parameters.seed}/mimecast")  # noqa: S311  a simulation
        self._calls: dict[str, deque[float]] = {}
        self.published = {tenant.id: publications(tenant, parameters) for tenant in tenants}
        self.windows: dict[str, list[float]] = {tenant.id: [] for tenant in tenants}
        """The ends of the windows that were asked for, by tenant, in seconds of the simulation."""
        self.served = 0
        """Detections of the backlog that were given out."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or fail as a real one would."""
        limits: Mapping[str, float] = request.extensions["timeout"]
        begun = self._clock.monotonic() >= self._parameters.onset * 60
        if begun and request.url.host.startswith(f"{DEAD_REGION}."):
            await asyncio.sleep(limits["connect"])
            raise httpx.ConnectTimeout("no answer", request=request)
        await asyncio.sleep(self._parameters.costs.mimecast * self._rng.uniform(0.5, 1.5))
        if request.url.path == "/oauth/token":
            id = request.content.decode().partition("client_id=")[2].partition("&")[0]
            return httpx.Response(200, json={"access_token": f"token.{id}", "expires_in": 86400})
        tenant = self._tenants[request.headers["Authorization"].partition(".")[2]]
        if begun and tenant.part is Part.HANGING:
            await asyncio.sleep(limits["read"])
            raise httpx.ReadTimeout("no answer", request=request)
        return self._limited(tenant) or await self._page(tenant, orjson.loads(request.content)["data"][0])

    def _limited(self, tenant: Tenant) -> httpx.Response | None:
        now = self._clock.monotonic()
        calls = self._calls.setdefault(tenant.id, deque())
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= CALLS_A_MINUTE:
            reset = str(round((calls[0] + 60 - now) * 1000))
            return httpx.Response(429, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset})
        calls.append(now)
        return None

    async def _page(self, tenant: Tenant, asked: Mapping[str, str]) -> httpx.Response:
        if "token" in asked:
            start, end = (int(part) for part in asked["token"].split("-"))
        else:
            published = self.published[tenant.id]
            window = [_seconds(asked["start"]), _seconds(asked["end"])]
            self.windows[tenant.id].append(window[1])
            start, end = (bisect_left(published, moment) for moment in window)
        stop = min(end, start + self._parameters.page_size)
        body = self._table(tenant, start, stop)
        await asyncio.sleep(len(body) / 1024 * self._parameters.costs.mimecast_kilobyte)
        headers = {"x-mc-threat-feed-next-token": f"{stop}-{end}"} if stop < end else {}
        if tenant.part is Part.FLOOD:
            self.served += stop - start
        return httpx.Response(200, headers=headers, content=body)

    def _table(self, tenant: Tenant, start: int, stop: int) -> bytes:
        published = self.published[tenant.id]
        rows = [
            f"{_stamp(published[place])}|{hash_of(tenant.id, place)}|file-{place}.exe\n" for place in range(start, stop)
        ]
        return (_HEADER + "".join(rows)).encode()


def hash_of(tenant: str, place: int) -> str:
    """Return the SHA-256 that a tenant's detection shows; no two are alike."""
    return hashlib.sha256(f"{tenant}/{place}".encode()).hexdigest()


def _stamp(seconds: float) -> str:
    moment = (START + timedelta(seconds=seconds)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()
