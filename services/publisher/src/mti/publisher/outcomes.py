"""From what became of objects to what becomes of the messages that brought them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mti.common.contracts import IndicatorBatch, count_of, indicators_message
from mti.common.contracts.envelope import DESCRIPTION_LIMIT, REBUILT, REFUSAL, REFUSAL_DESCRIPTION, REPLAYS, TRACEPARENT
from mti.common.ports.bus import Outgoing, PropertyValue, Received
from mti.common.ports.settlement import Complete, DeadLetter, Outcome
from mti.common.registry import Destination
from mti.common.telemetry import traceparent_in
from mti.publisher.delivery import Done
from mti.publisher.records import OBJECT_REFUSED, Item

_IDS_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What becomes of the messages whose every object was dealt with."""

    of: dict[int, Outcome]
    """By the message's place; a message of which objects are still to be delivered is not in it."""
    parts: Sequence[Outgoing] = ()
    """To be sent before a message is settled: they hold what was refused, and are dead-lettered when they come."""


def outcomes_of(
    messages: Sequence[Received],
    batches: Mapping[int, Sequence[Item]],
    done: Mapping[Item, Done],
    destination: Destination,
    to: str,
) -> Outcomes:
    """Return what becomes of messages.

    Args:
        messages: the messages.
        batches: the objects of those that went to the destination, by the message's place.
        done: what became of the objects that were dealt with.
        destination: where they were to go.
        to: this subscription's name, so that the refused parts come back here and nowhere else.
    """
    outcomes: dict[int, Outcome] = {}
    parts: list[Outgoing] = []
    for position, items in batches.items():
        if any(item not in done for item in items):
            continue
        refused: dict[str, list[Item]] = {}
        for item in items:
            words = done[item].refusal
            if words is not None:
                refused.setdefault(words, []).append(item)
        if refused and sum(len(group) for group in refused.values()) == len(items):
            outcomes[position] = _dead_letter(refused, destination)
        else:
            outcomes[position] = Complete()
            parts += [_part(messages[position], words, group, destination, to) for words, group in refused.items()]
    return Outcomes(outcomes, parts)


def _dead_letter(refused: Mapping[str, Sequence[Item]], destination: Destination) -> DeadLetter:
    texts = [_description(words, group, destination) for words, group in refused.items()]
    return DeadLetter(OBJECT_REFUSED, "; ".join(texts)[:DESCRIPTION_LIMIT])


def _part(message: Received, words: str, group: Sequence[Item], destination: Destination, to: str) -> Outgoing:
    """Return a message that holds only those objects.

    Its MessageId comes from them, so a second try after a crash repeats it; and from the replays of the message, so
    that what a person replays and Sentinel refuses again is not taken for the first refusal.
    """
    batch = IndicatorBatch(source=group[0].source, objects=[item.object.indicator for item in group])
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
    listed = ", ".join(ids[:_IDS_LISTED]) + (f" and {len(ids) - _IDS_LISTED} more" if len(ids) > _IDS_LISTED else "")
    text = (
        f"Sentinel refused {len(ids)} of source {group[0].source!r} for workspace {destination.id}: {words} "
        f"({listed}); mend the cause and replay, or purge"
    )
    return text[:DESCRIPTION_LIMIT]
