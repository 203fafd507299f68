"""From indicators to messages for their destinations. Pure."""

from collections.abc import Iterator, Sequence

from mti.common.contracts import Indicator, IndicatorBatch, fits, indicators_messages
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.halving import Halving
from mti.common.ports.bus import Outgoing


def messages_for(
    destinations: Sequence[str], source: str, indicators: Sequence[Indicator], *, run: str | None = None
) -> Iterator[Outgoing]:
    """Yield the messages that carry the indicators to each destination, in their order, each within all limits.

    Args:
        destinations: their ids.
        source: whose indicators they are.
        indicators: any number.
        run: the name of what sends them on purpose once more; see `indicators_messages`.
    """
    if not destinations:
        return
    waiting = Halving.of(indicators, OBJECTS_LIMIT)
    while (part := waiting.take()) is not None:
        messages = indicators_messages(destinations, IndicatorBatch(source=source, objects=list(part)), run=run)
        first = next(messages)
        if fits(first) or len(part) == 1:
            # One indicator alone is far below the limit: all its texts are cut. Destinations' ids are equally long.
            yield first
            yield from messages
        else:
            waiting.halve(part)
