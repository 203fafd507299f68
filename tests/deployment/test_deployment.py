"""Where an operator's work is done: a folder or Azure, each part opened when it is asked for."""

from pathlib import Path

import pytest
import yaml

from mti.common.errors import ConfigurationError
from mti.common.topology import STANDARD
from mti.deployment import open_deployment
from mti.stack.layout import LastRun, Layout
from tests.common.tenants import tenant
from tests.support.bus import running_namespace
from tests.support.embedded import taken


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "data")
    made.make()
    return made


@pytest.fixture
def tenants(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.yaml"
    path.write_text(yaml.safe_dump({"tenants": [tenant()]}))
    return path


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MTI_TENANTS_FILE", "MTI_TENANTS_STORE", "MTI_TENANTS_TEXT", "MTI_STORES"):
        monkeypatch.delenv(name, raising=False)


async def test_the_stores_of_a_folder_are_opened_once_and_while_somebody_else_has_the_folder(layout: Layout) -> None:
    with taken(layout):
        async with open_deployment(layout.root) as deployment:
            stores = await deployment.stores()
            assert await deployment.stores() is stores
            assert await stores.fetcher.container("checkpoints").read("no", "one") is None


async def test_a_folder_has_the_standard_topology_whatever_the_environment_names(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTI_FETCH_JOBS_QUEUE", "theirs")
    async with open_deployment(layout.root) as deployment:
        assert deployment.topology == STANDARD
        queues = (await deployment.dead_letters()).queues
        assert [queue.entity for queue in queues] == list(STANDARD.entities)
        for queue in queues:
            assert [letter async for letter in queue.letters()] == []
        assert not await deployment.is_running()


async def test_azure_has_the_topology_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_namespace(tmp_path / "bus") as namespace:
        monkeypatch.setenv("MTI_SERVICEBUS_CONNECTION_STRING", namespace.connection_string)
        monkeypatch.setenv("MTI_FETCH_JOBS_QUEUE", "theirs")
        async with open_deployment(None) as deployment:
            assert deployment.topology.jobs.path == "theirs"
            assert await deployment.is_running()
            with pytest.raises(ConfigurationError, match="the namespace has no 'theirs'"):
                assert [letter async for letter in (await deployment.dead_letters()).queues[0].letters()]


async def test_the_tenants_are_those_that_are_named_then_of_the_last_run_then_of_the_environment(
    layout: Layout, tenants: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_deployment(layout.root) as deployment:
        with pytest.raises(ConfigurationError, match="no folder that a stack ran on"):
            await deployment.registry()
    monkeypatch.setenv("MTI_TENANTS_FILE", str(tenants))
    async with open_deployment(layout.root) as deployment:
        assert deployment.tenants_settings().tenants_file == tenants
    layout.remember(LastRun(tenants=tenants.with_name("last.yaml")))
    async with open_deployment(layout.root) as deployment:
        assert deployment.tenants_settings().tenants_file == tenants.with_name("last.yaml")
    async with open_deployment(layout.root, tenants) as deployment:
        assert set((await deployment.registry()).sources) == {"contoso/malware_customer"}
        assert await deployment.registry() is await deployment.registry()


async def test_azure_without_settings_says_which_are_missing() -> None:
    async with open_deployment(None) as deployment:
        with pytest.raises(ConfigurationError, match="--tenants FILE, or in MTI_TENANTS_FILE"):
            await deployment.registry()
        with pytest.raises(ConfigurationError, match="MTI_FETCHER_STORE: is not set"):
            await deployment.stores()


async def test_a_folder_is_looked_at_and_served_by_turns(layout: Layout) -> None:
    async with open_deployment(layout.root) as deployment:
        assert not await deployment.is_running()
        assert (await (await deployment.view()).loads()).of(STANDARD.jobs.path).active == 0
        assert len((await deployment.dead_letters()).queues) == len(STANDARD.entities)
        assert not await deployment.is_running()
        view = await deployment.view()
        assert (await view.loads()).of(STANDARD.jobs.path).active == 0
        assert [letter async for letter in view.dead(STANDARD.jobs.path)] == []
    async with open_deployment(layout.root) as deployment:  # it was let go
        assert (await (await deployment.view()).loads()).of(STANDARD.jobs.path).dead == 0
