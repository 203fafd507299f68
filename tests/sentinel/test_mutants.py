"""A query with one thing wrong is found out: each statement, rule and hunt, change by change, against what is so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pytest

from infra.sentinel.kql import compile_query, statements
from infra.sentinel.workbooks import LOOK_BACK, books
from tests.normalizer.world import NOW
from tests.sentinel.comparing import said
from tests.sentinel.mutants import mutants
from tests.sentinel.running import ask, filled
from tests.sentinel.tables import Row
from tests.sentinel.test_truth import CHOSEN, OPENED, QUERIES, look_back, truth_of
from tests.sentinel.truth import everywhere
from tests.sentinel.truth_file import TILES

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("kql mutants")]

ASKED = 5
"""Queries that a changed statement is asked through before it counts as not found out."""
UNJUDGED = {"BilledRows", "CustomerNames", "Metrics", "ChosenHash", "Frequency", "LookBack", "OurSource"}
"""Statements of which no truth is worked out: three that tiles in `expected.yaml` show, and four that are one value."""


_ONE = "What is this file?"
PREFERRED = {
    "Indicators": ("thirty-days-in-retrospect", f"{_ONE} (one expired)", f"{_ONE} (a SHA-256 in capitals)"),
    "MailFiles": ("known-file-in-mail",),
    "MailRemovals": ("removed-late-or-never",),
    "OwnRows": ("What did Mimecast know, and when? (one expired)", "matches-of-withdrawn"),
}
"""Who tells most of a statement that many use."""


@dataclass(frozen=True)
class Judge:
    """A query, and what it must say in this world."""

    query: str
    values: Mapping[str, str]
    expected: list[Row]

    def compiled(self, changed: Mapping[str, str], query: str | None = None) -> str:
        """Return it with other statements, or as another query."""
        return filled(compile_query(query or self.query, {**self.values, **changed}))

    def is_met(self, found: list[Row]) -> bool:
        """Say whether an answer is right."""
        return said(found, self.expected) == said(self.expected)


@dataclass
class Mutant:
    """A changed query, and those who may find it out, one after the other."""

    name: str
    texts: list[tuple[Judge, str]]


@cache
def judges() -> dict[str, Judge]:
    """Return every rule, hunt and tile of the page for a file."""
    found = {}
    for name, query in QUERIES.items():
        values = {"LookBack": query.look_back, "Frequency": getattr(query, "frequency", "1h")}
        found[name] = Judge(query.query, values, truth_of(name)(everywhere(look_back(query))))
    [page] = [page for page in books()["investigation"].pages if page.label == "One file"]
    month = everywhere(timedelta(days=30))
    queries = {tile.title: tile.query for tile in page.tiles}
    for title, name in OPENED:
        chosen = CHOSEN[name].upper()
        values = {"LookBack": LOOK_BACK, "OurSource": "'Mimecast'", "ChosenHash": f"'{chosen}'"}
        found[f"{title} ({name})"] = Judge(queries[title], values, TILES[title](month, chosen.lower()))
    return found


def users_of(statement: str) -> list[str]:
    """Return who is asked with a changed statement: who is preferred, then rules and hunts, then the shortest."""
    plain = {name: judge.compiled({}) for name, judge in judges().items()}

    def place(name: str) -> tuple[bool, bool, bool, int]:
        preferred = name in PREFERRED.get(statement, ())
        return not preferred, name == "source-is-silent", name not in QUERIES, len(plain[name])

    return sorted((name for name, text in plain.items() if f"let {statement} = " in text), key=place)[:ASKED]


def changed() -> Iterator[Mutant]:
    """Yield each change: of a statement, by who uses it; of a query, by itself, for every file that it is asked for."""
    for statement, body in statements().items():
        users = [judges()[name] for name in users_of(statement)]
        for what, other in mutants(body):
            if users:
                yield Mutant(f"{statement}: {what}", [(judge, judge.compiled({statement: other})) for judge in users])
    by_query: dict[str, list[str]] = {}
    for name, judge in judges().items():
        by_query.setdefault(judge.query, []).append(name)
    for query, names in by_query.items():
        for what, other in mutants(query):
            texts = [(judges()[name], judges()[name].compiled({}, other)) for name in names]
            yield Mutant(f"{names[0].partition(' (')[0]}: {what}", texts)


EQUAL = {
    "DeviceChildren: isnotempty(Hash)": "no indicator has an empty hash: it saves rows",
    "DeviceConnections: isnotempty(Hash)": "the same",
    "DeviceFiles: isnotempty(Hash)": "the same",
    "DeviceRuns: isnotempty(Hash)": "the same",
    "GatewayFiles: isnotempty(FileHash)": "the same",
    "MailFiles: isnotempty(SHA256)": "the same",
    "MimecastFiles: isnotempty(['File Hash'])": "the same",
    "MimecastFiles: isnotempty(Sha256)": "the same",
    "Indicators: tolower(ObservableValue)": "the normalizer writes lower case; the service might not keep it",
    "What did Mimecast know, and when?: tolower(ObservableValue)": "the same",
    "What happened, in order?: tolower(ObservableValue)": "the same",
    "SameFile: tolower(Other)": "the same",
    "SameFile: isnotempty(OtherHashes)": "an empty one expands to no hash: it saves rows",
    "KnownFiles: Kind in ('SHA256', 'SHA1', 'MD5')": "a URL is no file's hash: it saves rows",
    "matches-of-withdrawn: Kind == 'SHA256'": "mail tells SHA-256 alone: it saves rows",
    "same-name-other-hash: Kind == 'SHA256'": "the other hashes have the same name",
    "sender-address: isnotempty(SentFrom)": "of two that guard against an empty address either is enough",
    "sender-address: isnotempty(SenderIPv4)": "the other",
    "address-of-the-detection: isnotempty(SentFrom)": "of two that guard against an empty address either is enough",
    "address-of-the-detection: isnotempty(SenderIPv4)": "the other",
}


def test_every_change_is_found_out_but_for_those_that_change_no_answer() -> None:
    left = list(changed())
    world = {"both": everywhere().tables}
    for place in range(ASKED):
        asked = [mutant for mutant in left if place < len(mutant.texts)]
        answers = ask(world, [("both", mutant.texts[place][1], NOW) for mutant in asked])
        found_out = {
            id(mutant) for mutant, rows in zip(asked, answers, strict=True) if not mutant.texts[place][0].is_met(rows)
        }
        left = [mutant for mutant in left if id(mutant) not in found_out]
    assert {mutant.name for mutant in left} == set(EQUAL)


def test_every_statement_has_a_judge() -> None:
    plain = "\n".join(judge.compiled({}) for judge in judges().values())
    assert {name for name in statements() if f"let {name} = " not in plain} | UNJUDGED == UNJUDGED
