"""Packs the objects of many messages into as few requests as they fill. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.publisher.judging import choose, judge
from mti.publisher.records import Item, Published, Verdict


@dataclass(frozen=True, slots=True)
class Round:
    """What is known of a batch's objects before anything is sent."""

    needless: Sequence[tuple[Item, Verdict]]
    """Objects that need no upload, and why."""
    requests: Sequence[Sequence[Item]]
    """At most 100 objects each, no id twice in the round."""
    waiting: Sequence[Item]
    """Objects whose id is in a request of this round: they are judged when that has been answered."""


def pack(items: Iterable[Item], known: Mapping[str, Published], limit: int = OBJECTS_LIMIT) -> Round:
    """Judge the objects and fill requests with those that are to be sent.

    Args:
        items: of any number of messages.
        known: what the workspace holds, by id.
        limit: objects a request.
    """
    needless: list[tuple[Item, Verdict]] = []
    by_id: dict[str, list[Item]] = {}
    waiting: list[Item] = []
    given = list(items)
    alive = {item.own for item in given if not item.withdraws}
    for item in given:
        if item.withdraws and item.own in alive:
            # What gives the id in the same round may come from somebody who still has it.
            waiting.append(item)
            continue
        verdict = judge(known.get(item.own), item)
        if verdict is Verdict.SEND:
            by_id.setdefault(item.own, []).append(item)
        else:
            needless.append((item, verdict))
    chosen = [choose(candidates) for candidates in by_id.values()]
    waiting += [
        item for best, candidates in zip(chosen, by_id.values(), strict=True) for item in candidates if item is not best
    ]
    requests = [chosen[start : start + limit] for start in range(0, len(chosen), limit)]
    return Round(needless, requests, waiting)
