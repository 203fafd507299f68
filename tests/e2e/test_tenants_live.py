"""Tenants that come, pause, go and rotate their secrets while `mti up` runs: nothing is started again."""

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mti.operations.stores import SERVICES
from mti.simulators import Simulators
from mti.simulators.feed.store import LateBatch
from mti.simulators.scenario import Scenario
from mti.stack.launching.processes import Process
from tests.support.cli import Said, mti, start, up
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, FABRIKAM, two_tenants

FAST = {"MTI_FETCHER_SCHEDULE_SECONDS": "0.5"}


def scenario() -> Scenario:
    """Contoso with the grid and fabrikam without, so that fabrikam may join late and still have all that is its own."""
    found = two_tenants(detections=40)
    contoso, fabrikam = found.tenants
    fabrikam = fabrikam.model_copy(update={"feeds": ("malware_customer",)})
    defaults = {"poll_interval": "1s", "overlap": "1m"}
    return found.model_copy(update={"tenants": (contoso, fabrikam), "defaults": defaults})


class TenantsFile:
    """The tenants file as a person edits it, with its secrets in files beside it."""

    def __init__(self, world: Simulators, folder: Path) -> None:
        self.path = folder / "tenants.yaml"
        self._secrets = folder / "secrets"
        self._secrets.mkdir()
        for name, value in world.write_tenants(self.path).items():
            self.rotate(name, value)
        text = self.path.read_text().replace("env:", "file:secrets/")
        self.document = yaml.safe_load(text)
        self.path.write_text(text)

    def rotate(self, name: str, value: str) -> None:
        """Put a value where the reference of that name leads."""
        (self._secrets / name).write_text(value)

    def write(self, *tenants: str) -> None:
        """List these tenants, and no others."""
        kept = [found for found in self.document["tenants"] if found["id"] in tenants]
        self.path.write_text(yaml.safe_dump({**self.document, "tenants": kept}))


