"""What an operator does on an embedded stack, while it runs and while it does not: real processes, real sockets."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from mti.simulators.sentinel.workspace import Workspace
from tests.support.cli import mti, mti_here, start
from tests.support.embedded import EmbeddedStack
from tests.support.waiting import PATIENCE, until
from tests.support.worlds import CONTOSO, FABRIKAM, two_tenants


def held(world: Simulators, workspace: str) -> list[dict[str, Any]]:
    return [json.loads(found) for found in world.sentinel.workspaces[workspace].objects()]


def value_of(found: dict[str, Any]) -> str:
    value: str = found["pattern"].split("'")[-2]
    return value


def clean(world: Simulators, *workspaces: str) -> bool:
    return all(
        not [*compared.missing, *compared.unexpected, *compared.doubled]
        for compared in (world.compare(workspace) for workspace in workspaces)
    )


def without_fabrikam(path: Path, to: Path) -> Path:
    document = yaml.safe_load(path.read_text())
    document["tenants"] = [found for found in document["tenants"] if found["id"] != "fabrikam"]
    to.write_text(yaml.safe_dump(document))
    return to


async def test_a_tenant_that_joins_late_and_a_workspace_built_anew_are_given_what_is_valid_and_nothing_twice(
    tmp_path: Path,
) -> None:
    async with Simulators(two_tenants(detections=200)) as world:
        operator = EmbeddedStack(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        alone = without_fabrikam(tmp_path / "tenants.yaml", tmp_path / "alone.yaml")
        assert (await operator.up(alone)).status == 0
        joined = await operator.up()
        # The grid was fetched before fabrikam came, and fabrikam is given what is still valid.
        assert joined.status == 0, joined.err
        assert "joined grid:eu late" in joined.err
        assert world.compare(FABRIKAM).clean

        done = await operator("backfill", "--tenant", "fabrikam", "--json")
        assert done.status == 0, done.err
        async with operator.running():
            await until(lambda: clean(world, CONTOSO, FABRIKAM))
            grid = {value_of(each): each["id"] for each in held(world, CONTOSO)}
            assert all(grid.get(value_of(each), each["id"]) == each["id"] for each in held(world, FABRIKAM))
            # What was uploaded twice is what the customer's own feed had to add to the grid's word; nothing else.
            labels: dict[str, list[str]] = {}
            for each in held(world, FABRIKAM):
                labels.setdefault(each["id"], []).append(next(x for x in each["labels"] if x.startswith("feed:")))
            assert {tuple(found) for found in labels.values()} <= {
                ("feed:malware_grid",),
                ("feed:malware_customer",),
                ("feed:malware_grid", "feed:malware_customer"),
            }

            anew = world.sentinel.workspaces[FABRIKAM] = Workspace(FABRIKAM)
            words = ("backfill", "--tenant", "fabrikam", "--rebuilt", "--json", "--rate")
            refused = await operator(*words, "1")
            assert refused.status == 2  # nobody is there to say yes
            # One message a second: it is far from its end when it is killed, however slow the machine is.
            process = await start(*words, "1", "--yes", "--data", operator.data, env=operator.env)
            await until(lambda: anew.counts["accepted_objects"] > 0)
            process.kill()
            await process.communicate()
            assert world.compare(FABRIKAM).missing
            said = await operator(*words, "30", "--yes")
            assert said.status == 0, said.err
            (found,) = said.document["destinations"]
            assert (found["resumed"], found["finished"]) == (True, True)
            await until(lambda: clean(world, FABRIKAM))
        assert anew.counts["identical_resends"] == 0
        said = await operator("reconcile", "--json")
        assert said.status == 0, said.document["faults"]


async def test_while_the_stack_runs_it_is_looked_at_set_back_and_told_to_withdraw(tmp_path: Path) -> None:
    forbidden = SentinelFault(name="no role", kind=SentinelFaultKind.STATUS, status=403, workspace=FABRIKAM, times=None)
    async with Simulators(two_tenants(detections=120, sentinel_faults=[forbidden])) as world:
        operator = EmbeddedStack(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        async with operator.running():
            await until(lambda: clean(world, CONTOSO) and world.sentinel.faults.struck["no role"] > 0)
            assert_status(await paused(operator), len(held(world, CONTOSO)))
            said = await operator("reconcile", "--json")
            assert said.status == 0, said.document["faults"]
            books = {each["destination"]: each for each in said.document["destinations"]}
            assert books[FABRIKAM]["waiting"] == books[FABRIKAM]["expected"] > 0

            calls = len(held(world, CONTOSO))
            said = await operator("checkpoints", "reset", "--source", "contoso/malware_customer", "--yes", "--json")
            assert said.document["epoch"] == 1
            assert (await covered(operator, "contoso/malware_customer"))["epoch"] == 1
            assert len(held(world, CONTOSO)) == calls

            first = held(world, CONTOSO)[0]
            value, workspace = value_of(first), world.sentinel.workspaces[CONTOSO]
            said = await operator("revoke", "--observable", value, "--reason", "a false alarm", "--yes", "--json")
            assert said.document["revoked"][CONTOSO] == 1
            await until(lambda: value not in {found.value for found in workspace.observables()})
            last = held(world, CONTOSO)[-1]
            assert {**last, "modified": first["modified"]} == {**first, "revoked": True}
        said = await operator("reconcile", "--json")
        assert said.status == 0, said.document["faults"]
        books = {found["destination"]: found for found in said.document["destinations"]}
        assert books[CONTOSO]["withdrawn"] == 1
        lifted = await operator("revoke", "--lift", "--observable", value, "--json")
        assert lifted.document["generation"] == 1
        assert lifted.document["id"] != first["id"]
        shown = await operator("status")
        assert "paused: workspace" in shown.err


async def paused(operator: EmbeddedStack) -> dict[str, Any]:
    """Return the status once fabrikam's workspace is paused and something waits for it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            said = await operator("status", "--json")
            assert said.status == 0, said.err
            found = {each["destination"]: each for each in said.document["destinations"]}
            if found[FABRIKAM]["pause"] and found[FABRIKAM]["waiting_messages"]:
                return said.document
            await asyncio.sleep(1)


