"""What became of each detection of a chunk, over all scopes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mti.common.telemetry import active
from mti.normalizer.admission import Admitted
from mti.normalizer.decisions import Decision
from mti.normalizer.parsing import Parsed
from mti.normalizer.records import ChunkBooks, IndicatorCounts, Verdict

_RANK = {Verdict.SUPPRESSED: 0, Verdict.REFRESHED: 1, Verdict.NEW: 2}


@dataclass(frozen=True, slots=True)
class ScopeResult:
    """What became of a chunk under one policy."""

    admitted: Admitted
    decisions: Sequence[Decision]
    verdicts: Mapping[str, Verdict]
    """What was recorded in the end, by id; where an id is absent the decision stands."""

    def verdict(self, decision: Decision) -> Verdict:
        """Return what an indicator was to the chunk."""
        if decision.emits is None:
            return decision.verdict
        return self.verdicts.get(decision.id, decision.verdict)


def books_of(parsed: Parsed, results: Sequence[ScopeResult]) -> ChunkBooks:
    """Return the books of a chunk.

    A detection is new when any of its observables is new by it, refreshed when none is new and one is refreshed by it,
    else suppressed; with several scopes the best of them counts. It is rejected by policy when every scope drops it.
    Of the sightings of an observable the first makes it new and the last refreshes it.
    """
    verdicts: dict[int, Verdict] = {}
    reasons: dict[int, str] = {}
    indicators: dict[str, Verdict] = {}
    for result in results:
        for position in result.admitted.positions:
            verdicts.setdefault(position, Verdict.SUPPRESSED)
        for position, reason in result.admitted.dropped.items():
            reasons.setdefault(position, reason)
        for decision in result.decisions:
            verdict = result.verdict(decision)
            indicators[decision.id] = max(indicators.get(decision.id, verdict), verdict, key=_RANK.__getitem__)
            place = decision.group.first if verdict is Verdict.NEW else decision.group.last
            position = result.admitted.positions[place]
            verdicts[position] = max(verdicts[position], verdict, key=_RANK.__getitem__)
    counted, emitted = Counter(verdicts.values()), Counter(indicators.values())
    rejected = Counter(rejection.reason for rejection in parsed.rejections)
    rejected.update(reason for position, reason in reasons.items() if position not in verdicts)
    return ChunkBooks(
        detections=parsed.detections,
        new=counted[Verdict.NEW],
        refreshed=counted[Verdict.REFRESHED],
        suppressed=counted[Verdict.SUPPRESSED],
        rejected=dict(sorted(rejected.items())),
        indicators=IndicatorCounts(new=emitted[Verdict.NEW], refreshed=emitted[Verdict.REFRESHED]),
        ahead=parsed.ahead,
    )


def measure(source: str, books: ChunkBooks) -> None:
    """Tell the metrics what became of a chunk. Replayed rejections came in once, and are not counted a second time."""
    instruments = active().instruments
    indicators = {"new": books.indicators.new, "refreshed": books.indicators.refreshed}
    instruments.indicators(source, indicators)
    if not books.replayed_from_rejected:
        outcomes = {"new": books.new, "refreshed": books.refreshed, "suppressed": books.suppressed}
        instruments.detections(source, outcomes, books.rejected)