class Running:
    """A stack that runs until it is told to stop."""

    def __init__(self, process: Process, data: Path) -> None:
        self._process = process
        self.data = data

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until something is to be seen; the stack must live meanwhile."""

        async def seen_while_it_lives() -> bool:
            assert self._process.returncode is None, (await self._process.communicate())[1].decode()
            return seen()

        await until(seen_while_it_lives, between=0.1)

    def logged(self, service: str) -> Iterator[dict[str, Any]]:
        """Return what a service's first process has logged."""
        for line in (self.data / "logs" / f"{service}-1.jsonl").read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # it is being written

    async def noticed(self, kind: str, tenant: str) -> None:
        """Wait until every service has put a change in force."""
        for service in SERVICES:
            await self.until(partial(self._has_line, service, lambda line: tenant in line.get(kind, ())))

    async def refused(self) -> None:
        """Wait until every service has refused what the file holds."""
        for service in SERVICES:
            await self.until(partial(self._has_line, service, lambda line: "stays in force" in line["message"]))

    def _has_line(self, service: str, fits: Callable[[dict[str, Any]], bool]) -> bool:
        return any(fits(line) for line in self.logged(service))

    async def stop(self) -> Said:
        """End it as a person does, and return what it said."""
        self._process.send_signal(signal.SIGINT)
        out, err = await self._process.communicate()
        assert self._process.returncode is not None
        return Said(self._process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def running(tenants: Path, data: Path) -> AsyncIterator[Running]:
    process = await start("up", "--tenants", tenants, "--data", data, "--allow-loopback", "--json", env=FAST)
    try:
        yield Running(process, data)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def held(world: Simulators, workspace: str) -> int:
    return len(world.sentinel.workspaces[workspace].observables())


def has_all(world: Simulators, workspace: str) -> Callable[[], bool]:
    return lambda: bool(world.expected(workspace)) and not world.compare(workspace).missing


def publish(world: Simulators, feed: str) -> None:
    """Let something new be in a feed from now on."""
    batch = LateBatch(feed=feed, count=5, age_seconds=0)
    world.feeds[feed].publish(batch, world.mimecast._now())


async def test_a_tenant_joins_is_paused_resumed_and_removed_while_the_stack_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with Simulators(scenario()) as world:
        file = TenantsFile(world, tmp_path)
        file.write("contoso")
        async with running(file.path, data) as stack:
            await stack.until(has_all(world, CONTOSO))

            file.path.write_text(file.path.read_text().replace("feeds:", "fields:"))
            await stack.refused()
            publish(world, "contoso/malware_customer")
            await stack.until(has_all(world, CONTOSO))

            assert held(world, FABRIKAM) == 0
            file.write("contoso", "fabrikam")
            await stack.until(has_all(world, FABRIKAM))

            said = await mti("tenants", "pause", "fabrikam", "--data", data, "--by", "ann", "--why", "audit", "--json")
            assert (said.status, said.document["tenants"][0]["status"]) == (0, "paused"), said.err
            await stack.noticed("tenants_paused", "fabrikam")
            before = held(world, FABRIKAM)
            for feed in ("fabrikam/malware_customer", "contoso/malware_customer", "grid:eu"):
                publish(world, feed)
            await stack.until(has_all(world, CONTOSO))
            assert held(world, FABRIKAM) == before

            assert (await mti("tenants", "resume", "fabrikam", "--data", data)).status == 0
            await stack.until(has_all(world, FABRIKAM))

            said = await mti("tenants", "remove", "contoso", "--withdraw", "--data", data, "--yes")
            assert said.status == 0, said.err
            await stack.noticed("tenants_removed", "contoso")
            await stack.until(lambda: held(world, CONTOSO) == 0)
            for feed in ("fabrikam/malware_customer", "contoso/malware_customer", "grid:eu"):
                publish(world, feed)
            await stack.until(has_all(world, FABRIKAM))
            assert held(world, CONTOSO) == 0

            listed = await mti("tenants", "list", "--data", data, "--json")
            assert [found["source"] for found in listed.document["sources"]] == ["fabrikam/malware_customer"]
            assert [(each["tenant"], each["status"]) for each in listed.document["states"]] == [("contoso", "removed")]
            said = await stack.stop()
    assert said.status == 0, said.err
    assert not world.compare(FABRIKAM).unexpected
    assert [found["tenants"] for found in said.document["destinations"]] == [["fabrikam"]]
    assert "fields" in said.err, "the person at the terminal is told of the broken file as well"


async def test_secrets_are_rotated_while_the_stack_runs_and_nobody_is_paused(tmp_path: Path) -> None:
    async with Simulators(scenario()) as world:
        file = TenantsFile(world, tmp_path)
        async with running(file.path, tmp_path / "data") as stack:
            await stack.until(lambda: has_all(world, CONTOSO)() and has_all(world, FABRIKAM)())

            file.rotate("CONTOSO_MIMECAST_SECRET", "another-mimecast-secret-Zq8")
            world.mimecast.rotate("contoso", client_secret="another-mimecast-secret-Zq8")
            file.rotate("FABRIKAM_APP_KEY", "another-app-key-Zq8")
            file.rotate("FABRIKAM_SECRET_KEY", "YW5vdGhlci1zZWNyZXQta2V5")
            world.mimecast.rotate("fabrikam", app_key="another-app-key-Zq8", secret_key="YW5vdGhlci1zZWNyZXQta2V5")
            for tenant, app in zip(("CONTOSO", "FABRIKAM"), world.scenario.apps, strict=True):
                file.rotate(f"{tenant}_AZURE_SECRET", f"another-{tenant}-azure-secret-Zq8")
                world.sentinel.tokens.rotate(app.client_id, f"another-{tenant}-azure-secret-Zq8")
            for feed in ("contoso/malware_customer", "fabrikam/malware_customer", "grid:eu"):
                publish(world, feed)
            await stack.until(lambda: has_all(world, CONTOSO)() and has_all(world, FABRIKAM)())

            paused = [
                line for name in ("fetcher", "publisher") for line in stack.logged(name) if "paused" in line["message"]
            ]
            assert not paused
            said = await stack.stop()
    assert said.status == 0, said.err
    assert world.mimecast.journal.statuses["get-feed 401"] > 0
    assert world.sentinel.statuses["upload 401"] > 0
    assert not said.document["dead_letters"]
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert b"another-" not in path.read_bytes(), path


async def test_a_tenant_that_starts_paused_is_left_alone_and_has_all_after_the_resume(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with Simulators(two_tenants(detections=40)) as world:
        file = TenantsFile(world, tmp_path)
        assert (await mti("tenants", "pause", "fabrikam", "--data", data, "--tenants", file.path)).status == 0

        said = await mti(*up(file.path, data))
        assert said.status == 0, said.err
        (books,) = [found for found in said.document["destinations"] if found["destination"] == FABRIKAM]
        assert books["waiting"] == books["expected"] > 0, "the grid is fetched for contoso, and waits for fabrikam"
        assert (books["accepted"], books["dead"], books["lost"]) == (0, 0, 0)
        assert held(world, FABRIKAM) == 0
        assert world.compare(CONTOSO).clean
        assert {call.account for call in world.mimecast.journal.calls} == {"contoso"}

        assert (await mti("tenants", "resume", "fabrikam", "--data", data)).status == 0
        said = await mti(*up(file.path, data))
        assert said.status == 0, said.err
        assert world.compare(FABRIKAM).clean
