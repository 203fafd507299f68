"""A service whose clock is wrong, on the running stack: nothing is lost, and people are told."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mti.deployment.embedded import followed_tenants
from mti.simulators import SentinelFault, Simulators
from mti.simulators.feed.store import LateBatch
from mti.stack.stack import EmbeddedStack, StackOptions
from tests.support.cli import Said, mti, up
from tests.support.processes import ROOT, start_python
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, FABRIKAM, assert_exact, two_tenants

pytestmark = pytest.mark.timeout(500)
HOUR = 3600
SOURCES = {"contoso/malware_customer", "fabrikam/malware_customer", "grid:eu"}


class Clocked:
    """A stack of which one service has a clock that the test sets."""

    def __init__(self, folder: Path, world: Simulators, service: str) -> None:
        self.tenants, self.data = folder / "tenants.yaml", folder / "data"
        self.env = {**world.write_tenants(self.tenants), "MTI_FETCHER_SCHEDULE_SECONDS": "1"}
        self._world = world
        self._service = service
        self._clock = folder / "seconds-ahead"
        self._log = folder / f"{service}.jsonl"
        self.set(0)

    def set(self, seconds: float) -> None:
        """Have the service's clock be that far ahead of everybody else's."""
        new = self._clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._clock)

    def publish(self) -> None:
        """Have each feed publish something that is new."""
        for name, feed in self._world.feeds.items():
            feed.publish(LateBatch(feed=name, count=2, age_seconds=0), datetime.now(UTC))

    async def mti(self, *words: str) -> Said:
        return await mti(*words, "--data", self.data, env=self.env)

    async def status(self) -> dict[str, Any]:
        return (await self.mti("status", "--json")).document

    async def pauses(self) -> dict[str, str]:
        """Return the reasons of the sources that are paused."""
        found = (await self.status())["sources"]
        return {one["source"]: one["pause"]["reason"] for one in found if one["pause"]}

    def says(self, message: str) -> list[dict[str, Any]]:
        """Return what the service logged in those words."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if message in line["message"]]

    def delivered(self) -> bool:
        found = [self._world.compare(workspace) for workspace in (CONTOSO, FABRIKAM)]
        return not any(one.missing or one.unexpected or one.doubled for one in found)

    @asynccontextmanager
    async def stack(self) -> AsyncIterator[None]:
        async with followed_tenants(self.data, self.tenants, allow_loopback=True) as registry:
            options = StackOptions(
                tenants=self.tenants,
                data=self.data,
                registry=registry,
                run_started=datetime.now(UTC),
                allow_loopback=True,
                scale={self._service: 0},
                environment=self.env,
            )
            async with EmbeddedStack(options) as stack:
                script = str(ROOT / "tests" / "support" / "clocked.py")
                env = {**os.environ, **stack.environment(self._service)}
                with self._log.open("w") as log:
                    process = await start_python(script, self._service, str(self._clock), env=env, stderr=log.fileno())
                try:
                    yield
                finally:
                    process.terminate()
                    await process.wait()
                assert process.returncode == 0, self._log.read_text()


def small(**options: Any) -> Simulators:
    scenario = two_tenants(detections=60, page_size=25, **options)
    return Simulators(scenario.model_copy(update={"defaults": {"poll_interval": "2s", "overlap": "1m"}}))


async def test_a_fetcher_whose_clock_is_six_hours_fast_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with small() as world:
        there = Clocked(tmp_path, world, "fetcher")
        async with there.stack():
            await until(there.delivered)
            there.set(6 * HOUR)
            there.publish()

            async def all_are_paused() -> bool:
                return await there.pauses() == dict.fromkeys(SOURCES, "ClockSkew")

            await until(all_are_paused)
            said = await there.mti("status")
            assert "ahead of Mimecast's" in " ".join(said.err.split())
            assert "NTP" in said.err
            there.publish()
            assert not there.delivered()
            there.set(0)
            there.publish()
            await until(there.delivered)

            async def none_is_paused() -> bool:
                return await there.pauses() == {}

            await until(none_is_paused)
        assert len(there.says("clock is not Mimecast's")) == 1
        assert len(there.says("clock is Mimecast's again")) == 1
        assert_exact(world)


async def test_a_fetcher_whose_clock_is_an_hour_fast_for_good_fetches_nothing_and_everything_once_it_is_right(
    tmp_path: Path,
) -> None:
    async with small() as world:
        there = Clocked(tmp_path, world, "fetcher")
        there.set(HOUR)
        async with there.stack():

            async def all_are_paused() -> bool:
                return await there.pauses() == dict.fromkeys(SOURCES, "ClockSkew")

            await until(all_are_paused)
            there.publish()
            assert {found["detections"] for found in (await there.status())["sources"]} == {0}
        said = await mti(*up(there.tenants, there.data), env=there.env)
        assert said.status == 0, said.err
        assert said.document["closed"] is True
        assert said.document["dead_letters"] == []
        assert_exact(world)


async def test_a_publisher_whose_clock_is_six_hours_fast_delivers_and_is_named_and_its_pauses_end_in_their_time(
    tmp_path: Path,
) -> None:
    refused = SentinelFault.model_validate({"kind": "status", "status": 403, "workspace": CONTOSO, "times": None})
    async with small(sentinel_faults=[refused]) as world:
        there = Clocked(tmp_path, world, "publisher")
        there.set(6 * HOUR)
        async with there.stack():

            async def contoso_is_paused() -> bool:
                found = {one["destination"]: one for one in (await there.status())["destinations"]}
                return found[CONTOSO]["pause"] is not None and found[FABRIKAM]["counts"]["accepted"] > 0

            await until(contoso_is_paused)
            said = " ".join((await there.mti("status")).err.split())
            assert "ahead of Sentinel's and Microsoft Entra ID's" in said
            assert "NTP" in said
            world.sentinel.faults.clear()
            await until(there.delivered)
            assert len(there.says("clock is not Sentinel's")) == 1
            assert len(there.says("clock is not Entra's")) == 1
            there.set(0)
            there.publish()
            await until(there.delivered)

            async def nothing_is_said_of_the_clock() -> bool:
                return not [note for note in (await there.status())["notes"] if "clock" in note]

            await until(nothing_is_said_of_the_clock)
        assert_exact(world)
