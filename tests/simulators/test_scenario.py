"""A whole simulated world: its document, its tenants file, its truth, and the process that serves it."""

import asyncio
import signal
from pathlib import Path

import httpx
import orjson
import pytest
import yaml
from pydantic import ValidationError

from mti.common.registry import load_registry
from mti.simulators import HashChoice, Scenario, Simulators, demo_scenario, truth_of
from mti.simulators.mimecast import AccountV1, AccountV2
from mti.simulators.times import to_ms
from mti.stack.launching.processes import Process
from tests.simulators.clients import HeldClock, access, all_pages, bearer, indicator, signed, upload
from tests.support.processes import start_python
from tests.support.waiting import in_time

SMALL = demo_scenario(seed=4, detections=1200)


def test_a_scenario_survives_its_file() -> None:
    assert Scenario.model_validate_json(SMALL.model_dump_json()) == SMALL


def test_secrets_are_hidden_in_reprs() -> None:
    shown = repr(SMALL)
    secrets = [app.client_secret.get_secret_value() for app in SMALL.apps]
    assert not any(secret in shown for secret in secrets)


def test_a_scenario_that_names_strangers_is_refused() -> None:
    document = orjson.loads(SMALL.model_dump_json())
    document["tenants"][0]["destinations"][0]["workspace_id"] = "elsewhere"
    with pytest.raises(ValidationError, match="unknown workspace"):
        Scenario.model_validate(document)


def test_the_demonstration_is_of_the_size_that_was_asked(clock: HeldClock) -> None:
    world = Simulators(demo_scenario(seed=1), now=clock)
    assert world.detections() == 100_000
    sizes = [len(world.expected(workspace.id)) for workspace in world.scenario.workspaces]
    assert all(4000 <= size <= 9000 for size in sizes), sizes
    assert {(tenant.account.api, tenant.format) for tenant in world.scenario.tenants} == {
        ("2.0", "stix"),
        ("1.0", "csv"),
        ("2.0", "csv"),
        ("1.0", "stix"),
    }


def test_the_same_seed_is_the_same_world(clock: HeldClock) -> None:
    one, other = Simulators(SMALL, now=clock), Simulators(demo_scenario(seed=4, detections=1200), now=clock)
    assert {name: feed.detections for name, feed in one.feeds.items()} == {
        name: feed.detections for name, feed in other.feeds.items()
    }


def test_a_grid_holds_what_its_accounts_were_sent(clock: HeldClock) -> None:
    world = Simulators(SMALL, now=clock)
    grid = truth_of(world.feeds["grid:eu"].detections).observables
    for tenant in ("contoso", "fabrikam", "northwind"):
        assert set(truth_of(world.feeds[f"{tenant}/malware_customer"].detections).observables) <= set(grid)
    assert not truth_of(world.feeds["tailspin/malware_customer"].detections).wanted() & set(grid)


