"""From what became of a message's objects to what becomes of the message. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mti.common.contracts import IndicatorBatch, count_of, indicators_message
from mti.common.contracts.envelope import DESCRIPTION_LIMIT, REBUILT, REFUSAL, REFUSAL_DESCRIPTION, REPLAYS, TRACEPARENT
from mti.common.ports.bus import Outgoing, PropertyValue, Received
from mti.common.ports.settlement import Complete, DeadLetter
from mti.common.registry import Destination
from mti.common.telemetry import traceparent_in
from mti.publisher.delivery import Done
from mti.publisher.records import OBJECT_REFUSED, Item

_IDS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Settling:
    """What becomes of a message whose every object was dealt with."""

    outcome: Complete | DeadLetter
    parts: Sequence[Outgoing] = ()
    """To be sent before the message is settled: they hold what was refused, and are dead-lettered when they come."""


def settle(
    message: Received, items: Sequence[Item], done: Mapping[Item, Done], destination: Destination, to: str
) -> Settling | None:
    """Return what becomes of a message; `None` while objects of it are still to be delivered.

    Args:
        message: the message.
        items: its objects.
        done: what became of those that were dealt with.
        destination: where they were to go.
        to: this subscription's name, so that the refused parts come back here and nowhere else.
    """
    if any(item not in done for item in items):
        return None
    refused: dict[str, list[Item]] = {}
    for item in items:
        words = done[item].refusal
        if words is not None:
            refused.setdefault(words, []).append(item)
    if not refused:
        return Settling(Complete())
    if sum(len(group) for group in refused.values()) == len(items):
        texts = [_description(words, group, destination) for words, group in refused.items()]
        return Settling(DeadLetter(OBJECT_REFUSED, "; ".join(texts)[:DESCRIPTION_LIMIT]))
    parts = [_part(message, words, group, destination, to) for words, group in refused.items()]
    return Settling(Complete(), parts)


def _part(message: Received, words: str, group: Sequence[Item], destination: Destination, to: str) -> Outgoing:
    """Return a message that holds only those objects.

    Its MessageId comes from them, so a second try after a crash repeats it; and from the replays of the message, so
    that what a person replays and Sentinel refuses again is not taken for the first refusal.
    """
    batch = IndicatorBatch(source=group[0].source, objects=[item.object for item in group])
    made = indicators_message(destination.id, batch)
    replays = count_of(message, REPLAYS)
    properties: dict[str, PropertyValue] = {
        **made.properties,
        REFUSAL: OBJECT_REFUSED,
        REFUSAL_DESCRIPTION: _description(words, group, destination),
    }
    if (trace := traceparent_in(message.properties)) is not None:
        properties[TRACEPARENT] = trace
    if (rebuilt := group[0].rebuilt) is not None:
        properties[REBUILT] = rebuilt
    if replays:
        properties[REPLAYS] = replays
    return replace(made, message_id=f"{made.message_id}~f{replays}", to=to, properties=properties)


def _description(words: str, group: Sequence[Item], destination: Destination) -> str:
    ids = [item.object.id for item in group]
    shown = ", ".join(ids[:_IDS_SHOWN]) + (f" and {len(ids) - _IDS_SHOWN} more" if len(ids) > _IDS_SHOWN else "")
    text = (
        f"Sentinel refused {len(ids)} of source {group[0].source!r} for workspace {destination.id}: {words} "
        f"({shown}); mend the cause and replay, or purge"
    )
    return text[:DESCRIPTION_LIMIT]
