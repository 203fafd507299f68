"""What a person sees of few tenants and of many, at a real terminal of several widths."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.cli.rows import SHOWN
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.pauses import PauseState
from mti.fetcher.records import CHECKPOINTS, FETCHED, SourceCheckpoint, source_checkpoints
from mti.fetcher.records import Ledger as Fetched
from mti.normalizer.records import HANDLED, ChunkBooks
from mti.normalizer.records import Ledger as Handled
from mti.publisher.records import Counts, DestinationCheckpoint, destination_checkpoints
from mti.stack.attach import attached
from mti.stack.layout import LastRun, Layout
from tests.common.tenants import destination, tenant
from tests.publisher.world import indicator
from tests.support.bus import INDICATORS
from tests.support.cli import mti
from tests.support.terminal import Screen, mti_at_terminal

pytestmark = pytest.mark.timeout(600)

NOW = datetime.now(UTC)
WIDTHS = (80, 120, 200)
WORDS = (
    "the server answered 401 to the client's credentials: create new ones in Mimecast's Administration Console, put"
    " them into the secret that the tenants file names, and lift the pause"
)
PAUSE = PauseState(
    reason="CredentialsRefused", description=WORDS, since=NOW, probed=NOW, until=NOW + timedelta(hours=1)
)


@dataclass(frozen=True)
class Estate:
    """A folder with so many tenants; some of them are unwell."""

    data: Path
    tenants: int

    @property
    def paused(self) -> int:
        return self.tenants // 2

    @property
    def lossy(self) -> int:
        return self.tenants - 1


def name(number: int) -> str:
    return f"customer-{number:04}"


def workspace(number: int) -> str:
    return f"10000000-0000-4000-8000-{number:012}"


def chunk_of(number: int) -> ChunkBooks:
    """Millions, and different ones for each tenant."""
    new, refreshed, suppressed, rejected = (
        1_000_003 + number,
        20_011 + 2 * number,
        4_000_007 + 3 * number,
        1_009 + number,
    )
    return ChunkBooks(
        detections=new + refreshed + suppressed + rejected,
        new=new,
        refreshed=refreshed,
        suppressed=suppressed,
        rejected={"TestFile": 1_000, "AllowListed": 9 + number},
    )


async def made(root: Path, tenants: int) -> Estate:
    estate = Estate(root / "data", tenants)
    layout = Layout(estate.data)
    layout.make()
    file = root / "tenants.yaml"
    numbers = range(1, tenants + 1)
    entries = [
        tenant(name(number), destinations=[destination() | {"workspace_id": workspace(number)}]) for number in numbers
    ]
    file.write_text(yaml.safe_dump({"tenants": entries}))
    layout.remember(LastRun(tenants=file))
    stores = {service: SqliteStore(layout.database(service)) for service in ("fetcher", "normalizer", "publisher")}
    fetched, handled = Fetched(stores["fetcher"].container(FETCHED)), Handled(stores["normalizer"].container(HANDLED))
    sources = source_checkpoints(stores["fetcher"].container(CHECKPOINTS))
    destinations = destination_checkpoints(stores["publisher"].container(CHECKPOINTS))
    for number in numbers:
        source, books = f"{name(number)}/malware_customer", chunk_of(number)
        nowhere = {"lost": 12_345} if number == estate.lossy else {}
        await fetched.enter(source, {"handled": books.detections} | nowhere, NOW)
        await handled.write(source, "handled", books)
        held = PAUSE if number == estate.paused else None
        checkpoint = SourceCheckpoint(covered_until=NOW, account=name(number), pause=held)
        await sources.save((await sources.load(source, SourceCheckpoint())).with_value(checkpoint))
        counts = Counts(requests=70_001 + number, throttled=101 + number, accepted=7_000_001 + number, refused=number)
        before = await destinations.load(workspace(number), DestinationCheckpoint())
        await destinations.save(before.with_value(DestinationCheckpoint(counts=counts)))
    for store in stores.values():
        await store.close()
    await bury(estate)
    return estate


async def bury(estate: Estate) -> None:
    """Dead-letter what is for the first workspace."""
    batch = IndicatorBatch(source=f"{name(1)}/malware_customer", objects=[indicator("x")])
    async with attached(estate.data) as stack:
        bus = ServiceBus.from_connection_string(stack.connection_string)
        await bus.sender(INDICATORS).send([indicators_message(workspace(1), batch)])
        async with bus.receiver(INDICATORS, session=workspace(1)) as receiver:
            (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.dead_letter_message(message, reason="ObjectRefused", error_description=WORDS)
        await bus.close()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return asyncio.run(made(tmp_path_factory.mktemp("few"), 7))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return asyncio.run(made(tmp_path_factory.mktemp("many"), 1_000))


def figures_of(*documents: dict[str, Any], keys: Iterable[str]) -> Iterator[str]:
    for document in documents:
        for key in keys:
            value = document[key]
            if isinstance(value, dict):
                value = sum(value.values())
            if value is not None:
                yield f"{value:,}"


def assert_whole(
    screen: Screen, columns: int, figures: Iterable[str], headings: Iterable[str], *, status: int = 0
) -> None:
    """Every figure is on the screen whole, every heading too, and no line is wider than the terminal."""
    assert screen.status == status, screen.raw
    assert [line for line in screen.lines if len(line) > columns] == []
    spilled = re.compile(r"[\d,]+ +[\d,-]+( |$)")
    assert [line for line in screen.lines if spilled.match(line)] == [], "a row goes on where its columns are not"
    whole = set(re.findall(r"(?<![\w,.])\d[\d,]*(?![\w…])", screen.text))
    assert [figure for figure in figures if figure not in {each.rstrip(",") for each in whole}] == []
    together = "\n".join(screen.lines)
    assert [heading for heading in headings if re.search(rf"(?<!\w){heading}(?!\w)", together) is None] == []


SOURCE_KEYS = ("detections", "new", "refreshed", "suppressed", "rejected", "waiting", "dead", "lost")
SOURCE_HEADINGS = ("in", "new", "refreshed", "suppressed", "rejected", "waiting", "dead", "lost", "behind")
DESTINATION_HEADINGS = ("accepted", "refused", "requests", "throttled", "waiting", "oldest", "dead letters")


@pytest.mark.parametrize("columns", WIDTHS)
async def test_a_status_shows_every_figure_whole(few: Estate, columns: int) -> None:
    document = (await mti("status", "--json", "--data", few.data)).document
    screen = await mti_at_terminal("status", "--data", few.data, columns=columns)
    totals = document["totals"]
    wanted = [
        *figures_of(*document["sources"], totals, keys=SOURCE_KEYS),
        *figures_of(*(each["counts"] for each in document["destinations"]), totals,
                    keys=("accepted", "refused", "requests", "throttled")),
        *figures_of(*document["tenants"].values(), keys=("detections", "accepted", "dead_letters", "paused")),
        *figures_of(*document["bus"].values(), keys=("active", "scheduled", "dead")),
    ]  # fmt: skip
    assert len(wanted) > 100
    assert_whole(screen, columns, wanted, (*SOURCE_HEADINGS, *DESTINATION_HEADINGS, "paused", "active", "scheduled"))


@pytest.mark.parametrize("columns", WIDTHS)
async def test_a_reconciliation_shows_every_figure_whole(few: Estate, columns: int) -> None:
    document = (await mti("reconcile", "--json", "--data", few.data)).document
    screen = await mti_at_terminal("reconcile", "--data", few.data, columns=columns)
    wanted = [
        *figures_of(*document["sources"], keys=SOURCE_KEYS),
        *figures_of(*document["destinations"], keys=("expected", "accepted", "refused", "lost", "requests")),
    ]
    headings = ("in", "refreshed", "suppressed", "rejected", "lost", "expected", "accepted", "doubled", "requests")
    assert_whole(screen, columns, wanted, headings, status=1)


@pytest.mark.parametrize("columns", WIDTHS)
async def test_a_narrow_terminal_gets_every_figure_too(few: Estate, columns: int) -> None:
    document = (await mti("checkpoints", "show", "--json", "--data", few.data)).document
    screen = await mti_at_terminal("checkpoints", "show", "--data", few.data, columns=columns // 2)
    counts = [each["counts"] for each in document["destinations"].values()]
    wanted = figures_of(*counts, keys=("accepted", "refused", "requests", "throttled"))
    assert_whole(screen, columns // 2, wanted, ("window", "epoch", "failures", "accepted", "throttled", "pause"))


@pytest.mark.parametrize("columns", WIDTHS)
async def test_dead_letters_have_their_words_over_the_whole_width(few: Estate, columns: int) -> None:
    screen = await mti_at_terminal("dlq", "list", "--data", few.data, columns=columns)
    assert_whole(screen, columns, ["1"], ("entity", "reason", "count", "oldest", "example"))
    assert "indicators/subscriptions/publisher" in screen.text
    assert len(screen.lines) <= {80: 5, 120: 4, 200: 3}[columns], screen.raw


@pytest.mark.parametrize("columns", WIDTHS)
async def test_pauses_and_tenants_are_whole(few: Estate, columns: int) -> None:
    pauses = await mti_at_terminal("pauses", "list", "--data", few.data, columns=columns)
    assert_whole(pauses, columns, [], ("what", "tenants", "since", "asked again", "why"))
    assert f"{name(few.paused)}/malware_customer" in pauses.text
    assert WORDS in pauses.text or columns > 120
    tenants = await mti_at_terminal("tenants", "list", "--data", few.data, columns=columns)
    assert_whole(tenants, columns, [], ("source", "region", "every", "paused", "accounts", "workspaces"))
    assert [number for number in range(1, 8) if workspace(number) not in tenants.text] == []


@pytest.mark.parametrize("columns", WIDTHS)
async def test_of_many_tenants_the_sums_and_the_unwell_come_first(many: Estate, columns: int) -> None:
    document = (await mti("status", "--json", "--data", many.data)).document
    screen = await mti_at_terminal("status", "--data", many.data, columns=columns)
    assert_whole(
        screen,
        columns,
        figures_of(document["totals"], keys=("detections", "new", "suppressed", "lost", "accepted", "requests")),
        SOURCE_HEADINGS,
    )
    assert len(screen.lines) < 3 * SHOWN
    rows = [line.split()[0] for line in screen.lines if line.startswith(("all ", "customer-"))]
    lossy, paused = (f"{name(number)}/malware_customer" for number in (many.lossy, many.paused))
    assert rows[:3] == ["all", lossy, paused]
    assert "998 are well: --all shows them" in screen.text


async def test_the_rest_is_shown_when_it_is_asked_for(many: Estate) -> None:
    screen = await mti_at_terminal("status", "--all", "--data", many.data, columns=80)
    document = (await mti("status", "--json", "--data", many.data)).document
    assert_whole(screen, 80, figures_of(*document["sources"], keys=SOURCE_KEYS), SOURCE_HEADINGS)
    piped = await mti("status", "--data", many.data)
    assert [number for number in range(1, 1_001) if f"{name(number)}/malware_customer" not in piped.err] == []


async def test_colours_are_for_terminals_that_want_them(few: Estate) -> None:
    coloured = await mti_at_terminal("status", "--data", few.data, columns=120)
    without = await mti_at_terminal("status", "--data", few.data, columns=120, env={"NO_COLOR": "1"})
    piped = await mti("status", "--data", few.data)
    assert coloured.coloured
    assert not without.coloured
    assert "\x1b" not in piped.err + piped.out


async def test_the_bill_of_a_run_fits_80_columns(few: Estate) -> None:
    document = (await mti("cost", "--json", "--data", few.data)).document
    screen = await mti_at_terminal("cost", "--data", few.data, columns=80)
    counted = document["counted"]
    assert counted["uploads"] == sum(7_000_001 + number for number in range(1, few.tenants + 1))
    figures = figures_of(counted, keys=("uploads", "detections", "indicators", "requests"))
    assert_whole(screen, 80, figures, ("quantity", "USD"))
