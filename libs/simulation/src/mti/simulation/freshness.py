"""How fresh what arrived is: since it was published, and since it could have been fetched. Pure."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from mti.simulation.parameters import POLL

BUCKET: Final = 300.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One detection of a quiet tenant."""

    published: float
    freshness: float
    """Seconds from publication at Mimecast to acceptance by Sentinel; so far, where it has not been accepted."""
    delay: float
    """Of these, those since the detection was out *and* its source was due: what the pipeline took."""
    accepted: bool


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of seconds."""

    p50: float
    p95: float
    p99: float
    max: float

    def document(self) -> dict[str, float]:
        """Return it for JSON."""
        return asdict(self)


def percentiles(values: Sequence[float]) -> Percentiles:
    """Return the percentiles (nearest rank); zeros of nothing."""
    found = sorted(values) or [0.0]

    def rank(part: float) -> float:
        return round(found[math.ceil(part * len(found)) - 1], 1)

    return Percentiles(rank(0.5), rank(0.95), rank(0.99), rank(1.0))


def arrivals(
    published: Sequence[float],
    accepted: Mapping[float, float],
    windows: Sequence[float],
    *,
    since: float,
    until: float,
    end: float,
) -> list[Arrival]:
    """Return one tenant's detections that were published in a span.

    Args:
        published: when they were.
        accepted: when each was accepted, by its publication.
        windows: the ends of the windows that were asked for, in order.
        since: the span's beginning.
        until: its end.
        end: of the simulation; what has not been accepted then counts with the time that it has waited.
    """
    found: list[Arrival] = []
    for moment in published[bisect_left(published, since) : bisect_left(published, until)]:
        at = accepted.get(moment, end)
        before = bisect_left(windows, moment)
        due = windows[before - 1] + POLL.total_seconds() if before else moment
        found.append(Arrival(moment, at - moment, at - max(moment, due), moment in accepted))
    return found


def buckets(found: Sequence[Arrival]) -> list[tuple[float, Percentiles]]:
    """Return the percentiles of the delay by five minutes of publication, each with the minute at which it begins."""
    by_start: dict[float, list[float]] = {}
    for arrival in found:
        by_start.setdefault(arrival.published // BUCKET * BUCKET, []).append(arrival.delay)
    return [(start / 60, percentiles(values)) for start, values in sorted(by_start.items())]
