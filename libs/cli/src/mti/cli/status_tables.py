"""The status as tables for a terminal."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from mti.cli.console import Rows, sentence
from mti.cli.report import new_table, number, pause_line, reasons
from mti.common.registry.durations import format_duration
from mti.operations.status import DestinationStatus, SourceStatus, Status, tenants_of

LATE = timedelta(minutes=30)
"""A source whose covered time is older than this is shown in yellow."""


def status_view(status: Status) -> RenderableType:
    """Return all of it."""
    return Group(*_parts(status))


def age(seconds: float | None) -> str:
    """Return seconds in words that fit a column."""
    if seconds is None:
        return "-"
    whole = timedelta(seconds=max(0, round(seconds)))
    if whole >= timedelta(days=2):
        return f"{whole.days}d"
    if whole >= timedelta(minutes=2):
        whole = timedelta(minutes=whole // timedelta(minutes=1))
    return format_duration(whole)


def _parts(status: Status) -> Iterator[RenderableType]:
    yield _sources(status.sources)
    yield _destinations(status.destinations)
    yield _tenants(status)
    yield _bus(status)
    rejected = sum((Counter(source.books.rejected) for source in status.sources), Counter[str]())
    if rejected:
        yield sentence(f"rejected: {reasons(rejected)}")
    held = [(f"source {each.books.source}", each.books.pause, "") for each in status.sources if each.books.pause]
    held += [
        (f"workspace {each.destination}", each.pause, f" ({_count(each.waiting_messages)} messages wait)")
        for each in status.destinations
        if each.pause
    ]
    for what, pause, more in held:
        if pause is not None:
            yield pause_line(what + more, pause)
    for note in status.notes:
        yield sentence((f"note: {note}", "yellow"))
    if status.closed:
        yield Text("Every detection is accounted for; `mti reconcile` compares every indicator.", style="green")
    else:
        yield Text("Detections are missing: see `lost`, then run `mti reconcile`.", style="bold red")


_SOURCE_HEADINGS = (
    "in",
    "new",
    "re-\nfreshed",
    "sup-\npressed",
    "re-\njected",
    "wait-\ning",
    "dead",
    "lost",
    "behind",
)
"""Over two lines where that keeps the table within 80 columns."""


def _sources(sources: list[SourceStatus]) -> Rows:
    table = new_table("From Mimecast (detections)", "source")
    for heading in _SOURCE_HEADINGS:
        table.add_column(heading, justify="right")
    for source in sources:
        books = source.books
        late = source.behind_seconds is None or source.behind_seconds > LATE.total_seconds()
        table.add_row(
            Text(books.source, style="yellow" if books.pause else ""),
            *(number(count) for count in (books.detections, books.new, books.refreshed, books.suppressed)),
            number(sum(books.rejected.values())),
            number(books.waiting),
            number(books.dead, bad=True),
            number(books.lost, bad=True),
            Text(age(source.behind_seconds), style="yellow" if late else ""),
        )
    return table


def _destinations(destinations: list[DestinationStatus]) -> Rows:
    table = new_table("To Sentinel (objects; waiting and dead letters in messages)", "workspace of")
    for heading in ("accepted", "refused", "requests", "throttled", "waiting", "for", "dead letters"):
        table.add_column(heading, justify="right")
    for destination in destinations:
        table.add_row(
            Text(", ".join(destination.tenants), style="yellow" if destination.pause else ""),
            *(number(count) for count in (destination.counts.accepted, destination.counts.refused)),
            *(number(count) for count in (destination.counts.requests, destination.counts.throttled)),
            _count(destination.waiting_messages),
            age(destination.waiting_seconds),
            number(destination.dead_letters, bad=True),
        )
    return table


def _tenants(status: Status) -> Rows:
    table = new_table("By tenant (* is what several share)", "tenant")
    keys = ("detections", "new", "rejected", "waiting", "lost", "accepted", "refused", "dead_letters", "paused")
    for key in keys:
        table.add_column(key.replace("_", " "), justify="right")
    for name, sums in tenants_of(status).items():
        assert isinstance(sums, dict)  # noqa: S101  made there
        table.add_row(name, *(f"{sums[key]:,}" for key in keys))
    return table


def _bus(status: Status) -> Rows:
    table = new_table("On the bus (messages)", "entity")
    for heading in ("active", "scheduled", "dead", "oldest"):
        table.add_column(heading, justify="right")
    for path, load in status.loads.entities.items():
        oldest = None if load.oldest is None else (status.at - load.oldest).total_seconds()
        table.add_row(path, _count(load.active), _count(load.scheduled), _count(load.dead), age(oldest))
    return table


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
