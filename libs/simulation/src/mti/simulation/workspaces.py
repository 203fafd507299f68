"""The modelled Sentinel: 100 requests a minute a workspace, some that answer 429 to everything."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import httpx
import orjson

from mti.common.ports.clock import Clock
from mti.simulation.parameters import START, Parameters
from mti.simulation.world import Part, Tenant

REQUESTS_A_MINUTE: Final = 100
"""https://learn.microsoft.com/azure/sentinel/stix-objects-api."""
TOLD_TO_WAIT: Final = "60"
"""Seconds, in `Retry-After`, of a workspace that is throttled for good."""


class ModelledSentinel(httpx.AsyncBaseTransport):
    """Takes uploads, in virtual time, and remembers when each object came first."""

    def __init__(self, tenants: Sequence[Tenant], parameters: Parameters, clock: Clock) -> None:
        self._tenants = {tenant.workspace: tenant for tenant in tenants}
        self._parameters = parameters
        self._clock = clock
        self._rng = random.Random(f"{parameters.seed}/sentinel")  # noqa: S311  a simulation
        self._calls: dict[str, deque[float]] = {}
        self.accepted: dict[str, dict[float, float]] = {tenant.id: {} for tenant in tenants}
        """By tenant: when an object was first accepted, by when its detection was published."""
        self.objects = 0
        self.requests = 0
        self.throttled = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one upload."""
        await asyncio.sleep(self._parameters.costs.sentinel * self._rng.uniform(0.5, 1.5))
        self.requests += 1
        tenant = self._tenants[request.url.path.split("/")[2]]
        refusal = self._limited(tenant)
        if refusal is not None:
            self.throttled += 1
            return refusal
        now = self._clock.monotonic()
        found = orjson.loads(request.content)["stixobjects"]
        self.objects += len(found)
        for each in found:
            published = round((datetime.fromisoformat(each["created"]) - START).total_seconds(), 3)
            self.accepted[tenant.id].setdefault(published, now)
        return httpx.Response(200)

    def _limited(self, tenant: Tenant) -> httpx.Response | None:
        now = self._clock.monotonic()
        if tenant.part is Part.THROTTLED and now >= self._parameters.onset * 60:
            return httpx.Response(429, headers={"Retry-After": TOLD_TO_WAIT})
        calls = self._calls.setdefault(tenant.id, deque())
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= REQUESTS_A_MINUTE:
            return httpx.Response(429, headers={"Retry-After": str(round(calls[0] + 60 - now) + 1)})
        calls.append(now)
        return None