async def test_the_tenants_file_refers_to_secrets_and_holds_none(clock: HeldClock, tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    async with Simulators(SMALL, now=clock) as world:
        secrets = world.write_tenants(path)
        urls = (world.mimecast.base_url, world.sentinel.base_url)
    text = path.read_text(encoding="utf-8")
    assert not any(secret in text for secret in secrets.values())
    document = yaml.safe_load(text)
    contoso, fabrikam, *_ = document["tenants"]
    assert contoso["mimecast"] == {
        "api": "2.0",
        "region": "eu",
        "base_url": urls[0],
        "client_id": "env:CONTOSO_MIMECAST_ID",
        "client_secret": "env:CONTOSO_MIMECAST_SECRET",
    }
    assert [entry["client_id"] for entry in contoso["destinations"]] == [
        "env:CONTOSO_AZURE_ID",
        "env:CONTOSO_AZURE_ID_2",
    ]
    assert contoso["destinations"][0]["endpoint"] == contoso["destinations"][0]["authority"] == urls[1]
    assert contoso["destinations"][0]["requests_per_minute"] == 100
    assert set(fabrikam["mimecast"]) == {
        "api",
        "region",
        "base_url",
        "app_id",
        "app_key",
        "access_key",
        "secret_key",
        "email",
        "password",
    }
    referred = {word.removeprefix("env:") for word in text.split() if word.startswith("env:")}
    assert referred == set(secrets)
    assert secrets["ADVENTURE_WORKS_AZURE_ID"] == SMALL.apps[4].client_id


async def test_the_registry_takes_the_tenants_file(clock: HeldClock, tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    async with Simulators(SMALL, now=clock) as world:
        world.write_tenants(path)
    registry = load_registry(path, allow_loopback=True)
    assert {workspace.id for workspace in SMALL.workspaces} == set(registry.destinations)
    assert {"grid:eu", "grid:us", "contoso/malware_customer"} <= set(registry.sources)
    for workspace in SMALL.workspaces:
        routed = {route.source for route in registry.routes_to(workspace.id)}
        assert routed == SMALL.sources_of(workspace.id)


async def test_a_workspace_is_compared_with_the_truth(clock: HeldClock, http: httpx.AsyncClient) -> None:
    scenario = SMALL.model_copy(update={"mimecast_faults": (), "sentinel_faults": SMALL.sentinel_faults[:2]})
    contoso = scenario.workspaces[0].id
    async with Simulators(scenario, now=clock) as world:
        wanted = sorted(world.expected(contoso))
        paths = {"sha256": "'SHA-256'", "md5": "MD5"}
        objects = [
            indicator(number, pattern=f"[file:hashes.{paths[kind]} = '{value}']")
            for number, (kind, value) in enumerate(wanted)
        ]
        headers = await access(http, world.sentinel.base_url, scenario.apps[0])
        assert len(world.compare(contoso).missing) == len(wanted) - 1
        for at in range(0, len(objects), 100):
            await upload(http, world.sentinel.base_url, contoso, headers, objects[at : at + 100])
        assert world.compare(contoso).clean
        assert len(world.compare(contoso).refused_for_ever) == 1
        stray = indicator(90_001)
        twin = indicator(90_002, pattern=next(entry["pattern"] for entry in reversed(objects)))
        await upload(http, world.sentinel.base_url, contoso, headers, [stray, twin])
        found = (await http.get(f"{world.sentinel.base_url}/_sim/expected/{contoso}")).json()
        assert (await http.get(f"{world.sentinel.base_url}/_sim/expected/none")).status_code == 404
    assert found["clean"] is False
    assert found["missing"] == []
    assert len(found["unexpected"]) == len(found["doubled"]) == 1
    assert len(found["expected"]) == len(wanted)
    assert len(world.expected(contoso, HashChoice.ALL)) > len(wanted)


async def test_every_tenant_can_fetch_all_it_asks_for(clock: HeldClock, http: httpx.AsyncClient) -> None:
    scenario = SMALL.model_copy(update={"mimecast_faults": ()})
    async with Simulators(scenario, now=clock) as world:
        base = world.mimecast.base_url
        for tenant in scenario.tenants:
            account = tenant.account
            assert isinstance(account, AccountV1 | AccountV2)
            headers = signed(account, clock()) if isinstance(account, AccountV1) else await bearer(http, base, account)
            answers = await all_pages(http, base, headers, fileType=tenant.format)
            feed = world.feeds[f"{tenant.id}/malware_customer"]
            window = feed.window(0, to_ms(clock()), to_ms(clock()))
            text = "".join(answer.text for answer in answers).lower()
            assert all(found.strongest().value in text for found in window)


class TestProcess:
    @staticmethod
    async def start(*arguments: str) -> Process:
        return await start_python(
            "-m",
            "mti.simulators",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_it_says_where_it_is_and_stops_when_told(
        self, http: httpx.AsyncClient, tmp_path: Path, number: signal.Signals
    ) -> None:
        scenario, tenants, env = tmp_path / "scenario.json", tmp_path / "tenants.yaml", tmp_path / "secrets.env"
        scenario.write_text(SMALL.model_dump_json())
        process = await self.start(
            "--scenario", str(scenario), "--port", "0", "--tenants", str(tenants), "--env", str(env)
        )
        assert process.stdout is not None
        ready = orjson.loads(await process.stdout.readline())
        assert ready["pid"] == process.pid
        assert ready["detections"] == 1200
        state = await http.get(f"{ready['mimecast']}/_sim/state")
        workspaces = (await http.get(f"{ready['sentinel']}/_sim/state")).json()["workspaces"]
        process.send_signal(number)
        rest, errors = await in_time(process.communicate())
        assert process.returncode == 0, errors.decode()
        assert rest == b""
        assert state.status_code == 200
        assert len(workspaces) == 7
        assert ready["mimecast"] in tenants.read_text(encoding="utf-8")
        assert env.stat().st_mode & 0o077 == 0
        assert "CONTOSO_AZURE_SECRET=" in env.read_text(encoding="utf-8")

    async def test_an_unfit_scenario_ends_with_status_2_and_no_secret_in_the_log(self, tmp_path: Path) -> None:
        scenario = tmp_path / "scenario.json"
        document = orjson.loads(SMALL.model_dump_json())
        document["tenants"][0]["account"]["secret"] = "very secret"
        scenario.write_bytes(orjson.dumps(document))
        process = await self.start("--scenario", str(scenario))
        _, errors = await process.communicate()
        assert process.returncode == 2
        assert b"Extra inputs" in errors
        assert b"very secret" not in errors
