"""`mti up`, as a user runs it: real processes, real sockets, and what the workspaces hold at the end."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mti.common.contracts import IndicatorBatch
from mti.common.ports.bus import Outgoing
from mti.simulators import MimecastFault, MimecastFaultKind, SentinelFault, SentinelFaultKind, Simulators
from mti.stack.layout import namespace_config
from servicebus_local import Namespace
from tests.support.bus import INDICATORS, RAW_PAGES, connected
from tests.support.cli import mti, mti_here, up
from tests.support.worlds import CONTOSO, FABRIKAM, SECRETS, assert_exact, two_tenants, written


def destination(document: dict[str, Any], workspace: str) -> dict[str, Any]:
    books: list[dict[str, Any]] = document["destinations"]
    (found,) = [each for each in books if each["destination"] == workspace]
    return found


def source(document: dict[str, Any], name: str) -> dict[str, Any]:
    books: list[dict[str, Any]] = document["sources"]
    (found,) = [each for each in books if each["source"] == name]
    return found


async def test_the_workspaces_hold_exactly_what_the_feeds_imply_and_a_second_run_sends_nothing_again(
    tmp_path: Path,
) -> None:
    async with Simulators(two_tenants()) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        first = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert first.status == 0, first.err
        assert_exact(world)
        objects = {workspace: list(world.sentinel.workspaces[workspace].objects()) for workspace in (CONTOSO, FABRIKAM)}
        again = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data", "--scale", "normalizer=2"), env=env)
        assert again.status == 0, again.err
        for workspace, before in objects.items():
            assert list(world.sentinel.workspaces[workspace].objects()) == before
    document = first.document
    assert document["closed"] is True
    assert {found["source"] for found in document["sources"]} == {
        "contoso/malware_customer",
        "fabrikam/malware_customer",
        "grid:eu",
    }
    for found in document["sources"]:
        parts = found["new"] + found["refreshed"] + found["suppressed"] + sum(found["rejected"].values())
        assert found["detections"] == parts > 0
        assert (found["lost"], found["waiting"], found["dead"], found["pause"]) == (0, 0, 0, None)
    for workspace in (CONTOSO, FABRIKAM):
        books = destination(document, workspace)
        assert books["expected"] == books["accepted"] == len(world.expected(workspace))
        assert (books["lost"], books["doubled"], books["unexpected"]) == (0, 0, 0)
    assert source(document, "contoso/malware_customer")["rejected"] == {"TestFile": 1}
    names = {found["name"] for found in again.document["processes"]}
    assert {"normalizer-1", "normalizer-2"} <= names


async def test_every_object_is_valid_for_sentinel_and_says_where_it_comes_from(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=60)) as world:
        # Settings for Azure in the person's shell are not the embedded stack's.
        azure = {"MTI_SERVICEBUS_NAMESPACE": "contoso-bus", "MTI_STORE": "cosmos:https://x.documents.azure.com/y"}
        env = {**world.write_tenants(tmp_path / "tenants.yaml"), **azure}
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        held = [json.loads(found) for found in world.sentinel.workspaces[FABRIKAM].objects()]
        summary = world.sentinel.workspaces[FABRIKAM].counts
    assert summary["refused_records"] == summary["not_lower_case"] == 0
    assert len({found["id"] for found in held}) == len({found["pattern"] for found in held})
    for found in held:
        assert found["valid_from"] < found["valid_until"]
        assert {"mimecast", "region:eu"} <= set(found["labels"])
        assert any(label.startswith("feed:") for label in found["labels"])


async def test_a_refused_workspace_waits_behind_a_pause_and_is_served_once_it_is_mended(tmp_path: Path) -> None:
    forbidden = SentinelFault(name="no role", kind=SentinelFaultKind.STATUS, status=403, workspace=FABRIKAM, times=None)
    async with Simulators(two_tenants(sentinel_faults=[forbidden])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 3, said.err
        books = destination(said.document, FABRIKAM)
        assert books["pause"]["reason"] == "RoleMissing"
        assert "fabrikam" in books["pause"]["description"] or FABRIKAM in books["pause"]["description"]
        assert (books["accepted"], books["lost"], books["dead"]) == (0, 0, 0)
        assert books["waiting"] == books["expected"] > 0
        assert world.compare(CONTOSO).clean
        world.sentinel.faults.clear()
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        assert destination(said.document, FABRIKAM)["pause"] is None
        assert_exact(world)


async def test_a_refused_mimecast_account_is_paused_alone_and_fetched_once_it_is_mended(tmp_path: Path) -> None:
    refused = MimecastFault(
        name="no permission",
        kind=MimecastFaultKind.STATUS,
        status=403,
        feed="fabrikam/malware_customer",
        times=None,
    )
    async with Simulators(two_tenants(mimecast_faults=[refused])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 3, said.err
        paused = source(said.document, "fabrikam/malware_customer")
        assert paused["pause"]["reason"] == "PermissionMissing"
        assert "fabrikam" in paused["pause"]["description"]
        assert source(said.document, "grid:eu")["detections"] > 0
        world.mimecast.faults.clear()
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        assert_exact(world)


@pytest.mark.timeout(500)
async def test_a_first_run_with_nothing_but_a_refused_account_says_so_at_once_and_so_does_each_later_one(
    tmp_path: Path,
) -> None:
    kind = MimecastFaultKind.STATUS
    refused = MimecastFault(name="403", kind=kind, status=403, times=None)
    async with Simulators(two_tenants(detections=20, mimecast_faults=[refused])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        paused = ("source contoso/malware_customer", "source fabrikam/malware_customer", "source grid:eu")
        for _ in range(2):
            said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
            assert (said.status, said.document["faults"]) == (3, []), said.err
            named = {found["what"]: found["reason"] for found in said.document["paused"]}
            assert named == dict.fromkeys(paused, "PermissionMissing")
            assert f"paused, and waiting for a person: {paused[0]} (PermissionMissing), " in said.err
        for_people = [word for word in up(tmp_path / "tenants.yaml", tmp_path / "data") if word != "--json"]
        said = await mti(*for_people, env=env)
        assert said.status == 3, said.err
        assert re.search(r"source grid:eu is paused \(PermissionMissing\), asked again at \d\d:\d\d:\d\d UTC", said.err)
        assert "3 paused" in said.err
        world.mimecast.faults.clear()
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert (said.status, said.document["paused"]) == (0, []), said.err
        assert_exact(world)


async def test_a_workspace_that_waits_for_its_rate_limit_is_named_with_the_time(tmp_path: Path) -> None:
    limited = SentinelFault(name="429", kind=SentinelFaultKind.RATE_LIMITED, workspace=CONTOSO, seconds=12, times=1)
    async with Simulators(two_tenants(detections=20, sentinel_faults=[limited])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        arguments = [word for word in up(tmp_path / "tenants.yaml", tmp_path / "data") if word != "--json"]
        said = await mti(*arguments, env=env)
        assert said.status == 0, said.err
        assert_exact(world)
    assert re.search(
        r"workspace contoso 10000000… waits for Sentinel's rate limit until \d\d:\d\d:\d\d UTC", said.err
    ), said.err


async def test_faults_on_both_sides_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    kind, other = MimecastFaultKind, SentinelFaultKind
    mimecast = [
        MimecastFault(name="429", kind=kind.RATE_LIMITED, feed="grid:eu", page=1, times=2, reset_ms=300),
        MimecastFault(name="500", kind=kind.STATUS, status=500, feed="contoso/malware_customer", page=2),
        MimecastFault(name="html", kind=kind.HTML, status=200, feed="contoso/malware_customer", page=1),
        MimecastFault(name="truncated", kind=kind.TRUNCATED, feed="fabrikam/malware_customer", page=2),
        MimecastFault(name="dropped", kind=kind.DROPPED, feed="grid:eu", page=3),
        MimecastFault(name="expired", kind=kind.BINDING_EXPIRED, account="fabrikam", nth=2),
        MimecastFault(name="401", kind=kind.UNAUTHORIZED, account="contoso", nth=2),
    ]
    refused = sorted(Simulators(two_tenants()).expected(CONTOSO))[3].value
    sentinel = [
        SentinelFault(name="500", kind=other.STATUS, status=500, times=3),
        SentinelFault(name="429", kind=other.RATE_LIMITED, nth=3, seconds=1),
        SentinelFault(name="lost answer", kind=other.DROPPED, accepted=True, nth=4),
        SentinelFault(name="lost request", kind=other.DROPPED, nth=5),
        SentinelFault(name="too many", kind=other.STATUS, status=400, over_objects=50, times=2),
        SentinelFault(name="refused", kind=other.REFUSE_RECORD, holds=refused, workspace=CONTOSO, times=None),
    ]
    async with Simulators(two_tenants(mimecast_faults=mimecast, sentinel_faults=sentinel)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        assert_exact(world)
    books = destination(said.document, CONTOSO)
    assert books["refused"] == {"ObjectRefused": 1}
    assert books["accepted"] == books["expected"] - 1
    (dead,) = {letters["reason"] for letters in said.document["dead_letters"]}
    assert dead == "ObjectRefused"


async def test_messages_of_strangers_and_of_the_future_end_as_dead_letters_that_say_what_to_do(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=30)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        assert (await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)).status == 0
        objects = {
            workspace: len(list(world.sentinel.workspaces[workspace].objects())) for workspace in (CONTOSO, FABRIKAM)
        }
        async with (
            Namespace(namespace_config(), tmp_path / "data" / "bus") as namespace,
            connected(namespace) as bus,
        ):
            envelope = {
                "cloudEvents_specversion": "1.0",
                "cloudEvents_id": "x",
                "cloudEvents_source": "/sources/contoso/malware_customer",
            }
            future = Outgoing(
                body=b"?", message_id="m1", properties={**envelope, "cloudEvents_type": "mimecast.ti.page.v2"}
            )
            rubbish = Outgoing(
                body=b"rubbish", message_id="m2", properties={**envelope, "cloudEvents_type": "mimecast.ti.page.v1"}
            )
            await bus.sender(RAW_PAGES).send([Outgoing(body=b"hello", message_id="m0"), future, rubbish])
            hostile = Outgoing(
                body=b'{"source":"contoso/malware_customer","objects":[]}',
                message_id="m3",
                session_id=FABRIKAM,
                properties={**envelope, "cloudEvents_type": IndicatorBatch.TYPE},
            )
            astray = Outgoing(body=b"", message_id="m4", session_id="60000000-0000-4000-8000-000000000006")
            await bus.sender(INDICATORS).send([hostile, astray])
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        for workspace, count in objects.items():
            assert len(list(world.sentinel.workspaces[workspace].objects())) == count
    found = {(letters["entity"], letters["reason"]): letters["example"] for letters in said.document["dead_letters"]}
    pages = "raw-pages/subscriptions/normalizer"
    assert {reason for entity, reason in found if entity == pages} == {
        "MalformedEnvelope",
        "UnsupportedSchema",
        "MalformedBody",
    }
    assert "upgrade" in found[pages, "UnsupportedSchema"]
    assert sum(letters["messages"] for letters in said.document["dead_letters"]) == 5


@pytest.mark.parametrize("word", ["normalizer", "normalizer=0", "cleaner=2", "publisher=many"])
def test_a_scale_that_makes_no_sense_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    env = written(tmp_path / "tenants.yaml", detections=10)
    said = mti_here(capsys, *up(tmp_path / "tenants.yaml", tmp_path / "data", "--scale", word), env=env)
    assert (said.status, said.out) == (2, "")
    assert "SERVICE=COUNT" in said.err


async def test_a_missing_secret_is_named_with_its_tenant_before_anything_starts(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=10)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        del env["FABRIKAM_APP_KEY"]
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
    assert (said.status, said.out) == (2, "")
    assert "fabrikam" in said.err
    assert "FABRIKAM_APP_KEY" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "list at least one tenant"),
        ("tenants: [{id: contoso}]", "tenant contoso: mimecast"),
        ("tenants: [", "tenants.yaml"),
        ("tennants: []", "tenants"),
    ],
)
def test_a_broken_tenants_file_is_explained_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    (tmp_path / "tenants.yaml").write_text(text)
    said = mti_here(capsys, *up(tmp_path / "tenants.yaml", tmp_path / "data"))
    assert (said.status, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err


def test_loopback_is_refused_unless_it_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = written(tmp_path / "tenants.yaml", detections=10)
    arguments = [word for word in up(tmp_path / "tenants.yaml", tmp_path / "data") if word != "--allow-loopback"]
    said = mti_here(capsys, *arguments, env=env)
    assert said.status == 2
    assert "contoso" in said.err


async def test_no_secret_is_in_any_log_or_file_of_the_stack(tmp_path: Path) -> None:
    wrong = SentinelFault(name="401", kind=SentinelFaultKind.STATUS, status=401, workspace=CONTOSO, times=None)
    async with Simulators(two_tenants(detections=40, sentinel_faults=[wrong])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti("--verbose", *up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
    assert said.status == 3, said.err
    everything = said.out + said.err
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            everything += path.read_bytes().decode("latin-1")
    for secret in (*SECRETS, "ZmFicmlrYW0tc2VjcmV0LWtleQ", "fabrikam-password-Zq8"):
        assert secret not in everything
    assert not re.search(r"Bearer [A-Za-z0-9]", everything)
