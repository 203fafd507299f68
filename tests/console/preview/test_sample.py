"""Every tile of every workbook on the sample: drawn, labelled, and with the numbers that its tables hold."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from mti.console.preview.catalogue import boards
from mti.console.preview.schemas import ARRIVED, schemas
from mti.console.preview.state import open_preview
from mti.console.preview.workbook_format import Tile as Question
from mti.console.preview.worlds.model import Workspace, World
from mti.console.preview.worlds.sample.customers import customer
from mti.console.preview.worlds.sample.world import add_events, sample_world
from tests.console.preview.consoles import Board, Console, Tile, console

pytestmark = [pytest.mark.xdist_group("preview"), pytest.mark.asyncio(loop_scope="module")]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RAN = "Which known files ran?"
"""A tile whose rows name a file, a device and a person that have a history."""
SAVED = "Which recipients saved it to a disk?"
FRESH = "How long from Mimecast's detection to Sentinel?"
SILENT = "Which customer is silent, and since when?"
HEALTHY = {
    "Which workspaces have never received anything?": "each customer of the sample has rows; this tile is for a fault",
}
"""Tiles that are rightly empty on the sample, and why."""
QUESTIONS = [
    (key, page, question.content.title)
    for key, board in boards().items()
    for page in board.pages
    for question in page.content.items
    if isinstance(question, Question)
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asked() -> AsyncIterator[Console]:
    async with console(None) as found, open_preview(None, lambda: NOW) as preview:
        found.app.state.preview = preview
        yield found


@pytest.fixture(scope="module")
def world() -> World:
    return sample_world(NOW)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clicked(asked: Console) -> dict[str, str]:
    """What clicks on rows choose, each with a history; the file came by mail and ran."""
    matches = (await asked.get("/dashboards/MimecastMatches")).tiles
    everybody = (await asked.get("/dashboards/MimecastMSSP")).tiles
    health = (await asked.get("/dashboards/MimecastHealth")).tiles
    saved = _led(matches[SAVED])
    digest = next(each for each in _led(matches[RAN])["Hash"] if each in saved["Hash"])
    return {
        "Hash": digest,
        "Value": digest,
        "Person": saved["Person"][0],
        "Device": saved["Device"][0],
        "Customer": _led(everybody[SILENT])["Customer"][0],
        "Tenant": _led(health[FRESH])["Tenant"][0],
    }


async def _page(asked: Console, key: str, label: str, clicked: dict[str, Any]) -> Board:
    """Return a page of a workbook, with all chosen that a click could choose."""
    board = await asked.get(f"/dashboards/{key}", **clicked)
    return await asked.get(board.tabs[label])


def _led(tile: Tile) -> dict[str, list[str]]:
    """Return the values that clicks on a tile's rows choose, by parameter, in the order of the rows."""
    found: dict[str, list[str]] = {}
    for link in tile.element.all("a"):
        for name, values in parse_qs(urlsplit(link.attributes["href"]).query).items():
            found.setdefault(name, []).extend(values)
    return found


@pytest.mark.parametrize(("key", "page", "title"), QUESTIONS, ids=[f"{key}/{title}" for key, _, title in QUESTIONS])
async def test_a_tile_is_drawn_and_says_that_it_is_a_sample(
    asked: Console, clicked: dict[str, Any], key: str, page: Any, title: str
) -> None:
    tile = (await _page(asked, key, page.name, clicked)).tiles[title]
    if title in HEALTHY:
        assert tile.kind == "empty", f"it is no longer empty; {HEALTHY[title]}"
        return
    assert tile.kind in {"chart", "table", "tiles"}, tile.message
    assert tile.badge == "Sample data"
    assert tile.kind == "tiles" or tile.rows


async def test_the_sample_is_the_same_each_time_and_within_bounds(world: World) -> None:
    again = sample_world(NOW)
    assert again.tables == world.tables
    assert {name for name, rows in world.tables.items() if not rows} == set()
    assert set(world.tables) == set(schemas())
    assert sum(map(len, world.tables.values())) < 25_000
    for name, rows in world.tables.items():
        assert {column for row in rows for column in row} <= set(schemas()[name]) | {"TenantId", ARRIVED}, name
        assert all((row.get("TimeGenerated") or row["Time Generated"]) <= NOW for row in rows), name


async def test_events_around_a_folder_fill_the_same_tables_within_bounds(world: World) -> None:
    mixed, rows = World(NOW), {}
    people = [customer(Workspace(f"w-{number}", f"Customer{number}"), f"c{number}.example", 30) for number in range(25)]
    known = [row for row in world.tables["ThreatIntelIndicators"] if row["TenantId"] == world.workspaces[0].id]
    for each in people:
        rows[each.workspace.id] = known
    add_events(mixed, people, rows)
    assert {*mixed.tables, "ThreatIntelIndicators"} == set(world.tables)
    assert {name for name, found in mixed.tables.items() if not found} == set()
    assert sum(map(len, mixed.tables.values())) < 60_000


async def test_the_marks_of_a_chart_are_the_rows_of_its_table(asked: Console, clicked: dict[str, Any]) -> None:
    seen = 0
    for key, page in {(key, page.name) for key, page, _ in QUESTIONS}:
        for tile in (await _page(asked, key, page, clicked)).tiles.values():
            if tile.kind == "chart" and tile.marks and ":" in tile.marks[0]:
                seen += 1
                assert sum(map(_amount, tile.marks)) == pytest.approx(sum(_numbers_of(tile)), rel=0.01), tile.title
    assert seen > 8


