"""The form in which an object is uploaded, and what is uploaded again to make good what was overtaken. Pure."""

from datetime import datetime

from msgspec.structs import replace

from mti.common.contracts import Carried
from mti.publisher.records import STEP, Item, Published, held_object, is_left_out


def prepared(known: Published | None, item: Item) -> Item:
    """Return an item that is to be sent in the form that the workspace needs: the id of its generation; and of a
    revocation the object as the workspace holds it, whatever the message said of it, newer than it was.
    """
    if known is None:
        return item.as_generation(0)
    generation = known.generation + (known.revoked and not item.withdraws)
    form = item.as_generation(generation)
    if item.withdraws:
        return revocation(known, item) or form
    if known.is_withdrawn_from(item.source):
        return _revoked(form, form.object, generation, form.object.modified)
    if item.rebuilt is not None and is_left_out(known, item):
        return _held_for(known, item) or form
    return form


def revocation(known: Published, item: Item) -> Item | None:
    """Return the revocation of what a workspace holds, by its books alone; `None` where they hold no content."""
    held = held_object(item.own, known)
    if held is None or known.version is None:
        return None
    return _revoked(item, held, known.generation, max(item.object.modified, known.version + STEP))


def lies_well(now: Published, sent: Item) -> bool:
    """Say whether nothing must be uploaded again for what was sent, as it is with nearly all; else see `repairs`."""
    return now.generation == sent.generation and not now.unsure


def repairs(now: Published, sent: Item, moment: datetime) -> list[Item]:
    """Return what must be uploaded since something else happened while an item was; nothing when all is well.

    Sentinel keeps what came last. Where the books changed between the decision and the answer, what was sent may lie
    over what they say; so what they say is sent again.

    Args:
        now: the books, with the answer in it.
        sent: what was sent.
        moment: the time.
    """
    forms: list[Item] = []
    if now.generation != sent.generation and not sent.withdraws:
        # It was given an id that is spent by now.
        forms.append(_revoked(sent, sent.object, sent.generation, moment))
    if now.unsure and (again := restored(now, sent, moment)) is not None:
        forms.append(again)
    return forms


def restored(now: Published, item: Item, moment: datetime) -> Item | None:
    """Return what the books say that a workspace holds of an item's observable, to be sent again; revoked where nobody
    backs it any more. `None` where they hold no content.
    """
    if now.alive and now.is_withdrawn and not now.is_backed(item.backers, moment):
        return revocation(now, item)
    return _held_for(now, item)


def _held_for(known: Published, item: Item) -> Item | None:
    """Return what a workspace holds of an item's observable, in the item's place; `None` where the books hold no
    content.
    """
    held = held_object(item.own, known)
    if held is None:
        return None
    source, feed = known.source or item.source, known.feed or item.feed
    return replace(item.with_object(held, known.generation), source=source, feed=feed)


def _revoked(item: Item, indicator: Carried, generation: int, modified: datetime) -> Item:
    withdrawn = indicator.withdrawn(max(modified, indicator.modified + STEP))
    return item.with_object(withdrawn, generation)
