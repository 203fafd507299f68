"""The books: what came in, what became of it, and whether the sums close. Plain data, ready for JSON."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from mti.common.pauses import PauseState
from mti.normalizer.records import ChunkBooks, Totals
from mti.operations.bus import DeadLetterGroup
from mti.operations.severity import severity
from mti.operations.to_json import to_json


@dataclass(slots=True, kw_only=True)
class SourceBooks:
    """One source, in detections unless it says otherwise."""

    source: str
    tenant: str | None
    """`None` for a grid that a region shares."""
    feed: str
    region: str
    detections: int = 0
    """What the fetcher published, and what was added to it."""
    added: int = 0
    """Of these, put in by a person who mended dead letters."""
    ahead: int = 0
    """Of these, dated later than the page that they came on, and given its time."""
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """By reason."""
    waiting: int = 0
    """In chunks that are still on the bus."""
    dead: int = 0
    """In chunks that were dead-lettered whole, before they could be counted."""
    indicators_new: int = 0
    indicators_refreshed: int = 0
    covered_until: datetime | None = None
    """All that Mimecast had published by then was fetched."""
    pause: PauseState | None = None

    @property
    def lost(self) -> int:
        """Detections that are nowhere: more than nothing is a defect."""
        accounted = self.new + self.refreshed + self.suppressed + sum(self.rejected.values())
        return self.detections - accounted - self.waiting - self.dead

    def take(self, chunk: ChunkBooks) -> None:
        """Add a chunk that was handled after its source's books were read; its detections are counted already."""
        totals = Totals()
        totals.add(chunk)
        self.new += totals.new
        self.refreshed += totals.refreshed
        self.suppressed += totals.suppressed
        self.indicators_new += totals.indicators_new
        self.indicators_refreshed += totals.indicators_refreshed
        self.rejected = dict(sorted((Counter(self.rejected) + totals.rejected).items()))
        # Of a chunk that a person replaced just now, the rest is on its way in the mended one.
        self.waiting += chunk.replacement - chunk.added

    @property
    def closed(self) -> bool:
        """Whether every detection is accounted for."""
        return self.lost == 0

    @property
    def severity(self) -> int:
        """How unwell it is; 0 when it is well."""
        return severity(self.lost, self.dead, self.pause, self.waiting)


@dataclass(slots=True, kw_only=True)
class DestinationBooks:
    """One workspace, in indicators (distinct ids)."""

    destination: str
    tenants: list[str]
    expected: int = 0
    """Indicators that the sources routed here have made."""
    accepted: int = 0
    """Of these, held by the workspace in their newest version."""
    refused: dict[str, int] = field(default_factory=dict)
    """Of these, refused by Sentinel, by reason."""
    waiting: int = 0
    """Of these, in messages that are still on the bus."""
    dead: int = 0
    """Of these, in dead letters, and not refused by Sentinel."""
    withdrawn: int = 0
    """Of these, withdrawn by a person: the workspace holds them revoked (they are among the accepted), or never got
    them and is not to get them any more (they are not)."""
    expired: int = 0
    """Of these, no longer valid and never delivered here: what a workspace that joined late has no use for."""
    lost: int = 0
    """Of these, nowhere: more than nothing is a defect."""
    doubled: int = 0
    """Observables that the workspace holds under more than one id: more than nothing is a defect."""
    unrevoked: int = 0
    """Withdrawn by a person, held all the same, and no revocation is on its way: more than nothing is a defect, or a
    withdrawal that was interrupted."""
    revoking: int = 0
    """Withdrawn by a person and still held; the revocation is on the bus or in a dead letter."""
    left_behind: int = 0
    """Held from sources that are not routed here any more, as after an edit of the tenants file; nobody withdrew it."""
    unexpected: int = 0
    """Held by the workspace, though no source routed here made it: more than nothing is a defect."""
    requests: int = 0
    throttled: int = 0
    pause: PauseState | None = None

    @property
    def closed(self) -> bool:
        """Whether the workspace holds exactly what it should, or each difference has a name."""
        return not (self.lost or self.doubled or self.unexpected or self.unrevoked)

    @property
    def severity(self) -> int:
        """How unwell it is; 0 when it is well."""
        return severity(not self.closed, self.dead or self.refused, self.pause, self.waiting)


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """Everything, of one moment. Exact when nothing runs; an approximation while messages move."""

    sources: list[SourceBooks]
    destinations: list[DestinationBooks]
    dead_letters: list[DeadLetterGroup]
    notes: list[str] = field(default_factory=list)
    """What could not be looked into, in sentences."""

    @property
    def closed(self) -> bool:
        """Whether all books close."""
        return all(books.closed for books in self.sources) and all(books.closed for books in self.destinations)

    def faults(self) -> list[str]:
        """Say in words what keeps the books open."""
        faults = [f"{books.lost} detections of {books.source} are nowhere" for books in self.sources if books.lost]
        for books in self.destinations:
            for count, what in (
                (books.lost, "lost"),
                (books.doubled, "doubled"),
                (books.unexpected, "unexpected"),
                (books.unrevoked, "withdrawn and not revoked"),
            ):
                if count:
                    faults.append(f"{count} indicators {what} in workspace {books.destination}")
            if books.unrevoked:
                again = "run `mti revoke` again, or `mti tenants remove --withdraw`"
                faults.append(f"a withdrawal was interrupted: {again}")
            if books.lost:
                faults.append(
                    f"if workspace {books.destination} or one of its sources joined late, or its policy allows by now "
                    f"what it kept out before, run `mti backfill --tenant "
                    f"{books.tenants[0] if books.tenants else 'TENANT'}`"
                )
        return faults

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data, sums and verdicts included."""
        return {
            "closed": self.closed,
            "sources": [{**to_json(books), "lost": books.lost, "closed": books.closed} for books in self.sources],
            "destinations": [{**to_json(books), "closed": books.closed} for books in self.destinations],
            "dead_letters": [_dead_letters(group) for group in self.dead_letters],
            "totals": self.totals(),
            "notes": list[JsonValue](self.notes),
        }

    def totals(self) -> dict[str, JsonValue]:
        """Return the sums over all sources and all destinations."""
        sources, destinations = self.sources, self.destinations
        return {
            "detections": sum(books.detections for books in sources),
            "new": sum(books.new for books in sources),
            "refreshed": sum(books.refreshed for books in sources),
            "suppressed": sum(books.suppressed for books in sources),
            "rejected": sum(sum(books.rejected.values()) for books in sources),
            "expected": sum(books.expected for books in destinations),
            "accepted": sum(books.accepted for books in destinations),
            "refused": sum(sum(books.refused.values()) for books in destinations),
            "waiting": sum(books.waiting for books in destinations),
            "dead": sum(books.dead for books in destinations),
            "withdrawn": sum(books.withdrawn for books in destinations),
            "expired": sum(books.expired for books in destinations),
            "lost": sum(books.lost for books in sources) + sum(books.lost for books in destinations),
            "doubled": sum(books.doubled for books in destinations),
            "unexpected": sum(books.unexpected for books in destinations),
            "unrevoked": sum(books.unrevoked for books in destinations),
            "left_behind": sum(books.left_behind for books in destinations),
            "requests": sum(books.requests for books in destinations),
        }


def _dead_letters(group: DeadLetterGroup) -> dict[str, JsonValue]:
    return {"entity": group.entity, "reason": group.reason, "messages": group.count, "example": group.example}
