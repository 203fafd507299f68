"""Both simulators of a scenario, running in this process, with the truth between them."""

import ssl
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from mti.common.ports.clock import SystemClock
from mti.simulators.feed import HashChoice, Observable
from mti.simulators.inspection import page
from mti.simulators.mimecast import MimecastSimulator
from mti.simulators.scenario.expectation import Comparison, compare, expected
from mti.simulators.scenario.feeds import build_feeds
from mti.simulators.scenario.model import Scenario
from mti.simulators.scenario.tenants_file import write_tenants
from mti.simulators.sentinel import SentinelSimulator
from mti.simulators.times import Now


class Simulators:
    """`async with Simulators(scenario) as simulators:` serves both APIs; the feeds end at the time of the call.

    Sentinel's port also has `GET /_sim/expected/{workspace}?hashes=strongest|all`: the comparison as JSON.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        now: Now | None = None,
        mimecast_port: int = 0,
        sentinel_port: int = 0,
        sentinel_tls: ssl.SSLContext | None = None,
    ) -> None:
        now = now or SystemClock().now
        self.scenario = scenario
        self.feeds = build_feeds(scenario, now())
        self.mimecast = MimecastSimulator(
            [tenant.account for tenant in scenario.tenants],
            self.feeds,
            scenario.mimecast,
            scenario.mimecast_faults,
            seed=scenario.seed,
            now=now,
            port=mimecast_port,
        )
        self.sentinel = SentinelSimulator(
            scenario.workspaces,
            scenario.apps,
            scenario.sentinel,
            scenario.sentinel_faults,
            seed=scenario.seed,
            now=now,
            port=sentinel_port,
            tls=sentinel_tls,
        )
        self.sentinel.add_routes([("GET", "/_sim/expected/{workspace}", self._on_expected)])
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.mimecast)
        await self._open.enter_async_context(self.sentinel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def detections(self) -> int:
        """Return how many detections all feeds hold, a region's grid counted once."""
        return sum(len(feed.detections) for feed in self.feeds.values())

    def expected(self, workspace_id: str, hashes: HashChoice | None = None) -> set[Observable]:
        """Return what a workspace must hold, late detections included, test files not."""
        return expected(self.scenario, self.feeds, workspace_id, hashes)

    def compare(self, workspace_id: str, hashes: HashChoice | None = None) -> Comparison:
        """Compare a workspace with what it must hold; raises `KeyError` for an unknown one."""
        return compare(self.scenario, self.feeds, self.sentinel.workspaces[workspace_id.lower()], hashes)

    def write_tenants(self, path: Path) -> dict[str, str]:
        """Write the tenants file for the running simulators; see `write_tenants`."""
        return write_tenants(
            self.scenario, path, mimecast_url=self.mimecast.base_url, sentinel_url=self.sentinel.base_url
        )

    async def _on_expected(self, request: web.Request) -> web.Response:
        wanted = request.query.get("hashes")
        hashes = HashChoice(wanted) if wanted else None
        try:
            found = self.compare(request.match_info["workspace"], hashes)
        except KeyError:
            return page({"error": "no such workspace"}, 404)
        return page(
            {
                "clean": found.clean,
                "expected": _rows(found.expected),
                "refused_for_ever": _rows(found.refused_for_ever),
                "missing": _rows(found.missing),
                "unexpected": _rows(found.unexpected),
                "doubled": _rows(found.doubled),
            }
        )


def _rows(observables: Iterable[Observable]) -> list[list[str]]:
    return [list(observable) for observable in sorted(observables)]
