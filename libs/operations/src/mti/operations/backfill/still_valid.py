"""What a source has made that is still valid, and may be sent: shard by shard, in parts that fill a message."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mti.common.contracts import Indicator
from mti.common.contracts.envelope import REBUILT
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import Clock
from mti.common.registry import Feed, Route
from mti.normalizer.indicators import build, messages_for, reason_of_file
from mti.normalizer.records import UNTOUCHED, KnownIndicator, KnownIndicators, shard_of, shards_of


@dataclass(frozen=True, slots=True)
class BackfillScope:
    """One source of the workspace, and the route that leads there."""

    name: str
    route: Route
    feed: Feed
    region: str


class StillValid:
    """Reads what the normalizer knows.

    Args:
        known: what it knows.
        clock: the time, which says what is valid.
    """

    def __init__(self, known: KnownIndicators, clock: Clock) -> None:
        self._known = known
        self._clock = clock

    async def parts(self, scope: str, start: int, after: str) -> AsyncIterator[tuple[int, list[KnownIndicator]]]:
        """Yield what is known from beyond an id, in parts that fill a message, each with the shard of its last one."""
        part: list[KnownIndicator] = []
        for shard in shards_of(scope)[start:]:
            async for entry in self._known.scan(scope, shard, after=after if shard == start else ""):
                part.append(entry)
                if len(part) == OBJECTS_LIMIT:
                    yield shard, part
                    part = []
        if part:
            yield shard_of(scope, part[-1].id), part

    async def indicators(
        self, scope: BackfillScope, part: Sequence[KnownIndicator]
    ) -> tuple[list[Indicator], tuple[int, int]]:
        """Return what of a part is sent, and how many are not: those that expired, and those that are withheld."""
        now: datetime = self._clock.now()
        policy = scope.route.policy
        emitted = [entry.under(policy) for entry in part]
        valid = [entry for entry in emitted if entry.valid_until > now]
        standings = await self._known.withdrawals.look_up(scope.name, [entry.observable for entry in valid])
        sendable: list[KnownIndicator] = []
        for entry in valid:
            withdrawn = standings.get(entry.observable, UNTOUCHED).withdrawn
            if not withdrawn and reason_of_file(entry.observable, entry.facts.siblings, policy) is None:
                sendable.append(entry)
        objects = [build(entry, scope.route.policy, scope.feed, scope.region) for entry in sendable]
        return objects, (len(part) - len(valid), len(valid) - len(sendable))


def messages_of(
    destination: str, scope: BackfillScope, objects: Sequence[Indicator], run: str, *, rebuilt: bool
) -> list[Outgoing]:
    """Return the messages that send objects to a workspace.

    Args:
        destination: the workspace.
        scope: whose they are.
        objects: what is sent.
        run: its name is in the MessageIds.
        rebuilt: whether the workspace holds nothing of what the publisher's books say, which each message then says.
    """
    messages = list(messages_for([destination], scope.route.source, objects, run=run))
    if not rebuilt:
        return messages
    return [replace(message, properties={**message.properties, REBUILT: run}) for message in messages]
