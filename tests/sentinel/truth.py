"""What is so in the world, worked out in Python from what was uploaded and what happened: no KQL, no simulated rows.

An answer is right when it says what is said here. Only what the queries promise is used: who holds which indicator, in
what state, since when; which events carry which hash; and when each came to be known in the workspace.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mti.simulators.sentinel.rows import Arrival
from tests.normalizer.world import NOW
from tests.sentinel.names import CONTOSO, DELETED, FABRIKAM
from tests.sentinel.tables import ARRIVED, Row, Tables, seen_at
from tests.sentinel.world import fabrikams, tables, uploads

ORIGIN = "Mimecast"
REPEATED = timedelta(days=8)
"""How often the workspace of this world is given an active indicator once more."""
ON_ITS_WAY = timedelta(minutes=2)
"""What an indicator's row takes from its own time to the table."""
LENGTHS = {64: "SHA256", 40: "SHA1", 32: "MD5"}


@dataclass(frozen=True)
class Fact:
    """One indicator in one workspace, as it stands."""

    workspace: str
    id: str
    value: str
    state: str
    record: Row
    newest: datetime
    """Of its rows: when it was uploaded or repeated last."""
    arrived: datetime
    """When the first of its rows in sight came."""

    @property
    def told(self) -> Row:
        """The facts of its extension."""
        return dict(next(iter(self.record["extensions"].values())))

    @property
    def is_active_file(self) -> bool:
        """Whether it finds files now."""
        return self.state == "Active" and len(self.value) in LENGTHS

    @property
    def file(self) -> str:
        """The strongest hash that is known of the file."""
        return str(max((self.value, *self.told.get("other_hashes", ())), key=len))


@dataclass(frozen=True)
class View:
    """What a query can see: where it is asked, how far back, and what came since it ran last."""

    tables: Tables
    look_back: timedelta
    frequency: timedelta
    advanced_hunting: bool = False

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows that are not too old, as they are told in this place."""
        for row in self.tables[table]:
            if _time(row) > NOW - self.look_back:
                yield {**row, "At": _time(row), "Came": self.came(row), "Where": self.place(row["TenantId"])}

    def came(self, row: Row) -> datetime:
        """Return when a row is taken to have come: advanced hunting knows its own time alone."""
        came: datetime = _time(row) if self.advanced_hunting else row[ARRIVED]
        return came

    def place(self, workspace: str) -> str:
        """Return a workspace's name, as this place knows it."""
        return "" if self.advanced_hunting else workspace

    def is_new(self, *moments: datetime) -> bool:
        """Say whether the last of these came since the last run."""
        return max(moments) > NOW - self.frequency

    def indicators(self) -> list[Fact]:
        """Return what each workspace holds of our source."""
        held = [*_held(CONTOSO, uploads(), self), *_held(FABRIKAM, fabrikams(), self)]
        seen = {row["TenantId"] for row in self.tables["ThreatIntelIndicators"]}
        return [fact for fact in held if fact.workspace in seen]

    def known(self) -> list[Fact]:
        """Return those that find files."""
        return [fact for fact in self.indicators() if fact.is_active_file]


def everywhere(look_back: timedelta = timedelta(days=14), frequency: timedelta = timedelta(hours=1)) -> View:
    """Return what is seen over both workspaces."""
    return View(seen_at(tables(), NOW), look_back, frequency)


def in_advanced_hunting(look_back: timedelta) -> View:
    """Return what a copy for advanced hunting sees at Contoso."""
    of_one = {name: [row for row in rows if row["TenantId"] == CONTOSO] for name, rows in tables().items()}
    return View(seen_at(of_one, NOW), look_back, timedelta(days=14), advanced_hunting=True)


def hashes(row: Row, *columns: str) -> list[str]:
    """Return a row's hashes in lower case."""
    return [str(row[name]).lower() for name in columns or ("SHA256", "SHA1", "MD5") if row.get(name)]


def matches(
    view: View, events: Iterable[Row], carried: Callable[[Row], list[str]] = hashes
) -> Iterator[tuple[Row, Fact]]:
    """Yield each event with the indicator that counts for it: the one that was known first, then the longest hash."""
    known = view.known()
    for event in events:
        found = [fact for fact in known if fact.value in carried(event) and fact.workspace == event["TenantId"]]
        if found:
            yield event, min(found, key=lambda fact: (fact.arrived, -len(fact.value)))


def grouped(
    pairs: Iterable[tuple[Any, Any]], key: Callable[[Any, Any], tuple[Any, ...]]
) -> list[list[tuple[Any, Any]]]:
    """Return pairs that share a key."""
    found: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}
    for one, other in pairs:
        found.setdefault(key(one, other), []).append((one, other))
    return list(found.values())


def _time(row: Row) -> datetime:
    time: datetime = row.get("TimeGenerated") or row["Time Generated"]
    return time


def _held(workspace: str, arrivals: list[Arrival], view: View) -> Iterator[Fact]:
    versions: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.source_system == ORIGIN:
            versions.setdefault(arrival.record["id"], []).append(arrival)
    for id, came in versions.items():
        times = [time for arrival, end in spans(came) for time in told_at(arrival, end)]
        seen = [time for time in times if time > NOW - view.look_back]
        if not seen:
            continue
        record = came[-1].record
        value = record["pattern"].rpartition(" = '")[2].removesuffix("']")
        yield Fact(
            workspace=workspace,
            id=id,
            value=value,
            state=state_of(record, value),
            record=record,
            newest=max(seen),
            arrived=min(seen) + (timedelta() if view.advanced_hunting else ON_ITS_WAY),
        )


def spans(came: list[Arrival]) -> Iterator[tuple[Arrival, datetime]]:
    """Yield each version of an indicator with the time until which it was the newest."""
    yield from zip(came, [*(later.at for later in came[1:]), NOW], strict=True)


def told_at(arrival: Arrival, end: datetime) -> Iterator[datetime]:
    """Yield when a version came, and when it was repeated: every eight days, as long as it was valid."""
    at = arrival.at
    while at < end:
        yield at
        at += REPEATED
        if arrival.record.get("revoked") or at >= datetime.fromisoformat(arrival.record["valid_until"]):
            return


def state_of(record: Row, value: str) -> str:
    """Return the state that a version of an indicator gives it now."""
    if record.get("revoked") or value == DELETED:
        return "Withdrawn"
    return "Expired" if datetime.fromisoformat(record["valid_until"]) <= NOW else "Active"
