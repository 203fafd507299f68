"""The status as tables for a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.text import Text

from mti.cli.console import sentence
from mti.cli.report import number, pause_lines
from mti.cli.rows import pick, total_of
from mti.cli.tables import FittedTable, figures
from mti.operations.severity import severity
from mti.operations.status import Status, tenants_of, totals_of
from mti.operations.wording import age, reasons, several


def status_view(status: Status, *, everything: bool = True) -> RenderableType:
    """Return the status: totals first, then what is unwell, then the rest.

    Args:
        status: what was measured.
        everything: whether long tables are shown whole.
    """
    return Group(*_parts(status, everything=everything))


def _parts(status: Status, *, everything: bool) -> Iterator[RenderableType]:
    yield from _sources(status, everything=everything)
    yield from _destinations(status, everything=everything)
    yield from _tenants(status, everything=everything)
    yield _bus(status)
    rejected = sum((Counter(source.books.rejected) for source in status.sources), Counter[str]())
    if rejected:
        yield sentence(f"rejected: {reasons(rejected)}")
    held = [(f"source {each.books.source}", each.books.pause) for each in status.sources if each.books.pause]
    held += [
        (f"workspace {each.destination} ({_count(each.waiting_messages)} messages wait)", each.pause)
        for each in status.destinations
        if each.pause
    ]
    yield from pause_lines(held, everything=everything)
    for note in status.notes:
        yield sentence((f"note: {note}", "yellow"))
    if status.closed:
        yield Text("Every detection is accounted for; `mti reconcile` compares every indicator.", style="green")
    else:
        yield Text("Detections are missing: see `lost`, then run `mti reconcile`.", style="bold red")


def _sources(status: Status, *, everything: bool) -> Iterator[RenderableType]:
    columns = figures("in", "new", "refreshed", "suppressed", "rejected", "waiting", "dead", "lost", "behind")
    table = FittedTable("From Mimecast (detections)", "source", columns)
    sources = status.sources
    picked, rest = pick(sources, lambda each: each.severity, everything=everything)
    if len(sources) > 1:
        sums = totals_of(sources, [])
        ages = [each.behind_seconds for each in sources]
        oldest = None if None in ages else max(filter(None, ages), default=0.0)
        table.add_row(total_of(len(sources)), *_source_cells(sums), age(oldest))
    for source in picked:
        late = Text(age(source.behind_seconds), style="yellow" if source.is_late else "")
        name = Text(source.books.source, style="yellow" if source.books.pause else "")
        table.add_row(name, *_source_cells(totals_of([source], [])), late)
    yield table
    yield from rest


def _source_cells(sums: Mapping[str, JsonValue]) -> list[Text]:
    counts = ("detections", "new", "refreshed", "suppressed", "rejected", "waiting")
    return [*(_figure(sums[key]) for key in counts), *(_figure(sums[key], bad=True) for key in ("dead", "lost"))]


def _destinations(status: Status, *, everything: bool) -> Iterator[RenderableType]:
    columns = figures("accepted", "refused", "requests", "throttled", "waiting", "oldest", "dead letters")
    table = FittedTable("To Sentinel (objects; waiting and dead letters in messages)", "workspace of", columns)
    destinations = status.destinations
    picked, rest = pick(destinations, lambda each: each.severity, everything=everything)
    if len(destinations) > 1:
        longest = max((each.waiting_seconds for each in destinations if each.waiting_seconds is not None), default=None)
        table.add_row(total_of(len(destinations)), *_destination_cells(totals_of([], destinations), longest))
    for destination in picked:
        name = Text(several(destination.tenants), style="yellow" if destination.pause else "")
        table.add_row(name, *_destination_cells(totals_of([], [destination]), destination.waiting_seconds))
    yield table
    yield from rest


def _destination_cells(sums: Mapping[str, JsonValue], seconds: float | None) -> list[Text]:
    counts = [_figure(sums[key]) for key in ("accepted", "refused", "requests", "throttled", "waiting_messages")]
    return [*counts, Text(age(seconds)), _figure(sums["dead_letters"], bad=True)]


_TENANT_KEYS = ("detections", "new", "rejected", "waiting", "lost", "accepted", "refused", "dead_letters", "paused")


def _tenants(status: Status, *, everything: bool) -> Iterator[RenderableType]:
    columns = figures(*(key.replace("_", " ") for key in _TENANT_KEYS))
    table = FittedTable("By tenant (* is what several share)", "tenant", columns)
    tenants = _Sums.of(status)
    picked, rest = pick(tenants, _Sums.severity, everything=everything)
    if len(tenants) > 1:
        sums = totals_of(status.sources, status.destinations)
        table.add_row(total_of(len(tenants)), *(_figure(sums[key]) for key in _TENANT_KEYS))
    for each in picked:
        table.add_row(each.tenant, *(_figure(each.sums[key]) for key in _TENANT_KEYS))
    yield table
    yield from rest


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums of a tenant."""

    tenant: str
    sums: Mapping[str, JsonValue]

    @classmethod
    def of(cls, status: Status) -> "list[_Sums]":
        return [cls(name, sums) for name, sums in tenants_of(status).items() if isinstance(sums, dict)]

    def severity(self) -> int:
        return severity(self.sums["lost"], self.sums["dead_letters"], self.sums["paused"])


def _bus(status: Status) -> FittedTable:
    table = FittedTable("On the bus (messages)", "entity", figures("active", "scheduled", "dead", "oldest"))
    for path, load in status.loads.entities.items():
        oldest = None if load.oldest is None else (status.at - load.oldest).total_seconds()
        table.add_row(path, _count(load.active), _count(load.scheduled), _count(load.dead), age(oldest))
    return table


def _figure(value: JsonValue, *, bad: bool = False) -> Text:
    return number(value, bad=bad) if isinstance(value, int) else Text("-")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
