"""A false positive is withdrawn over HTTP: what `mti revoke` does, for who brings proof that it makes sense."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Carried
from mti.common.ports.clock import SystemClock
from mti.common.registry import Feed
from mti.common.schema import mark
from mti.functions.withdrawals import BODY_LIMIT
from mti.normalizer.indicators import Observable, indicator_id
from mti.normalizer.records import EVERYONE, KNOWN, KnownIndicators
from mti.publisher.forms import prepared
from mti.publisher.records import PUBLISHED, Accept, Item, Published, PublishedVersions
from mti.simulators import Simulators
from servicebus_local import Namespace
from tests.functions.apps import load
from tests.publisher.world import hash_of
from tests.publisher.world import indicator as indicator_of
from tests.support.bus import counts, running_namespace
from tests.support.cli import mti
from tests.support.worlds import CONTOSO, FABRIKAM, two_tenants

FILE = hash_of("invoice")
KEY = "file:hashes.'SHA-256'"
PUBLISHER = "indicators/subscriptions/publisher"
STRANGER = "99999999-0000-4000-8000-000000000009"


@dataclass
class Place:
    """Two workspaces that hold a file, and what an app is told of where it works."""

    folder: Path
    namespace: Namespace
    env: dict[str, str]

    async def books(self, workspace: str, file: str = FILE) -> Published | None:
        own = indicator_id(Observable(KEY, file))
        store = packed(SqliteStore(self.folder / "publisher.db", read_only=True))
        try:
            versions = PublishedVersions(store.container(PUBLISHED), SystemClock())
            return (await versions.look_up(workspace, [own])).get(own)
        finally:
            await store.close()

    async def why(self) -> str | None:
        """Return what is kept with the withdrawal."""
        observable = Observable(KEY, FILE)
        store = packed(SqliteStore(self.folder / "normalizer.db", read_only=True))
        try:
            known = KnownIndicators(store.container(KNOWN), SystemClock())
            found = [each async for each in known.withdrawals.scan(EVERYONE) if each.observable == observable]
            return found[0].reason if found else None
        finally:
            await store.close()

    async def sent(self) -> int:
        found: int = (await counts(self.namespace, PUBLISHER))["active"]
        return found


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with running_namespace(tmp_path / "bus") as namespace, Simulators(two_tenants(detections=1)) as world:
        env = {
            **world.write_tenants(tmp_path / "tenants.yaml"),
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
            "MTI_ALLOW_LOOPBACK": "true",
            "MTI_NORMALIZER_STORE": f"sqlite:{tmp_path / 'normalizer.db'}",
            "MTI_PUBLISHER_STORE": f"sqlite:{tmp_path / 'publisher.db'}",
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        await began(tmp_path / "normalizer.db")
        await hold(tmp_path / "publisher.db", CONTOSO, FABRIKAM)
        yield Place(tmp_path, namespace, env)


async def began(path: Path) -> None:
    """Mark a store as its service does when it starts."""
    store = packed(SqliteStore(path))
    await mark(store)
    await store.close()


async def hold(path: Path, *workspaces: str, revoked: bool = False) -> None:
    """Let the workspaces hold the file, or take its revocation."""
    now = datetime.now(UTC)
    own = indicator_id(Observable(KEY, FILE))
    fields: dict[str, Any] = {"revoked": True, "modified": now} if revoked else {}
    until = datetime(now.year + 1, 1, 1, tzinfo=UTC)
    found = indicator_of("invoice", id=own, valid_until=until, **fields)
    item = Item.of(Carried.of(found), source="grid:eu", feed=Feed.MALWARE_GRID, extension=timedelta())
    await began(path)
    store = packed(SqliteStore(path))
    versions = PublishedVersions(store.container(PUBLISHED), SystemClock())
    for workspace in workspaces:
        known = (await versions.look_up(workspace, [own])).get(own)
        await versions.record(workspace, [Accept(prepared(known, item))])
    await store.close()


def request(**changes: Any) -> dict[str, Any]:
    asked = {"workspace": CONTOSO, "observable": FILE, "asked_by": "incident 42", "reason": "closed as false positive"}
    return {name: value for name, value in (asked | changes).items() if value is not None}


async def ask(body: dict[str, Any] | bytes) -> tuple[int, dict[str, Any]]:
    """Ask the publisher's app, by the function that the platform calls."""
    withdraw = next(found for found in load("publisher").app.get_functions() if found.get_function_name() == "withdraw")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = func.HttpRequest(method="POST", url="/api/withdrawals", body=data)
    answer: func.HttpResponse = await withdraw.get_user_function()(asked)
    return answer.status_code, json.loads(answer.get_body())


