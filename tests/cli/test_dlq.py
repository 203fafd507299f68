"""`mti dlq` as an operator types it, on the folder of an embedded stack."""

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.contracts.envelope import REPLAYS
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import SystemClock
from mti.common.topology import Entity
from mti.normalizer.records import Ledger
from mti.publisher.records import PublishedVersions
from mti.stack.attach import attached
from mti.stack.layout import Layout
from tests.operations.dead_letters.world import page
from tests.publisher.world import CONTOSO, CUSTOMER, FABRIKAM, indicator
from tests.support.bus import INDICATORS, RAW_PAGES
from tests.support.cli import Said, mti_here
from tests.support.waiting import PATIENCE

Mti = Callable[..., Said]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    layout = Layout(tmp_path / "data")
    layout.make()
    return layout.root


@pytest.fixture
def mti(data: Path, capsys: pytest.CaptureFixture[str]) -> Mti:
    def run(*words: str, says: str = "") -> Said:
        where = [] if "--data" in words else ["--data", str(data)]
        return mti_here(capsys, "dlq", *words, *where, says=says)

    return run


def bury(data: Path, entity: Entity, messages: Sequence[Outgoing], reason: str, description: str = "") -> None:
    async def work() -> None:
        async with attached(data) as at:
            bus = ServiceBus.from_connection_string(at.connection_string)
            await bus.sender(entity).send(messages)
            session = messages[0].session_id
            async with bus.receiver(entity, session=session) as receiver:
                left = len(messages)
                while left:
                    for found in await receiver.receive_messages(max_message_count=left, max_wait_time=PATIENCE):
                        await receiver.dead_letter_message(found, reason=reason, error_description=description)
                        left -= 1
            await bus.close()

    asyncio.run(work())


def batch(*names: str, to: str = CONTOSO) -> Outgoing:
    return indicators_message(to, IndicatorBatch(source=CUSTOMER, objects=[indicator(name) for name in names]))


def test_an_empty_folder_has_no_dead_letters(mti: Mti) -> None:
    assert mti("list", "--json").document == {"dead_letters": [], "total": 0}


def test_list_show_and_replay_of_what_is_there(mti: Mti, data: Path) -> None:
    bury(data, RAW_PAGES, [page("a"), page("b")], "NoPattern", "purge them, and tell Mimecast")
    bury(data, INDICATORS, [batch("x")], "ObjectRefused", "Sentinel said no")

    listed = mti("list", "--json")
    assert (listed.status, listed.document["total"]) == (0, 3)
    assert [(found["entity"], found["reason"], found["count"]) for found in listed.document["dead_letters"]] == [
        ("raw-pages/subscriptions/normalizer", "NoPattern", 2),
        ("indicators/subscriptions/publisher", "ObjectRefused", 1),
    ]
    table = mti("list", "--entity", "publisher")
    assert "ObjectRefused" in table.out
    assert "NoPattern" not in table.out

    (shown,) = mti("show", "--reason", "ObjectRefused", "--json").document["messages"]
    assert shown["body"]["objects"][0]["id"] == indicator("x").id
    assert shown["destination"] == CONTOSO
    by_id = mti("show", shown["id"])
    assert "Sentinel said no" in by_id.out
    assert indicator("x").id in by_id.out

    replayed = mti("replay", "--entity", "normalizer", "--yes", "--json")
    assert (replayed.status, replayed.document["replayed"]) == (0, 2)
    assert mti("list", "--json").document["total"] == 1


def test_without_a_filter_or_all_nothing_is_touched(mti: Mti, data: Path) -> None:
    bury(data, RAW_PAGES, [page("a")], "Bug")
    for command in ("replay", "purge"):
        refused = mti(command, "--yes")
        assert (refused.status, refused.out) == (2, "")
        assert "--all" in refused.err
    assert mti("list", "--json").document["total"] == 1


def test_it_asks_and_does_nothing_without_a_yes(mti: Mti, data: Path) -> None:
    bury(data, RAW_PAGES, [page("a")], "Bug")
    declined = mti("replay", "--all", says="n\n")
    assert (declined.status, "Replay 1 dead letters?" in declined.err) == (0, True)
    nobody = mti("purge", "--all")
    assert (nobody.status, "--yes" in nobody.err) == (2, True)
    assert mti("list", "--json").document["total"] == 1
    agreed = mti("purge", "--all", "--json", says="y\n")
    assert (agreed.status, agreed.document["purged"]) == (0, 1)


def test_what_may_not_be_replayed_ends_in_status_1_and_stays(mti: Mti, data: Path) -> None:
    worn = replace(page("a"), properties={**page("a").properties, REPLAYS: 3})
    bury(data, RAW_PAGES, [worn], "Bug")
    refused = mti("replay", "--all", "--yes")
    assert refused.status == 1
    assert "replayed too often" in refused.err
    assert "--force" in refused.err
    assert mti("replay", "--all", "--yes", "--max-replays", "4").status == 0


