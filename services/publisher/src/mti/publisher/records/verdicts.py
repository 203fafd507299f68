"""What the books alone say of a version that somebody brings. Pure."""

from enum import StrEnum

from mti.common.contracts import Carried, Indicator
from mti.publisher.records.item import Item
from mti.publisher.records.published import Published


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


def version_verdict(known: Published | None, source: str, indicator: Carried | Indicator) -> Verdict | None:
    """Return what the books say against a version, whoever it is routed to and whatever it would add.

    Args:
        known: the books of its observable.
        source: the id of the source that brings it.
        indicator: the version, or a revocation.

    Returns:
        `OVERTAKEN` or `WITHDRAWN`; `None` where they say nothing against it.
    """
    if known is None:
        return None
    if indicator.revoked:
        needless = known.alive and is_void(known, indicator) and not known.is_withdrawn
        return Verdict.OVERTAKEN if needless else None
    if known.is_withdrawn_from(source):
        return Verdict.WITHDRAWN
    overtaken = known.version is not None and not known.revoked and indicator.modified < known.version
    return Verdict.OVERTAKEN if overtaken else None


def is_void(known: Published | None, revocation: Carried | Indicator) -> bool:
    """Say whether a revocation is from before the withdrawal was lifted."""
    return known is not None and known.lifted is not None and known.lifted >= revocation.modified


def is_left_out(known: Published, item: Item) -> bool:
    """Say whether a workspace that was built anew is to be given, for an item, what its books hold: a newer version of
    a source that is not routed there any more, so that no backfill brings it. The item's own would put an older version
    over it, should it have been uploaded since.
    """
    return (
        item.rebuilt is not None
        and item.rebuilt != known.rebuilt
        and known.alive
        and known.source is not None
        and known.source not in item.backers
        and known.version is not None
        and known.version > item.object.modified
        and bool(known.content)
    )
