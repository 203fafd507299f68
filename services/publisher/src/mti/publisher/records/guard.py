"""Decides which objects a workspace still needs. Pure.

Sentinel bills a row for each upload and keeps what came last, not what is newest. So nothing is sent that the
workspace has, and nothing that would put an old version over a newer one or bring a withdrawn id back.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from mti.common.contracts import Indicator
from mti.common.registry import Feed
from mti.publisher.records.item import Item
from mti.publisher.records.published import STEP, Accept, Backing, Published, Withdraw, after, held_object


class Verdict(StrEnum):
    """What becomes of an object."""

    SEND = "send"
    HELD = "held"
    """The workspace has this very version: a redelivery. Or it is to be revoked there, and was or never came."""
    OVERTAKEN = "overtaken"
    """The workspace has a newer version; or a revocation was lifted before it came."""
    COVERED = "covered"
    """Another source gave the workspace this id, and this object adds too little to be worth a row."""
    WITHDRAWN = "withdrawn"
    """A person withdrew it, or what this source brings of it."""
    BACKED = "backed"
    """A revocation that is not needed: another source that is routed here still has it."""


def judge(known: Published | None, item: Item) -> Verdict:
    """Return what becomes of an object, given what the workspace holds of its observable."""
    if item.withdraws:
        return _judge_revocation(known, item)
    if known is None:
        return Verdict.SEND
    if known.is_withdrawn_from(item.source):
        return Verdict.SEND if _may_be_there(known, item) else Verdict.WITHDRAWN
    if known.version is None or known.revoked:
        return Verdict.SEND
    found = item.object
    if found.modified < known.version:
        return Verdict.OVERTAKEN
    if item.rebuilt is not None and item.rebuilt != known.rebuilt:
        # The books are of the workspace that was there before; nothing of it counts but what is newer, or spent.
        return Verdict.SEND
    if item.source == known.source:
        return Verdict.HELD if found.modified == known.version else Verdict.SEND
    return Verdict.SEND if _adds(known, item) else Verdict.COVERED


def _judge_revocation(known: Published | None, item: Item) -> Verdict:
    if known is None or not known.alive:
        return Verdict.HELD
    void = is_void(known, item)
    if void and not known.is_withdrawn:
        return Verdict.OVERTAKEN
    # A lift for one source does not void what was withdrawn for another; but then the source that was lifted backs it.
    others = [source for source in item.backers if void or source != item.source]
    return Verdict.BACKED if known.is_backed(others, item.object.modified) else Verdict.SEND


def is_void(known: Published | None, item: Item) -> bool:
    """Say whether a revocation is from before the withdrawal was lifted."""
    return known is not None and known.lifted is not None and known.lifted >= item.object.modified


def order_in(known: Published | None, item: Item) -> Withdraw | None:
    """Return what a revocation says beyond the books: that its source is withdrawn here, if they do not know it yet.

    Who withdraws enters it in the books first; a message of an earlier release, or one that a person replays, may find
    them without.
    """
    if not item.withdraws or is_void(known, item) or (known is not None and known.is_withdrawn_from(item.source)):
        return None
    return Withdraw(id=item.own, at=item.object.modified, sources={item.source: Backing()})


def prepared(known: Published | None, item: Item) -> Item:
    """Return an item that is to be sent in the form that the workspace needs: the id of its generation; and of a
    revocation the object as the workspace holds it, whatever the message said of it, newer than it was.
    """
    generation = 0 if known is None else known.generation + (known.revoked and not item.withdraws)
    form = item.as_generation(generation)
    if item.withdraws and known is not None:
        return revocation(known, item) or form
    if known is not None and known.is_withdrawn_from(item.source):
        return _revoked(form, form.object, generation, form.object.modified)
    return form


def _may_be_there(known: Published, item: Item) -> bool:
    """Say whether what was withdrawn may be in the workspace all the same, though the books do not have it: whoever
    handled its message before may have been killed, or have got no answer, after it was uploaded. Then it is revoked,
    under the id that it had.
    """
    return item.tried and not known.alive and (known.version is None or known.version < item.object.modified)


def revocation(known: Published, item: Item) -> Item | None:
    """Return the revocation of what a workspace holds, by its books alone; `None` where they hold no content."""
    held = held_object(item.own, known)
    if held is None or known.version is None:
        return None
    return _revoked(item, held, known.generation, max(item.object.modified, known.version + STEP))


def repairs(now: Published, sent: Item, moment: datetime) -> list[Item]:
    """Return what must be uploaded since something else happened while an item was; nothing when all is well.

    Sentinel keeps what came last. Where the books changed between the decision and the answer, what was sent may lie
    over what they say; so what they say is sent again.

    Args:
        now: the books, with the answer in it.
        sent: what was sent.
        moment: the time.
    """
    found: list[Item] = []
    if now.generation != sent.generation and not sent.withdraws:
        # It was given an id that is spent by now.
        found.append(_revoked(sent, sent.object, sent.generation, moment))
    if now.unsure and (again := restored(now, sent, moment)) is not None:
        found.append(again)
    return found


def restored(now: Published, item: Item, moment: datetime) -> Item | None:
    """Return what the books say that a workspace holds of an item's observable, to be sent again; revoked where nobody
    backs it any more. `None` where they hold no content.
    """
    if now.alive and now.is_withdrawn and not now.is_backed(item.backers, moment):
        return revocation(now, item)
    held = held_object(item.own, now)
    if held is None:
        return None
    source, feed = now.source or item.source, now.feed or item.feed
    return replace(item, object=held, source=source, feed=feed, generation=now.generation)


def _revoked(item: Item, found: Indicator, generation: int, modified: datetime) -> Item:
    withdrawn = found.model_copy(update={"modified": max(modified, found.modified + STEP), "revoked": True})
    return replace(item, object=withdrawn, generation=generation)


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
    best, *rest = sorted(candidates, key=lambda item: (item.feed is Feed.MALWARE_GRID, item.object.modified))
    for item in rest:
        if judge(after(None, Accept(best)), item) is Verdict.SEND:
            best = item
    return best