def test_a_purge_is_logged_and_kept_and_can_be_brought_back(
    mti: Mti, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bury(data, INDICATORS, [batch("x")], "ObjectRefused")
    purged = mti("purge", "--reason", "ObjectRefused", "--yes")
    assert purged.status == 0
    assert "a dead letter was purged: entity indicators/subscriptions/publisher" in caplog.text
    kept = data / "logs" / "purged.jsonl"
    (line,) = map(json.loads, kept.read_text().splitlines())
    assert (line["reason"], line["destination"]) == ("ObjectRefused", CONTOSO)
    assert mti("list", "--json").document["total"] == 0
    back = mti("replay", "--from", str(kept), "--yes", "--json")
    assert (back.status, back.document["replayed"]) == (0, 1)


def test_out_writes_a_file_and_replays_nothing(mti: Mti, data: Path, tmp_path: Path) -> None:
    bury(data, RAW_PAGES, [page("a")], "Bug")
    file = tmp_path / "letters.jsonl"
    assert mti("replay", "--all", "--out", str(file), "--json").document == {"file": str(file), "written": 1}
    assert mti("list", "--json").document["total"] == 1
    assert mti("replay", "--all", "--out", str(file)).status == 2
    dry = mti("replay", "--all", "--dry-run", "--json").document
    assert (dry["dry_run"], dry["replayed"]) == (True, 1)
    assert mti("replay", "--from", str(file), "--yes").status == 0
    assert mti("list", "--json").document["total"] == 0


def test_a_body_is_mended_in_a_file(mti: Mti, data: Path, tmp_path: Path) -> None:
    bury(data, INDICATORS, [batch("x", "y", to=FABRIKAM)], "ObjectRefused")
    (shown,) = mti("show", "--reason", "ObjectRefused", "--json").document["messages"]
    file, number = tmp_path / "body.json", str(shown["sequence"])
    assert mti("edit", number, "--out", str(file)).status == 0
    body = json.loads(file.read_text())
    file.write_text("{}")
    broken = mti("edit", number, "--from", str(file), "--yes")
    assert (broken.status, "objects: Field required" in broken.err) == (2, True)
    file.write_text(json.dumps({**body, "objects": body["objects"][:1]}))
    sent = mti("edit", number, "--from", str(file), "--yes", "--json")
    assert (sent.status, sent.document["removed"], sent.document["replaces"]) == (0, True, shown["id"])
    assert mti("list", "--json").document["total"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--older-than", "soon"),
        ("show", "99"),
        ("edit", "99", "--out", "x", "--from", "y"),
        ("replay", "--out", "x", "--from", "y"),
        ("replay", "--from", "missing.jsonl", "--yes"),
        ("replay", "--all", "--rate", "0"),
        ("edit", "99", "--out", "x"),
    ],
)
def test_bad_usage_ends_in_status_2_with_a_clear_text(mti: Mti, words: Sequence[str]) -> None:
    refused = mti(*words)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err
    assert "Traceback" not in refused.err


def test_a_folder_of_no_stack_is_refused(mti: Mti, tmp_path: Path) -> None:
    refused = mti("list", "--data", str(tmp_path))
    assert (refused.status, "no folder of an embedded stack" in refused.err) == (2, True)


def test_a_purge_is_entered_in_the_services_books(mti: Mti, data: Path) -> None:
    bury(data, INDICATORS, [batch("x", "y")], "ObjectRefused")
    bury(data, RAW_PAGES, [page("a")], "Bug")
    purged = mti("purge", "--all", "--yes", "--json").document
    assert (purged["unentered"], purged["by_reason"]) == (0, {"Bug": 1, "ObjectRefused": 1})

    async def entered() -> tuple[dict[str, int], list[str]]:
        normalizer, publisher = (Layout(data).store(name) for name in ("normalizer", "publisher"))
        totals = await Ledger(normalizer.container("ledger")).totals(CUSTOMER)
        versions = PublishedVersions(publisher.container("published"), SystemClock())
        found = await versions.look_up(CONTOSO, [indicator(name).id for name in ("x", "y")])
        await asyncio.gather(normalizer.close(), publisher.close())
        return totals.rejected, [held.refused.reason for held in found.values() if held.refused is not None]

    assert asyncio.run(entered()) == ({"Purged": 1}, ["Purged", "Purged"])


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Serve the folder's namespace as another machine would, and say how to reach it."""
    there: queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        async with attached(data) as at:
            done = asyncio.Event()
            there.put((at.connection_string, asyncio.get_running_loop(), done))
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    connection, loop, done = there.get(timeout=PATIENCE)
    try:
        yield connection
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


def test_on_azure_a_purge_wants_the_books_or_a_word_that_it_is_to_go_without(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(data, RAW_PAGES, [page("a")], "Bug")

    def run(connection: str, *words: str) -> Said:
        return mti_here(capsys, "dlq", *words, env={"MTI_SERVICEBUS_CONNECTION_STRING": connection})

    with serving(data) as connection:
        nowhere = run(connection, "purge", "--all", "--yes", "--json")
        assert (nowhere.status, nowhere.out) == (2, "")
        assert "--out FILE" in nowhere.err
        purge = ("purge", "--all", "--yes", "--json", "--out", str(data.parent / "purged.jsonl"))
        refused = run(connection, *purge)
        assert (refused.status, refused.out) == (2, "")
        assert "MTI_STORES" in refused.err
        assert "--without-books" in refused.err
        went = run(connection, *purge, "--without-books")
        assert (went.status, went.document["purged"], went.document["unentered"]) == (0, 1, 1)
