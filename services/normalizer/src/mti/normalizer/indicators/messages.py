"""From indicators to messages for their destinations. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mti.common.contracts import Indicator, IndicatorBatch, fits
from mti.common.contracts.indicators import OBJECTS_LIMIT, PackedBatch, batch_messages, packed, packed_written
from mti.common.contracts.written_indicator import WrittenIndicator
from mti.common.halving import Halving
from mti.common.ports.bus import Outgoing

T = TypeVar("T")


def messages_for(
    destinations: Sequence[str], source: str, indicators: Sequence[Indicator], *, run: str | None = None
) -> Iterator[Outgoing]:
    """Yield the messages that carry the indicators to each destination, in their order, each within all limits.

    Args:
        destinations: their ids.
        source: whose indicators they are.
        indicators: any number.
        run: the name of what sends them on purpose once more; see `batch_messages`.
    """
    return _messages(
        destinations, indicators, lambda part: packed(IndicatorBatch(source=source, objects=list(part))), run
    )


def written_messages_for(
    destinations: Sequence[str], source: str, indicators: Sequence[WrittenIndicator], *, run: str | None = None
) -> Iterator[Outgoing]:
    """Yield the same messages as `messages_for`, of indicators as they are written."""
    return _messages(destinations, indicators, lambda part: packed_written(source, part), run)


def _messages(
    destinations: Sequence[str], indicators: Sequence[T], pack: Callable[[Sequence[T]], PackedBatch], run: str | None
) -> Iterator[Outgoing]:
    if not destinations:
        return
    waiting = Halving.of(indicators, OBJECTS_LIMIT)
    while (part := waiting.take()) is not None:
        messages = batch_messages(destinations, pack(part), run=run)
        first = next(messages)
        if fits(first) or len(part) == 1:
            # One indicator alone is far below the limit: all its texts are cut. Destinations' ids are equally long.
            yield first
            yield from messages
        else:
            waiting.halve(part)
