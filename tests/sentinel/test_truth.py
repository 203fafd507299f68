"""Rules, hunts and their copies for advanced hunting say what is so in the world, and nothing else."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from infra.sentinel.content import Query, hunts, rules
from infra.sentinel.generate import hunted
from infra.sentinel.workbooks import books
from tests.normalizer.world import NOW, sha256
from tests.sentinel import truth_devices, truth_file, truth_mail
from tests.sentinel.comparing import said
from tests.sentinel.names import DELETED, SHA1
from tests.sentinel.running import ask, filled, in_advanced_hunting
from tests.sentinel.tables import Row
from tests.sentinel.truth import View, everywhere
from tests.sentinel.truth import in_advanced_hunting as seen_there

pytestmark = pytest.mark.xdist_group("kql")

QUERIES: dict[str, Query] = {**rules(), **hunts()}
CHOSEN = {
    "a SHA-256 in capitals": sha256("known").upper(),
    "a SHA-1": SHA1,
    "one withdrawn": sha256("withdrawn"),
    "one expired": sha256("expired"),
    "one deleted": DELETED,
}
"""Hashes that the page for one file is opened for."""
PAST = (
    "What is this file?",
    "What did Mimecast know, and when?",
    "What happened, in order?",
    "Who received it, and where is it now?",
    "Is a file of this name in SharePoint, OneDrive or Teams?",
)
"""Tiles that have to tell of what is no threat any more."""
OPENED = [(tile, name) for tile in truth_file.TILES for name in CHOSEN if name.startswith("a ") or tile in PAST]
Truth = Callable[[View], list[Row]]


def truth_of(name: str) -> Truth:
    """Return what says what is so, by the name of a rule or hunt."""
    called = name.replace("-", "_")
    found: Truth = getattr(truth_mail, called, None) or getattr(truth_devices, called)
    return found


def look_back(query: Query) -> timedelta:
    """Return how far back a query reads."""
    return timedelta(days=int(query.look_back.removesuffix("d")))


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Row]]:
    """What rules and hunts find over both workspaces."""
    found = ask({"both": everywhere().tables}, [("both", query.compiled, NOW) for query in QUERIES.values()])
    return dict(zip(QUERIES, found, strict=True))


@pytest.fixture(scope="module")
def copies() -> dict[str, list[Row]]:
    """What the copies find at Contoso, in advanced hunting."""
    world = in_advanced_hunting(seen_there(timedelta(days=14)).tables)
    found = ask({"own": world}, [("own", query, NOW) for query in hunted().values()], advanced_hunting=True)
    return dict(zip(hunted(), found, strict=True))


@pytest.fixture(scope="module")
def pages() -> dict[tuple[str, str], list[Row]]:
    """What each tile of the page for one file finds, by tile and chosen hash."""
    [page] = [page for page in books()["investigation"].pages if page.label == "One file"]
    asked = {
        (tile.title, name): filled(tile.compiled, Hash=chosen)
        for tile in page.tiles
        for name, chosen in CHOSEN.items()
        if (tile.title, name) in OPENED
    }
    found = ask({"both": everywhere().tables}, [("both", query, NOW) for query in asked.values()])
    return dict(zip(asked, found, strict=True))


@pytest.mark.parametrize("name", QUERIES)
def test_a_rule_or_hunt_says_what_is_so(answers: dict[str, list[Row]], name: str) -> None:
    expected = truth_of(name)(everywhere(look_back(QUERIES[name])))
    assert said(answers[name], expected) == said(expected)


@pytest.mark.parametrize("name", rules())
def test_a_rule_gives_each_column_that_its_alerts_name(answers: dict[str, list[Row]], name: str) -> None:
    rule, found = rules()[name], answers[name]
    named = {column for mapping in rule.entities.values() for column in mapping.values()} | set(rule.details.values())
    for row in found:
        assert named | {"AlertSeverity"} <= set(row)
        assert set(re.findall(r"{{(\w+)}}", rule.title)) <= set(row)


@pytest.mark.parametrize("name", hunted())
def test_a_copy_for_advanced_hunting_says_what_is_so_there(copies: dict[str, list[Row]], name: str) -> None:
    expected = truth_of(name)(seen_there(look_back(QUERIES[name])))
    assert said(copies[name], expected) == said(expected)


@pytest.mark.parametrize(("tile", "chosen"), OPENED)
def test_a_tile_of_the_page_for_a_file_says_what_is_so(
    pages: dict[tuple[str, str], list[Row]], tile: str, chosen: str
) -> None:
    expected = truth_file.TILES[tile](everywhere(timedelta(days=30)), CHOSEN[chosen].lower())
    assert said(pages[tile, chosen], expected) == said(expected)


def test_every_tile_of_the_page_for_a_file_is_judged(pages: dict[tuple[str, str], list[Row]]) -> None:
    assert {tile for tile, _ in pages} == set(truth_file.TILES)
    view = everywhere(timedelta(days=30))
    for tile, truth in truth_file.TILES.items():
        assert any(truth(view, chosen.lower()) for chosen in CHOSEN.values()), tile


def test_only_silence_has_nothing_to_say_in_this_world() -> None:
    """An expectation that is empty by mistake would be met by a query that finds nothing."""
    views = {name: everywhere(look_back(query)) for name, query in QUERIES.items()}
    assert [name for name, view in views.items() if not truth_of(name)(view)] == ["source-is-silent"]
    there = {name: seen_there(look_back(QUERIES[name])) for name in hunted()}
    assert [name for name, view in there.items() if not truth_of(name)(view)] == ["source-is-silent"]
