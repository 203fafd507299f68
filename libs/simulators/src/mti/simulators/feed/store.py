"""A feed as the API holds it: what is visible when, by window."""

from bisect import bisect_left, bisect_right
from datetime import datetime
from operator import attrgetter
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from mti.simulators.feed.detection import Detection
from mti.simulators.feed.generator import artefact, sighting
from mti.simulators.feed.spec import FeedSpec
from mti.simulators.feed.vocabulary import build_vocabulary
from mti.simulators.times import to_ms

_by_time = attrgetter("seen_ms")


class LateBatch(BaseModel):
    """Detections to publish now, with timestamps of their own that may lie in the past."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: str
    """The source's name, such as `contoso/malware_customer` or `grid:eu`."""
    count: int = Field(default=1, ge=1)
    age_seconds: float = Field(default=600.0, ge=0)
    """How old their own timestamp is when they become visible; 0 makes them simply new."""
    repeat: bool = False
    """Whether they are sightings of files that the feed has shown already, rather than of new ones."""


class Feed:
    """One source's detections, kept in order of their own timestamps.

    The grid of a region is one feed, whichever account asks for it.
    """

    def __init__(self, name: str, spec: FeedSpec, detections: list[Detection]) -> None:
        self.name = name
        self.spec = spec
        self._detections = sorted(detections, key=_by_time)
        self._published_later = 0
        self._rng = Random(f"{spec.seed}/later")  # noqa: S311  simulated data, no secret

    @property
    def detections(self) -> tuple[Detection, ...]:
        """All of them, visible or not, oldest first."""
        return tuple(self._detections)

    def window(self, start_ms: int, end_ms: int, now_ms: int) -> list[Detection]:
        """Return what is visible now and has `start <= timestamp <= end`, newest first, as Mimecast orders it."""
        low = bisect_left(self._detections, start_ms, key=_by_time)
        high = bisect_right(self._detections, end_ms, key=_by_time)
        found = [detection for detection in self._detections[low:high] if detection.visible_ms <= now_ms]
        found.reverse()
        return found

    def publish(self, batch: LateBatch, now: datetime) -> list[Detection]:
        """Add detections that are visible from now on and return them; a new one is a file of its own."""
        now_ms = to_ms(now)
        words = build_vocabulary(self._rng)
        made = []
        for _ in range(batch.count):
            number = self._published_later
            self._published_later += 1
            known = self.spec.distinct_files
            file = artefact(self.spec, number % known if batch.repeat else known + number)
            seen = now_ms - int(batch.age_seconds * 1000)
            made.append(sighting(self.spec, file, seen, self._rng, words, visible_ms=now_ms))
        self._detections = sorted([*self._detections, *made], key=_by_time)
        return made
