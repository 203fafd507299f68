"""Decides which objects a workspace still needs, and packs them into as few requests as they fill. Pure.

Sentinel bills a row for each upload and keeps what came last, not what is newest. So nothing is sent that the
workspace has, and nothing that would put an old version over a newer one or bring a withdrawn id back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.registry import Feed
from mti.publisher.records import (
    Accept,
    Backing,
    Item,
    Published,
    Verdict,
    Withdraw,
    after,
    is_left_out,
    is_void,
    version_verdict,
)


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
    wanted: list[Item] = []
    waiting: list[Item] = []
    given = list(items)
    withdraws = any(item.withdraws for item in given)
    alive = {item.own for item in given if not item.withdraws} if withdraws else ()
    for item in given:
        if item.withdraws and item.own in alive:
            # What gives the id in the same round may come from somebody who still has it.
            waiting.append(item)
            continue
        verdict = judge(known.get(item.own), item)
        if verdict is Verdict.SEND:
            wanted.append(item)
        else:
            needless.append((item, verdict))
    chosen = wanted
    if len({item.own for item in wanted}) < len(wanted):
        by_id = _by_id(wanted)
        chosen = [choose(candidates) for candidates in by_id]
        waiting += [item for best, group in zip(chosen, by_id, strict=True) for item in group if item is not best]
    requests = [chosen[start : start + limit] for start in range(0, len(chosen), limit)]
    return Round(needless, requests, waiting)


def _by_id(items: Iterable[Item]) -> list[list[Item]]:
    """Return the items of each id, in the order in which the ids come first."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.own, []).append(item)
    return list(found.values())


def judge(known: Published | None, item: Item) -> Verdict:
    """Return what becomes of an object, given what the workspace holds of its observable."""
    if item.withdraws:
        return _judge_revocation(known, item)
    if known is None:
        return Verdict.SEND
    against = version_verdict(known, item.source, item.object)
    if against is not None:
        return Verdict.SEND if _in_another_form(known, item, against) else against
    if not known.alive:
        return Verdict.SEND
    if item.rebuilt is not None and item.rebuilt != known.rebuilt:
        # The books are of the workspace that was there before; nothing of it counts but what is newer, or spent.
        return Verdict.SEND
    if item.source == known.source:
        return Verdict.HELD if item.object.modified == known.version else Verdict.SEND
    return Verdict.SEND if _adds(known, item) else Verdict.COVERED


def _judge_revocation(known: Published | None, item: Item) -> Verdict:
    if known is None or not known.alive:
        return Verdict.HELD
    against = version_verdict(known, item.source, item.object)
    if against is not None:
        return against
    # A lift for one source does not void what was withdrawn for another; but then the source that was lifted backs it.
    void = is_void(known, item.object)
    others = [source for source in item.backers if void or source != item.source]
    return Verdict.BACKED if known.is_backed(others, item.object.modified) else Verdict.SEND


def _in_another_form(known: Published, item: Item, against: Verdict) -> bool:
    """Say whether something is uploaded for an item, though its own version is not; see `forms.prepared`."""
    if against is Verdict.WITHDRAWN:
        return _may_be_there(known, item)
    return is_left_out(known, item)


def _may_be_there(known: Published, item: Item) -> bool:
    """Say whether what was withdrawn may be in the workspace all the same, though the books do not have it: whoever
    handled its message before may have been killed, or have got no answer, after it was uploaded. Then it is revoked,
    under the id that it had.
    """
    return item.tried and not known.alive and (known.version is None or known.version < item.object.modified)


def _adds(known: Published, item: Item) -> bool:
    """Say whether an object of another source adds something: the customer's own sighting, real validity, or a form
    that does not come from a source that was withdrawn.
    """
    if item.feed is Feed.MALWARE_CUSTOMER and known.feed is Feed.MALWARE_GRID:
        return True
    if known.source is not None and known.is_withdrawn_from(known.source):
        return True
    extension = item.object.valid_until - known.valid_until if known.valid_until else item.extension
    return extension > timedelta() and extension >= item.extension


def choose(candidates: Sequence[Item]) -> Item:
    """Return the one object of several with the same id that is to be sent; the others are judged after it.

    The customer's own come before the grid's, the older before the newer, and each takes the place of the one before
    it exactly if it would if that had been sent.
    """
    if len(candidates) == 1:
        return candidates[0]
    best, *rest = sorted(candidates, key=lambda item: (item.feed is Feed.MALWARE_GRID, item.object.modified))
    for item in rest:
        if judge(after(None, Accept(best)), item) is Verdict.SEND:
            best = item
    return best


def order_in(known: Published | None, item: Item) -> Withdraw | None:
    """Return what a revocation says beyond the books: that its source is withdrawn here, if they do not know it yet.

    Who withdraws enters it in the books first; a message of an earlier release, or one that a person replays, may find
    them without.
    """
    if not item.withdraws or is_void(known, item.object):
        return None
    if known is not None and known.is_withdrawn_from(item.source):
        return None
    return Withdraw(id=item.own, at=item.object.modified, sources={item.source: Backing()})
