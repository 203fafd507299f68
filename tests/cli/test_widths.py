"""What a person sees of few tenants and of many, at a real terminal of several widths."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mti.cli.rows import SHOWN
from tests.support.cli import mti
from tests.support.estates import WORDS, Estate, made, name, workspace
from tests.support.terminal import Screen, mti_at_terminal

pytestmark = pytest.mark.timeout(600)

WIDTHS = (80, 120, 200)


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
