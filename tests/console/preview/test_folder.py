"""The dashboards on the folder of a run: its books, its kept rows, nothing at all, and what hostile people sent."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Carried
from mti.common.ports.clock import SystemClock
from mti.common.registry import Feed
from mti.console.preview.catalogue import boards
from mti.console.preview.workbook_format import Tile as Question
from mti.publisher.records import PUBLISHED, Accept, Item, PublishedVersions
from mti.simulators.sentinel.rows import Arrival, Service, rows_of
from mti.stack.layout import Layout
from tests.console.preview.consoles import Console, console
from tests.publisher.world import NOW as START
from tests.publisher.world import indicator

pytestmark = pytest.mark.xdist_group("preview")

NOW = datetime.now(UTC)
WORKSPACE = "11111111-2222-4333-8444-555555555555"
COUNTS = "How many indicators protect this workspace now?"


def kept(data: Path, *records: dict[str, Any], workspace: str = WORKSPACE) -> None:
    """Leave the rows of a simulated workspace in a folder, as a demonstration does."""
    layout = Layout(data)
    layout.make()
    arrivals = [Arrival(NOW - timedelta(hours=2), "Mimecast", record) for record in records]
    lines = [json.dumps(row, default=datetime.isoformat) for row in rows_of(arrivals, Service(workspace), until=NOW)]
    (layout.workspaces_folder() / f"{workspace}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def record(name: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    made = indicator(f"{name}{number}", **fields)
    moment = (NOW - timedelta(hours=3)).isoformat().replace("+00:00", "Z")
    until = (NOW + timedelta(days=20)).isoformat().replace("+00:00", "Z")
    times = {"created": moment, "modified": moment, "valid_from": moment, "valid_until": until}
    return {**made.model_dump(mode="json", exclude_none=True), "name": f"Mimecast: malicious file {name}", **times}


@pytest.mark.parametrize("key", boards())
async def test_an_empty_folder_shows_what_each_workbook_says_of_it(tmp_path: Path, key: str) -> None:
    async with console(tmp_path) as asked:
        said = {
            each.content.title: each.content.noDataMessage
            for page in boards()[key].pages
            for each in page.content.items
            if isinstance(each, Question)
        }
        seen: set[str] = set()
        clicked: dict[str, Any] = dict.fromkeys(("Hash", "Value", "Person", "Device", "Tenant", "Customer"), "ab" * 32)
        for address in (await asked.get(f"/dashboards/{key}", **clicked)).tabs.values():
            for title, tile in (await asked.get(address)).tiles.items():
                seen.add(title)
                if tile.kind == "tiles":
                    assert set(tile.numbers.values()) == {0}
                else:
                    assert (tile.kind, tile.message) == ("empty", said[title])
        assert seen == set(said)


async def test_the_books_of_a_run_are_the_indicators_that_are_shown(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    store = packed(SqliteStore(layout.database("publisher")))
    published = PublishedVersions(store.container(PUBLISHED), SystemClock())
    hours = (NOW - START).total_seconds() / 3600 - 1
    changes = [Accept(_item(f"file {number}", hours)) for number in range(7)]
    await published.record(WORKSPACE, changes)
    await store.close()
    async with console(tmp_path) as asked:
        page = await asked.get("/dashboards/MimecastThreats")
        tile = page.tiles[COUNTS]
        assert sum(tile.numbers.values()) == 7
        assert tile.badge == "From this folder"
        assert "publisher's books" in page.root.text


async def test_rows_that_a_demonstration_kept_are_shown_as_they_are(tmp_path: Path) -> None:
    kept(tmp_path, record("Invoice.pdf"), record("Photo.zip"), record("Photo.zip", 1, revoked=True))
    async with console(tmp_path) as asked:
        page = await asked.get("/dashboards/MimecastThreats")
        assert page.tiles[COUNTS].numbers == {"Active": 2, "Withdrawn": 1, "Expired": 0, "Switched off here": 0}
        [sure] = page.tiles["How sure is Mimecast of them?"].rows
        assert sure == ["High (75 to 100)", "2"]


async def test_a_sample_of_events_is_added_on_demand_and_called_one(tmp_path: Path) -> None:
    kept(tmp_path, *(record("Invoice.pdf", number) for number in range(12)))
    async with console(tmp_path) as asked:
        own = await asked.get("/dashboards/MimecastMatches")
        assert own.tiles["Who sent it?"].kind == "empty"
        mixed = await asked.get("/dashboards/MimecastMatches", data="mixed")
        assert mixed.tiles["Who sent it?"].kind == "table"
        assert mixed.tiles["Who sent it?"].badge == "Partly sample data"
        threats = await asked.get("/dashboards/MimecastThreats", data="mixed")
        assert (threats.tiles[COUNTS].badge, threats.tiles[COUNTS].numbers["Active"]) == ("From this folder", 12)


HOSTILE = [
    "</svg></title><script>alert(1)</script>.pdf",
    "<img src=x onerror=alert(1)>.docx",
    "\u202egpj.exe\u2066",
    "'; drop table ThreatIntelIndicators; --.zip",
    "{{ 7 * 7 }}{% raw %}.html",
    "a" * 20_000 + ".iso",
    "=cmd|' /C calc'!A0.js",
    "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>.exe",
]


async def test_hostile_names_are_text(tmp_path: Path) -> None:
    kept(tmp_path, *(record(name, number) for number, name in enumerate(HOSTILE)))
    async with console(tmp_path) as asked:
        for page in await _all_pages(asked, ["MimecastThreats", "MimecastMatches", "MimecastMSSP"]):
            assert {tile.message for tile in page.tiles.values() if tile.kind == "fault"} == set()
            tags = {each.tag for each in page.root.all()}
            assert tags & {"script", "img", "iframe", "style"} <= {"img"}
            assert {each.attributes["src"] for each in page.root.all("img")} == {"/static/mark.svg"}
            assert "root:" not in page.html
        threats = await asked.get("/dashboards/MimecastThreats")
        assert threats.tiles[COUNTS].numbers["Active"] == len(HOSTILE)
        assert len(threats.html) < 400_000


async def test_a_hostile_series_does_no_harm_in_a_drawing(tmp_path: Path) -> None:
    labels = ["mimecast", "feed:malware_grid"]
    kept(tmp_path, {**record("a.pdf"), "labels": labels}, workspace="<script>alert(1)")
    async with console(tmp_path) as asked:
        mssp = await asked.get("/dashboards/MimecastMSSP", data="mixed")
        assert mssp.tiles["Where did known files come in?"].kind == "chart"
        assert not list(mssp.root.all("script"))


async def test_another_state_of_the_folder_is_shown_after_a_while(tmp_path: Path) -> None:
    kept(tmp_path, record("Invoice.pdf"))
    async with console(tmp_path) as asked:
        assert (await asked.get("/dashboards/MimecastThreats")).tiles[COUNTS].numbers["Active"] == 1
        kept(tmp_path, record("Invoice.pdf"), record("Photo.zip"))
        worlds = asked.app.state.preview.worlds
        worlds._clock = lambda: datetime.now(UTC) + timedelta(minutes=11)
        await asked.get("/dashboards/MimecastThreats")
        [held] = worlds._held.values()
        if held.renewing is not None:
            await held.renewing
        assert (await asked.get("/dashboards/MimecastThreats")).tiles[COUNTS].numbers["Active"] == 2


def _item(name: str, hours: float) -> Item:
    made = indicator(name, hours=hours)
    source, feed = "contoso/malware_customer", Feed.MALWARE_CUSTOMER
    return Item.of(Carried.of(made), source=source, feed=feed, extension=timedelta())


async def _all_pages(asked: Console, keys: Sequence[str]) -> list[Any]:
    addresses = [each for key in keys for each in (await asked.get(f"/dashboards/{key}")).tabs.values()]
    return [await asked.get(address) for address in addresses]
