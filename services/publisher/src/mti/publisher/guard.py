"""Decides which objects a workspace still needs. Pure.

Sentinel bills a row for each upload and keeps what came last, not what is newest. So nothing is sent that the
workspace has, and nothing that would put an old version over a newer one or bring a withdrawn id back.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from mti.common.registry import Feed
from mti.publisher.item import Item
from mti.publisher.published import Accept, Published, after


class Verdict(StrEnum):
    """What becomes of an object."""

    SEND = "send"
    HELD = "held"
    """The workspace has this very version: a redelivery."""
    OVERTAKEN = "overtaken"
    """The workspace has a newer version, or the id was withdrawn."""
    COVERED = "covered"
    """Another source gave the workspace this id, and this object adds too little to be worth a row."""


def judge(known: Published | None, item: Item) -> Verdict:
    """Return what becomes of an object, given what the workspace holds of its id."""
    if known is None or known.version is None:
        return Verdict.SEND
    found = item.object
    if found.modified < known.version:
        return Verdict.OVERTAKEN
    if found.revoked:
        return Verdict.HELD if known.revoked else Verdict.SEND
    if known.revoked:
        return Verdict.OVERTAKEN
    if item.rebuilt is not None and item.rebuilt != known.rebuilt:
        # The books are of the workspace that was there before; nothing of it counts but what is newer, or spent.
        return Verdict.SEND
    if item.source == known.source:
        return Verdict.HELD if found.modified == known.version else Verdict.SEND
    return Verdict.SEND if _adds(known, item) else Verdict.COVERED


def _adds(known: Published, item: Item) -> bool:
    """Say whether an object of another source adds something: the customer's own sighting, or real validity."""
    if item.feed is Feed.MALWARE_CUSTOMER and known.feed is Feed.MALWARE_GRID:
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
