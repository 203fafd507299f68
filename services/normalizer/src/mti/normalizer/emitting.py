"""Emits what is new or due of a chunk's indicators, and then remembers it.

In this order: who dies between the two emits once more, under the same ids; the other order would lose them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mti.common.ports.bus import Outgoing, Sender
from mti.common.registry import IndicatorPolicy, Source
from mti.normalizer.admission import admit
from mti.normalizer.decisions import Decision, decide, identified, merged
from mti.normalizer.grouping import group, newest_of
from mti.normalizer.indicators import IndicatorWriter, written_messages_for
from mti.normalizer.parsing import Sighting
from mti.normalizer.records import KnownIndicator, KnownIndicators
from mti.normalizer.routing import Scope, Scopes
from mti.normalizer.tally import ScopeResult


class Emitter:
    """Sends indicators to their destinations, as far as these do not have them yet.

    Args:
        known: what was emitted.
        indicators: to the topic of the publisher.
    """

    def __init__(self, known: KnownIndicators, indicators: Sender) -> None:
        self._known = known
        self._indicators = indicators
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def emit(
        self,
        chunk_id: str,
        source: Source,
        to: Scopes,
        sightings: Sequence[Sighting],
        *,
        again: bool = False,
    ) -> list[ScopeResult]:
        """Emit what the source did not bring yet, wait for the broker's word, and only then remember it.

        In this process a source has a lock, since neighbouring chunks hold the same files and would emit them all. With
        other processes there is none; there it costs a few uploads, and the sums are right all the same.

        Args:
            chunk_id: the CloudEvents id of the chunk.
            source: its source.
            to: its destinations.
            sightings: what was read of it.
            again: whether it may have been begun before: then the store says what came of that.
        """
        scopes = to.joined(sightings)
        newest, policies = newest_of(sightings), [scope.policy for scope in scopes]
        async with self._locks[source.id]:
            there = await self._known.recall(source.id, newest, policies, anew=again)
            withdrawn = {observable for observable, standing in there.standings.items() if standing.withdrawn}
            admitted = [admit(sightings, policy, withdrawn) for policy in policies]
            groups = [
                identified(group(each.sightings, there.remembered), there.standings, there.ids) for each in admitted
            ]
            decisions = [
                decide(by_id, there.known, policy, chunk_id) for policy, by_id in zip(policies, groups, strict=True)
            ]
            await self._indicators.send(
                [
                    outgoing
                    for scope, decided in zip(scopes, decisions, strict=True)
                    for outgoing in _messages(source, scope, decided)
                ]
            )
            to_remember = _to_remember(scopes, decisions, there.known)
            learnt = policies if there.lasting else ()
            verdicts = await self._known.remember(source.id, to_remember, learnt)
            self._known.learn(source.id, _unchanged(decisions, there.known), learnt)
        return [ScopeResult(*each, verdicts) for each in zip(admitted, decisions, strict=True)]


def _unchanged(
    decisions: Sequence[Sequence[Decision]], known: Mapping[str, KnownIndicator]
) -> Iterator[KnownIndicator]:
    """Yield what is known of those that nothing was to be emitted of, in the generation that they have."""
    emitted = {decision.id for decided in decisions for decision in decided if decision.emits is not None}
    for decided in decisions:
        for decision in decided:
            found = known.get(decision.id)
            if found is not None and decision.id not in emitted and decision.group.generation == found.generation:
                yield found


def _messages(source: Source, scope: Scope, decisions: Sequence[Decision]) -> Iterator[Outgoing]:
    """Return what a scope's workspaces are sent."""
    emitted = [decision.emits for decision in decisions if decision.emits is not None]
    writer = IndicatorWriter(scope.policy, source.feed, source.region)
    objects = [writer.write(known) for known in emitted]
    # What is sent once more after a lift, of the same detections, is no duplicate of what was sent before.
    lifts = sum(known.generation for known in emitted)
    return written_messages_for(scope.destinations, source.id, objects, run=f"lift{lifts}" if lifts else None)


def _to_remember(
    scopes: Sequence[Scope], decisions: Sequence[Sequence[Decision]], known: Mapping[str, KnownIndicator]
) -> list[KnownIndicator]:
    """Return what is to be remembered: each indicator once, whichever policies it was emitted under."""
    if len(scopes) == 1:
        [scope], [decided] = scopes, decisions
        return [
            merged([(scope.policy, decision)], known.get(decision.id))
            for decision in decided
            if decision.emits is not None
        ]
    by_id: dict[str, list[tuple[IndicatorPolicy, Decision]]] = {
        decision.id: [] for decided in decisions for decision in decided if decision.emits is not None
    }
    for scope, decided in zip(scopes, decisions, strict=True):
        for decision in decided:
            if decision.id in by_id:
                by_id[decision.id].append((scope.policy, decision))
    return [merged(made, known.get(id)) for id, made in by_id.items()]