async def covered(operator: EmbeddedStack, source: str) -> dict[str, Any]:
    """Return the fetcher's checkpoint of a source once its window is closed."""
    async with asyncio.timeout(PATIENCE):
        while True:
            said = await operator("checkpoints", "show", "--source", source, "--json")
            at: dict[str, Any] = said.document["sources"][source]["fetcher"]
            if at.get("covered_until") and not at.get("window"):
                return at
            await asyncio.sleep(1)


def assert_status(document: dict[str, Any], accepted: int) -> None:
    found = {each["destination"]: each for each in document["destinations"]}
    assert document["closed"] is True
    assert found[FABRIKAM]["pause"]["reason"] == "RoleMissing"
    assert "Microsoft Sentinel Contributor" in found[FABRIKAM]["pause"]["description"]
    assert found[CONTOSO]["counts"]["accepted"] == accepted
    for each in document["sources"]:
        parts = each["new"] + each["refreshed"] + each["suppressed"] + sum(each["rejected"].values())
        assert each["detections"] == parts + each["waiting"] + each["dead"] + each["lost"]
    assert set(document["tenants"]) == {"*", "contoso", "fabrikam"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("status",), "--tenants"),
        (("reconcile",), "--tenants"),
        (("checkpoints", "reset", "--source", "x", "--to", "yesterday", "--yes"), "2026-11-24T10:15:30Z"),
        (("revoke", "--tenant", "a", "--source", "b"), "exactly one"),
        (("revoke", "--tenant", "a", "--lift", "--dry-run"), "--lift takes no --dry-run"),
        (("status", "--watch", "--json"), "exclude each other"),
    ],
)
def test_bad_usage_is_told_with_its_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], expected: str
) -> None:
    said = mti_here(capsys, *words, "--data", tmp_path)
    assert (said.status, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err


async def test_azure_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "tenants.yaml").write_text("")
    async with Simulators(two_tenants(detections=10)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
    said = await mti("checkpoints", "show", "--tenants", tmp_path / "tenants.yaml", env=env)
    assert said.status == 2
    assert "MTI_FETCHER_STORE" in said.err
    said = await mti("status", "--tenants", tmp_path / "tenants.yaml", env=env)
    assert said.status == 2
    assert "MTI_SERVICEBUS_NAMESPACE" in said.err