async def test_a_false_positive_of_one_workspace_is_withdrawn_from_all(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="mti.operations.revoking"):
        status, said = await ask(request(observable=FILE.upper(), workspace=CONTOSO.upper()))
    assert status == 200
    assert said == {
        "observable": FILE, "workspace": CONTOSO, "revoked": 2, "already": 0, "unserved": 0, "dry_run": False,
    }  # fmt: skip
    assert await place.sent() == 2
    assert await place.why() == f"closed as false positive (asked by incident 42, of workspace {CONTOSO})"
    asked, answered = (record for record in caplog.records if "withdrawal" in record.message)
    assert (asked.by, asked.why, asked.observable, asked.workspace, asked.tenants) == (  # type: ignore[attr-defined]
        "incident 42", "closed as false positive", FILE, CONTOSO, ["contoso"],
    )  # fmt: skip
    assert (answered.by, answered.revoked) == ("incident 42", 2)  # type: ignore[attr-defined]


async def test_the_answer_names_no_other_customer(place: Place) -> None:
    _, said = await ask(request())
    assert FABRIKAM not in json.dumps(said)
    assert "fabrikam" not in json.dumps(said)
    assert await place.sent() == 2


async def test_what_is_revoked_is_not_sent_again_when_it_is_asked_for_again(place: Place) -> None:
    await ask(request())
    await hold(place.folder / "publisher.db", CONTOSO, FABRIKAM, revoked=True)
    status, again = await ask(request(asked_by="incident 43"))
    assert (status, again["revoked"], again["already"]) == (200, 0, 2)
    assert await place.sent() == 2


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(place: Place) -> None:
    before = await place.books(CONTOSO)
    status, said = await ask(request(dry_run=True))
    assert (status, said["revoked"], said["dry_run"]) == (200, 2, True)
    assert (await place.sent(), await place.books(CONTOSO), await place.why()) == (0, before, None)


async def test_it_leaves_the_same_books_as_the_command(place: Place, tmp_path: Path) -> None:
    await ask(request(reason="same"))
    by_function = await place.books(CONTOSO)
    other = tmp_path / "command"
    other.mkdir()
    await began(other / "normalizer.db")
    await hold(other / "publisher.db", CONTOSO, FABRIKAM)
    stores = {f"MTI_{name.upper()}_STORE": f"sqlite:{other / f'{name}.db'}" for name in ("normalizer", "publisher")}
    env = {**place.env, **stores, "MTI_FETCHER_STORE": f"sqlite:{other / 'fetcher.db'}"}
    done = await mti("revoke", "--observable", FILE, "--reason", "same", "--yes", "--json", env=env)
    assert done.status == 0, done.err
    assert done.document["revoked"] == {CONTOSO: 1, FABRIKAM: 1}
    by_command = await Place(other, place.namespace, {}).books(CONTOSO)
    assert by_function is not None
    assert by_command is not None
    assert without_times(by_function) == without_times(by_command)


def without_times(found: Published) -> dict[str, Any]:
    """Return books without the moment of the order."""
    return json.loads(found.text, object_hook=_timeless)  # type: ignore[no-any-return]


def _timeless(fields: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()[:10]
    return {name: "now" if isinstance(value, str) and value[:10] == now else value for name, value in fields.items()}


async def test_an_unknown_workspace_is_refused(place: Place) -> None:
    status, said = await ask(request(workspace=STRANGER))
    assert status == 404
    assert said["error"] == f"no tenant has the workspace {STRANGER}; ask with the id of one that has"
    assert (await place.sent(), await place.why()) == (0, None)


async def test_what_a_workspace_was_never_sent_is_refused(place: Place) -> None:
    other = hash_of("another file")
    status, said = await ask(request(observable=other))
    assert status == 404
    assert f"(contoso) was never sent {other}" in said["error"]
    assert await place.sent() == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"workspace": "contoso"}, "workspace"),
        ({"workspace": None}, "workspace"),
        ({"observable": "word"}, "no observable"),
        ({"observable": ""}, "observable"),
        ({"asked_by": None}, "asked_by"),
        ({"asked_by": "  "}, "asked_by"),
        ({"asked_by": "a\nsecond line"}, "asked_by"),
        ({"reason": "x" * 501}, "reason"),
        ({"dry_run": "perhaps"}, "dry_run"),
        ({"tenant": "fabrikam"}, "tenant"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_its_field(
    place: Place, change: dict[str, Any], named: str
) -> None:
    status, said = await ask(request(**change))
    assert status == 400
    assert named in said["error"]
    assert await place.sent() == 0


async def test_a_body_that_is_none_is_refused_unread(place: Place) -> None:
    assert (await ask(b"{"))[0] == 400
    status, said = await ask(b" " * (BODY_LIMIT + 1))
    assert (status, "16,385 bytes" in said["error"]) == (400, True)
    assert await place.sent() == 0


async def test_it_is_off_unless_the_deployment_says_otherwise(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTI_NORMALIZER_STORE")
    status, said = await ask(request())
    assert status == 403
    assert "withdrawals=true" in said["error"]
    assert await place.sent() == 0


async def test_a_bus_that_is_away_is_said_and_asking_again_does_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv(
            "MTI_SERVICEBUS_CONNECTION_STRING",
            "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true",
        )
        status, said = await ask(request())
        assert status == 503, said
    status, said = await ask(request())
    assert (status, said["revoked"]) == (200, 2)
    assert await place.sent() == 2
