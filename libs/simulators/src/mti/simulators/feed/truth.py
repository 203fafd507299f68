"""What a feed really holds, for comparing with what arrived."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mti.simulators.feed.detection import Detection, HashChoice, Observable
from mti.simulators.times import from_ms


@dataclass(frozen=True, slots=True)
class Sightings:
    """All sightings of one observable in one feed."""

    count: int
    earliest: datetime
    latest: datetime
    test_file: bool


@dataclass(frozen=True, slots=True)
class FeedTruth:
    """A feed, counted."""

    detections: int
    test_file_detections: int
    observables: dict[Observable, Sightings]
    """Test files among them."""

    def wanted(self) -> set[Observable]:
        """Return the observables without the test files."""
        return {observable for observable, seen in self.observables.items() if not seen.test_file}


def truth_of(detections: Iterable[Detection], hashes: HashChoice = HashChoice.STRONGEST) -> FeedTruth:
    """Count a feed by observable.

    `HashChoice.ALL` counts SHA-256 and MD5 beside each other, and SHA-1 only where it is all there is, since the
    CSV form has no column for it unless asked.
    """
    tally: dict[Observable, list[int]] = {}
    tests: set[Observable] = set()
    total = test_files = 0
    for detection in detections:
        total += 1
        test_files += detection.test_file
        for observable in _counted(detection, hashes):
            seen = tally.setdefault(observable, [0, detection.seen_ms, detection.seen_ms])
            seen[0] += 1
            seen[1] = min(seen[1], detection.seen_ms)
            seen[2] = max(seen[2], detection.seen_ms)
            if detection.test_file:
                tests.add(observable)
    observables = {
        observable: Sightings(count, from_ms(first), from_ms(last), observable in tests)
        for observable, (count, first, last) in tally.items()
    }
    return FeedTruth(total, test_files, observables)


def _counted(detection: Detection, hashes: HashChoice) -> tuple[Observable, ...]:
    if hashes is HashChoice.STRONGEST:
        return (detection.strongest(),)
    found = detection.artefact.hashes()
    return tuple(observable for observable in found if observable.type != "sha1") or found
