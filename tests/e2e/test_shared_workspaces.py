"""Tenants that share a grid and the provider's workspace: edited, withdrawn, offboarded, lifted and seen again.

After each step every workspace holds exactly what its remaining tenants' feeds imply, and the books say so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from pydantic import SecretStr

from mti.simulators import FeedSpec, Simulators
from mti.simulators.feed.truth import truth_of
from mti.simulators.mimecast import AccountV2
from mti.simulators.scenario import DestinationSpec, RegionSpec, Scenario, TenantSpec
from mti.simulators.sentinel import App, WorkspaceSpec
from mti.simulators.times import to_ms
from tests.support.cli import Said, mti, up
from tests.support.worlds import DIRECTORY

pytestmark = pytest.mark.timeout(600)

MSSP = "60000000-0000-4000-8000-000000000006"
NAMES = ("adatum", "contoso", "fabrikam", "northwind")
SHARING = ("adatum", "fabrikam", "northwind")
GRID = "grid:eu"
OWN = {name: f"{number}0000000-0000-4000-8000-00000000000{number}" for number, name in enumerate(NAMES, 1)}
APP = "40000000-0000-4000-8000-000000000004"


def four_tenants() -> Scenario:
    """Each tenant has a feed of its own, the region's grid and a workspace; all but contoso have the provider's too."""
    workspaces = (*OWN.values(), MSSP)
    return Scenario(
        seed=9,
        tenants=tuple(
            TenantSpec(
                id=name,
                account=AccountV2(
                    id=name, region="eu", client_id=f"{name}-id", client_secret=SecretStr(f"{name}-mimecast-Zq8")
                ),
                format="stix",
                customer=FeedSpec(seed=seed, detections=30, page_size=50),
                destinations=tuple(
                    DestinationSpec(workspace_id=id, client_id=APP)
                    for id in (OWN[name], *([MSSP] if name in SHARING else []))
                ),
            )
            for seed, name in enumerate(NAMES, 1)
        ),
        regions={"eu": RegionSpec(grid=FeedSpec(seed=7, detections=40, page_size=50))},
        workspaces=tuple(WorkspaceSpec(id=id) for id in workspaces),
        apps=(
            App(azure_tenant_id=DIRECTORY, client_id=APP, client_secret=SecretStr("azure-Zq8"), workspaces=workspaces),
        ),
        defaults={"poll_interval": "1s", "overlap": "1m"},
    )


class Provider:
    """Who serves the tenants, with the commands of an operator."""

    def __init__(self, world: Simulators, folder: Path) -> None:
        self.world = world
        self.data = folder / "data"
        self.tenants = folder / "tenants.yaml"
        self.env = world.write_tenants(self.tenants)

    def edit(self, name: str, **fields: Any) -> None:
        """Change a tenant in the file."""
        document = yaml.safe_load(self.tenants.read_text())
        for tenant in document["tenants"]:
            if tenant["id"] == name:
                tenant.update(fields)
        self.tenants.write_text(yaml.safe_dump(document))

    async def run(self) -> None:
        """Fetch everything and deliver it; the books must close."""
        said = await mti(*up(self.tenants, self.data), env=self.env)
        assert said.status == 0, said.err

    async def operator(self, *words: str) -> Said:
        said = await mti(*words, "--data", str(self.data), env=self.env)
        assert said.status == 0, said.err
        return said

    async def holds(self, expected: Mapping[str, set[str]]) -> None:
        """Compare each workspace with what it should hold, and hear what the books say."""
        for id, values in expected.items():
            found = {observable.value for observable in self.world.sentinel.workspaces[id].observables()}
            assert (values - found, found - values) == (set(), set()), id
        said = await self.operator("reconcile", "--json")
        books = said.document
        assert (books["closed"], books["faults"]) == (True, [])
        for found in books["destinations"]:
            assert (found["unrevoked"], found["unexpected"], found["lost"], found["waiting"]) == (0, 0, 0, 0)

    def brought(self, *sources: str) -> set[str]:
        """Return the values of what those feeds have brought so far."""
        found = [truth_of(self.world.feeds[source].detections).wanted() for source in sources]
        return {observable.value for each in found for observable in each}

    def see_again(self, value: str, source: str) -> None:
        """Let a feed show a file once more, from now on."""
        feed = self.world.feeds[source]
        now = to_ms(self.world.mimecast._now())
        shown = next(found for found in feed.detections if value in {o.value for o in truth_of([found]).observables})
        feed._detections.append(shown._replace(seen_ms=now, visible_ms=now, ids=uuid4().hex * 3))


def own(name: str) -> str:
    return f"{name}/malware_customer"


async def test_every_workspace_holds_what_its_remaining_tenants_feeds_imply(tmp_path: Path) -> None:
    async with Simulators(four_tenants()) as world:
        provider = Provider(world, tmp_path)
        brought = provider.brought
        await provider.run()
        everything = {OWN[name]: brought(own(name), GRID) for name in NAMES}
        everything[MSSP] = brought(GRID, *(own(name) for name in SHARING))
        await provider.holds(everything)

        provider.edit("contoso", indicator={"confidence": 90})
        await provider.run()
        await provider.holds(everything)

        (gone, *_) = sorted(brought(GRID) - brought(*(own(name) for name in NAMES)))
        said = await provider.operator("revoke", "--observable", gone, "--reason", "a false alarm", "--yes", "--json")
        assert said.document["revoked"] == dict.fromkeys([*OWN.values(), MSSP], 1)
        await provider.run()
        without = {id: values - {gone} for id, values in everything.items()}
        await provider.holds(without)

        await provider.operator("tenants", "remove", "adatum", "--withdraw", "--yes", "--why", "left")
        await provider.run()
        left = {**without, OWN["adatum"]: set(), MSSP: brought(GRID, own("fabrikam"), own("northwind")) - {gone}}
        await provider.holds(left)

        await provider.operator("tenants", "remove", "fabrikam", "--withdraw", "--yes", "--why", "left too")
        await provider.run()
        left |= {OWN["fabrikam"]: set(), MSSP: brought(GRID, own("northwind")) - {gone}}
        await provider.holds(left)

        said = await provider.operator("revoke", "--lift", "--observable", gone, "--json")
        assert said.document["workspaces"][MSSP] == said.document["id"]
        await provider.holds(left)
        provider.see_again(gone, GRID)
        await provider.run()
        for id in (OWN["contoso"], OWN["northwind"], MSSP):
            left[id] = left[id] | {gone}
        await provider.holds(left)


async def test_what_an_edit_left_behind_is_counted_and_withdrawn(tmp_path: Path) -> None:
    async with Simulators(four_tenants()) as world:
        provider = Provider(world, tmp_path)
        await provider.run()
        provider.edit("contoso", feeds=["malware_grid"])
        await provider.run()
        kept = {OWN["contoso"]: provider.brought(own("contoso"), GRID)}
        await provider.holds(kept)
        said = await provider.operator("reconcile", "--json")
        books = {found["destination"]: found for found in said.document["destinations"]}
        alone = provider.brought(own("contoso")) - provider.brought(GRID)
        assert books[OWN["contoso"]]["left_behind"] == len(alone)

        await provider.operator("revoke", "--source", own("contoso"), "--yes")
        await provider.run()
        await provider.holds({OWN["contoso"]: provider.brought(GRID)})

        provider.edit("contoso", feeds=["malware_grid", "malware_customer"])
        await provider.run()
        await provider.holds({OWN["contoso"]: provider.brought(GRID)})
        await provider.operator("revoke", "--lift", "--source", own("contoso"))
        for value in sorted(alone):
            provider.see_again(value, own("contoso"))
        await provider.run()
        await provider.holds(kept)