async def test_numbers_are_those_of_the_store(asked: Console, world: World) -> None:
    contoso = world.workspaces[0].id
    newest: dict[str, Any] = {}
    for row in world.tables["ThreatIntelIndicators"]:
        read = row["TenantId"] == contoso and row["TimeGenerated"] > NOW - timedelta(days=30)
        if read and "Another" not in row["SourceSystem"]:
            newest[row["Id"]] = row
    withdrawn = [row for row in newest.values() if row["Revoked"]]
    expired = [row for row in newest.values() if not row["Revoked"] and row["ValidUntil"] <= NOW]
    active = [row for row in newest.values() if not row["Revoked"] and row["ValidUntil"] > NOW]
    board = await asked.get("/dashboards/MimecastThreats")
    figures = board.tiles["How many indicators protect this workspace now?"].numbers
    assert figures == {
        "Active": len(active), "Withdrawn": len(withdrawn), "Expired": len(expired), "Switched off here": 0,
    }  # fmt: skip
    kinds = Counter("SHA256" if "SHA-256" in row["ObservableKey"] else "MD5" for row in active)
    drawn: Counter[str] = Counter()
    for mark in board.tiles["Which kinds are they, and from which feed?"].marks:
        drawn[mark.split(", ")[1].partition(":")[0]] += int(_amount(mark))
    assert drawn == kinds


async def test_only_the_chosen_workspace_is_seen(asked: Console, world: World) -> None:
    one, other = world.workspaces[0], world.workspaces[1]
    title = "How many indicators protect this workspace now?"
    mine = await asked.get("/dashboards/MimecastThreats", workspace=one.id)
    others = await asked.get("/dashboards/MimecastThreats", workspace=other.id)
    assert mine.tiles[title].numbers != others.tiles[title].numbers
    unknown = await asked.get("/dashboards/MimecastThreats", workspace="' or 1=1 --")
    assert unknown.tiles[title].numbers == mine.tiles[title].numbers
    silent = "Which customer is silent, and since when?"
    everybody = await asked.get("/dashboards/MimecastMSSP")
    assert {row[0] for row in everybody.tiles[silent].rows} == {each.label for each in world.workspaces}
    alone = await asked.get("/dashboards/MimecastMSSP", workspace=other.id)
    assert {row[0] for row in alone.tiles[silent].rows} == {other.label}


async def test_a_shorter_time_shows_less(asked: Console) -> None:
    title = "How much mail brought a known file?"
    long = await asked.get("/dashboards/MimecastMatches", TimeRange="14d")
    short = await asked.get("/dashboards/MimecastMatches", TimeRange="1d")
    assert short.tiles[title].numbers["Messages"] < long.tiles[title].numbers["Messages"]


async def test_a_click_on_a_row_opens_the_page_of_its_file(asked: Console) -> None:
    matches = await asked.get("/dashboards/MimecastMatches")
    links = matches.tiles["Who received it?"].element.all("a")
    link = next(each for each in links if "Hash=" in each.attributes["href"])
    assert link.attributes["href"].startswith("/dashboards/MimecastInvestigation?")
    page = await asked.get(link.attributes["href"])
    assert "What happened, in order?" in page.tiles
    [chip] = [each.text for each in page.root.all("ul", of="chips")]
    assert "hash" in chip
    removed = next(page.root.all("a", **{"aria-label": "Remove The hash"}))
    assert "Type hash in above" in (await asked.get(removed.attributes["href"])).html


async def test_a_parameter_that_a_page_asks_for_has_one_field(asked: Console) -> None:
    page = await asked.get("/dashboards/MimecastMSSP")
    names = [each.attributes.get("name") for each in page.root.all("input")]
    assert names.count("Price") == 1


async def test_an_injected_value_stays_a_value(asked: Console) -> None:
    page = await asked.get("/dashboards/MimecastInvestigation", Page="one-file", Hash="x' or 1 == 1 or 'y' == 'z\\")
    assert {tile.kind for tile in page.tiles.values()} == {"empty"}


async def test_a_repeated_page_asks_nothing_again(asked: Console) -> None:
    first = await asked.get("/dashboards/MimecastHealth")
    workers = asked.app.state.preview._workers
    before = [worker._asked for worker in workers._workers]
    again = await asked.get("/dashboards/MimecastHealth")
    assert again.html == first.html
    assert [worker._asked for worker in workers._workers] == before


async def test_every_chart_has_a_name_a_description_and_a_table(asked: Console) -> None:
    page = await asked.get("/dashboards/MimecastThreats")
    charts = [tile for tile in page.tiles.values() if tile.kind == "chart"]
    assert charts
    for tile in charts:
        for drawing in tile.element.all("svg"):
            ids = drawing.attributes["aria-labelledby"].split()
            told = [each.text for id in ids for each in page.root.all(id=id)]
            assert told[0] == tile.title
            assert "values" in told[1]
        assert tile.rows


async def test_nothing_on_a_page_needs_a_script_or_a_style_of_its_own(asked: Console) -> None:
    page = await asked.get("/dashboards/MimecastMatches")
    elements = list(page.root.all())
    assert {"script", "style", "foreignObject", "image", "use"} & {each.tag for each in elements} == set()
    assert not [each for each in elements if "style" in each.attributes]
    assert not [name for each in elements for name in each.attributes if name.startswith("on")]
    ids = [each.attributes["id"] for each in elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))


def _amount(mark: str) -> float:
    found = re.search(r": ([\d,.]+) \w+$", mark)
    assert found is not None, mark
    return float(found[1].replace(",", ""))


def _numbers_of(tile: Tile) -> list[float]:
    cells = [cell for body in list(tile.element.all("tbody"))[:1] for cell in body.all("td", of="cell-number")]
    return [float(cell.text.replace(",", "")) for cell in cells]
