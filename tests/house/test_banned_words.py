"""Words that once meant several things here, or nothing to a stranger, are no names in the code any more.

The glossary has the words that stand for them. A word counts as a part of a name (`_my_turn`, `TurnTable`); some count
only where they are the whole of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.house.names import Kind, Name, defined, names_of, words_of

HOUSE = ("services/", "libs/")


@dataclass(frozen=True, slots=True)
class Banned:
    """A word that is no name."""

    word: str
    instead: str
    where: tuple[str, ...] = HOUSE
    """Beginnings of paths."""
    kinds: tuple[Kind, ...] = ()
    """Only as the whole name of one of these: inside of others, or of something else, it is an ordinary word."""
    but: str = "(?!)"
    """A pattern of names in which it is an ordinary word."""

    def forbids(self, name: Name) -> bool:
        """Say whether a name is one of those that are meant."""
        if not name.path.startswith(self.where) or re.fullmatch(self.but, name.name):
            return False
        if self.kinds:
            return name.kind in self.kinds and name.name.strip("_") == self.word
        return self.word in words_of(name.name)


BANNED = [
    *(Banned(word, "route; source and scopes; uploader: which one it is") for word in ("way", "ways")),
    *(Banned(word, "claimed source, lock, deferred: which one it is") for word in ("turn", "turns")),
    *(
        Banned(word, "peek, poll, snapshot; or what is done", but="_?(looks_like(_.+)?|look_up)")
        for word in ("look", "looks", "looking")
    ),
    Banned("opened", "what it opens, or with_…", kinds=("function",)),
    Banned("told", "redacted, or what is told", kinds=("function",)),
    Banned("saw", "record", kinds=("function",)),
    Banned("shown", "masked", kinds=("function",)),
    Banned("plain", "to_json", kinds=("function",)),
    Banned("desk", "deployment"),
    Banned("saying", "console"),
    Banned("placing", "locate", where=("libs/operations/", "libs/cli/")),
    Banned("finding", "query", kinds=("module",)),
    Banned("tallies", "totals"),
    Banned("door", "listener"),
    Banned("Place", "message store", kinds=("class",)),
    Banned("place", "message store", kinds=("module",)),
    Banned("grave", "dead-letter information"),
    Banned("line", "the age of a queue", where=("libs/common/",), kinds=("module",)),
    Banned("one", "observable", where=("libs/operations/",), kinds=("module",)),
    Banned("whole", "source", where=("libs/operations/",), kinds=("module",)),
    Banned("naming", "parse_observable", where=("libs/operations/",), kinds=("module",)),
    Banned("objects", "revocation", where=("libs/operations/",), kinds=("module",)),
    Banned("settling", "outcomes", where=("services/publisher/",), kinds=("module",)),
    Banned("Publisher", "ChunkPublisher", where=("services/fetcher/",), kinds=("class",)),
    Banned("held", "paused", where=("services/fetcher/",)),
]


def faults(banned: Banned) -> Iterator[str]:
    yield from (f"{name}: write {banned.instead}" for name in defined() if banned.forbids(name))


@pytest.mark.parametrize("banned", BANNED, ids=lambda banned: banned.word)
def test_a_word_that_was_given_up_is_no_name(banned: Banned) -> None:
    assert list(faults(banned)) == []


def test_a_banned_word_is_found_in_names_and_not_in_other_words() -> None:
    text = "def _my_turn(look_back, looks_like, gateway):\n    self.turns = 1\nclass TurnTable: ...\nimport a as door\n"
    names = list(names_of(text, "services/fetcher/src/mti/fetcher/windows.py"))
    hits = {each.word: sorted(str(name) for name in names if each.forbids(name)) for each in BANNED}
    path = "services/fetcher/src/mti/fetcher/windows.py"
    assert {word: found for word, found in hits.items() if found} == {
        "turn": [f"{path}:1: _my_turn", f"{path}:3: TurnTable"],
        "turns": [f"{path}:2: turns"],
        "look": [f"{path}:1: look_back"],
        "door": [f"{path}:4: door"],
    }
