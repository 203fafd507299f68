"""What became of each detection of a chunk, over all scopes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mti.common.telemetry import active
from mti.normalizer.admission import Admitted
from mti.normalizer.decisions import Decision
from mti.normalizer.parsing import Parsed
from mti.normalizer.records import ChunkBooks, IndicatorCounts, Verdict


@dataclass(frozen=True, slots=True)
class ScopeResult:
    """What became of a chunk under one policy."""

    admitted: Admitted
    decisions: Sequence[Decision]
    verdicts: Mapping[str, Verdict]
    """What was recorded in the end of what was emitted, by id; where an id is absent the decision stands."""


def books_of(parsed: Parsed, results: Sequence[ScopeResult]) -> ChunkBooks:
    """Return the books of a chunk.

    A detection is new when any of its observables is new by it, refreshed when none is new and one is refreshed by it,
    else suppressed; with several scopes the best of them counts. It is rejected by policy when every scope drops it.
    Of the sightings of an observable the first makes it new and the last refreshes it.
    """
    admitted: set[int] = set()
    reasons: dict[int, str] = {}
    new, refreshed = _Counted(), _Counted()
    for result in results:
        positions = result.admitted.positions
        admitted.update(positions)
        for position, reason in result.admitted.dropped.items():
            reasons.setdefault(position, reason)
        verdicts = result.verdicts
        for decision in result.decisions:
            verdict = decision.verdict if decision.emits is None else verdicts.get(decision.id, decision.verdict)
            if verdict is Verdict.NEW:
                new.add(decision.id, positions[decision.group.first])
            elif verdict is Verdict.REFRESHED:
                refreshed.add(decision.id, positions[decision.group.last])
    refreshed.leave_out(new)
    rejected = Counter(rejection.reason for rejection in parsed.rejections)
    rejected.update(reason for position, reason in reasons.items() if position not in admitted)
    return ChunkBooks(
        detections=parsed.detections,
        new=len(new.positions),
        refreshed=len(refreshed.positions),
        suppressed=len(admitted) - len(new.positions) - len(refreshed.positions),
        rejected=dict(sorted(rejected.items())),
        indicators=IndicatorCounts(new=len(new.indicators), refreshed=len(refreshed.indicators)),
        ahead=parsed.ahead,
    )


class _Counted:
    """What came to one verdict under any policy, each once."""

    def __init__(self) -> None:
        self.indicators: set[str] = set()
        """By id."""
        self.positions: set[int] = set()
        """Of the detections that count for them."""

    def add(self, id: str, position: int) -> None:
        self.indicators.add(id)
        self.positions.add(position)

    def leave_out(self, better: "_Counted") -> None:
        """Leave out what came to a better verdict elsewhere."""
        self.indicators -= better.indicators
        self.positions -= better.positions


def measure(source: str, books: ChunkBooks) -> None:
    """Tell the metrics what became of a chunk. Replayed rejections came in once, and are not counted a second time."""
    instruments = active().instruments
    indicators = {"new": books.indicators.new, "refreshed": books.indicators.refreshed}
    instruments.indicators(source, indicators)
    if not books.replayed_from_rejected:
        outcomes = {"new": books.new, "refreshed": books.refreshed, "suppressed": books.suppressed}
        instruments.detections(source, outcomes, books.rejected)
