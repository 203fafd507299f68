"""The first page: whether all is well, what is not, and where everything is on its way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.formats import plural
from mti.console.rendering import render_page
from mti.console.snapshots import Snapshot
from mti.operations.pauses import paused_by_people
from mti.operations.status import DestinationStatus, SourceStatus, totals_of
from mti.operations.wording import age, several

SHOWN: Final = 8
"""Things that are unwell and told one by one."""
TOLD: Final = 3
"""Sources that are only behind, and told one by one."""
_STEPS: Final = ((300, "under 5 minutes"), (1800, "under 30 minutes"), (7200, "under 2 hours"), (86400, "under a day"))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is unwell."""

    kind: str
    name: str
    says: str
    address: str
    severity: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A count out of a whole, as a part of a drawn bar."""

    label: str
    value: int
    start: float
    """Where it begins, in percent of the whole."""
    width: float
    tone: str


def troubles_of(snapshot: Snapshot) -> list[Trouble]:
    """Return what is unwell, the gravest first."""
    found = [*_of_sources(snapshot.status.sources), *_of_workspaces(snapshot.status.destinations)]
    return sorted(found, key=lambda each: each.severity, reverse=True)


def _of_sources(sources: Sequence[SourceStatus]) -> Iterator[Trouble]:
    late: list[SourceStatus] = []
    for each in sources:
        if each.severity == 0:
            continue
        books, name = each.books, each.books.source
        if books.lost:
            says = f"{plural(books.lost, 'detection')} lost: reconcile the books"
        elif books.dead or each.dead_letters:
            says = plural(each.dead_letters, "dead letter")
        elif books.pause is not None:
            says = f"paused: {books.pause.reason}"
        else:
            late.append(each)
            continue
        yield Trouble("Source", name, says, f"/sources?q={quote(name, safe='')}", each.severity)
    yield from _late(late)


def _late(sources: Sequence[SourceStatus]) -> Iterator[Trouble]:
    """Tell of the sources that are only behind: when nothing is fetched they all are, for one cause."""
    if len(sources) > TOLD:
        known = [each.behind_seconds for each in sources if each.behind_seconds is not None]
        never = len(sources) - len(known)
        parts = [f"up to {age(max(known))} behind"] if known else []
        parts += [f"{never:,} never fetched"] if never else []
        yield Trouble(
            "Source", f"{len(sources):,} sources", ", ".join(parts), "/sources?show=late", sources[0].severity
        )
        return
    for each in sources:
        never_fetched = each.behind_seconds is None
        says = "nothing was fetched yet" if never_fetched else f"{age(each.behind_seconds)} behind"
        address = f"/sources?q={quote(each.books.source, safe='')}"
        yield Trouble("Source", each.books.source, says, address, each.severity)


def _of_workspaces(destinations: Sequence[DestinationStatus]) -> Iterator[Trouble]:
    for each in destinations:
        if each.severity == 0:
            continue
        says = plural(each.dead_letters, "dead letter") if each.dead_letters else ""
        if each.pause is not None:
            says = f"{says}, paused: {each.pause.reason}" if says else f"paused: {each.pause.reason}"
        address = f"/workspaces?q={quote(each.destination, safe='')}"
        yield Trouble("Workspace", several(each.tenants), says, address, each.severity)


def freshness_of(sources: Sequence[SourceStatus]) -> list[Bar]:
    """Return how many sources are how far behind."""
    labels = [label for _, label in _STEPS] + ["longer", "never fetched"]
    counts = dict.fromkeys(labels, 0)
    for each in sources:
        behind = each.behind_seconds
        if behind is None:
            counts["never fetched"] += 1
        else:
            counts[next((label for bound, label in _STEPS if behind < bound), "longer")] += 1
    most = max(1, *counts.values())
    tones = ("good", "good", "warn", "warn", "bad", "bad")
    return [
        Bar(label, value, 0.0, 100 * value / most, tone)
        for (label, value), tone in zip(counts.items(), tones, strict=True)
    ]


def outcome_of(sources: Sequence[SourceStatus]) -> list[Bar]:
    """Return what became of all detections, as parts of one bar; parts of nothing are absent."""
    books = [each.books for each in sources]
    parts = (
        ("new indicators", sum(each.new for each in books), "series-1"),
        ("refreshed", sum(each.refreshed for each in books), "series-3"),
        ("known already", sum(each.suppressed for each in books), "series-8"),
        ("rejected by policy", sum(sum(each.rejected.values()) for each in books), "series-6"),
        ("waiting", sum(each.waiting for each in books), "series-7"),
        ("in dead letters", sum(each.dead for each in books), "series-2"),
        ("lost", sum(max(each.lost, 0) for each in books), "series-4"),
    )
    whole = max(1, sum(value for _, value, _ in parts))
    bars: list[Bar] = []
    start = 0.0
    for label, value, tone in parts:
        if value:
            bars.append(Bar(label, value, start, 100 * value / whole, tone))
            start += 100 * value / whole
    return bars


def flow_of(snapshot: Snapshot) -> list[tuple[str, str, int | None, int | None]]:
    """Return what stands in front of each service: service, entity, messages that wait, dead letters."""
    loads, topology = snapshot.status.loads, snapshot.topology
    flow: list[tuple[str, str, int | None, int | None]] = []
    for service, entity in (
        ("fetcher", topology.jobs),
        ("normalizer", topology.pages),
        ("publisher", topology.indicators),
    ):
        here, topic = loads.of(entity.path), loads.of(entity.name)
        known = [each for each in (here.active, here.scheduled, topic.scheduled) if each is not None]
        flow.append((service, entity.name, sum(known) if here.active is not None else None, here.dead))
    return flow


async def overview(request: Request) -> Response:
    """Show what is unwell first, then the sums."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    status = snapshot.status
    troubles = troubles_of(snapshot)
    context = {
        "snapshot": snapshot,
        "troubles": troubles[:SHOWN],
        "hidden": max(0, len(troubles) - SHOWN),
        "notes": [*status.notes, *paused_by_people(snapshot.registry)],
        "totals": totals_of(status.sources, status.destinations),
        "freshness": freshness_of(status.sources),
        "became": outcome_of(status.sources),
        "flow": flow_of(snapshot),
    }
    return render_page(request, "overview.html", "overview", context)


ROUTES = (Route("/", overview, name="overview"),)
