"""From indicators to messages for their destinations. Pure."""

from collections.abc import Iterator, Sequence

from mti.common.contracts import Indicator, IndicatorBatch, fits, indicators_message
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.ports.bus import Outgoing


def messages_for(
    destination: str, source: str, indicators: Sequence[Indicator], *, run: str | None = None
) -> Iterator[Outgoing]:
    """Yield the messages that carry the indicators to a destination, in their order, each within all limits.

    Args:
        destination: its id.
        source: whose indicators they are.
        indicators: any number.
        run: the name of a backfill; see `indicators_message`.
    """
    starts = range(0, len(indicators), OBJECTS_LIMIT)
    waiting = [indicators[start : start + OBJECTS_LIMIT] for start in starts][::-1]
    while waiting:
        part = waiting.pop()
        message = indicators_message(destination, IndicatorBatch(source=source, objects=list(part)), run=run)
        if fits(message) or len(part) == 1:
            # One indicator alone is far below the limit: all its texts are cut.
            yield message
        else:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
