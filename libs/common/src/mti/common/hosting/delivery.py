"""One delivery: messages that came together are handled, and what was decided of them comes true."""

import contextlib
from collections.abc import Sequence

from mti.common.errors import Unavailable
from mti.common.hosting.outcomes import Handler, decide
from mti.common.hosting.receiving import Receiver
from mti.common.hosting.settler import Settler
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Settlement
from mti.common.telemetry import decided, processing, settling
from mti.common.topology import Entity


async def deliver(
    handler: Handler, settler: Settler, settlement: Settlement, messages: Sequence[Received], entity: Entity
) -> None:
    """Handle the messages in the trace that they carry, and settle them.

    Args:
        handler: the service's.
        settler: lets outcomes come true.
        settlement: of these messages.
        messages: what came.
        entity: where it came from.

    Raises:
        BusUnavailable: the broker does not answer; what is unsettled comes again when its lock runs out.
        Exception: whatever nobody foresaw; the messages were given back, and come again.
    """
    with processing(entity, messages) as current:
        outcomes = await decide(handler, messages)
        decided(current, outcomes)
        with settling(entity, outcomes):
            try:
                await settler.settle(settlement, messages, outcomes)
            except Unavailable:
                raise
            except Exception:
                await _give_back(settlement, messages)
                raise


async def _give_back(settlement: Settlement, messages: Sequence[Received]) -> None:
    """Let messages come again at once, and not only when their locks run out; what is settled already stays so."""
    for message in messages:
        with contextlib.suppress(Exception):
            await settlement.abandon(message)


async def deliver_or_release(
    handler: Handler, settler: Settler, receiver: Receiver, messages: Sequence[Received], entity: Entity
) -> None:
    """Deliver what a receiver received; where our bus or store is absent, the receiver lets go of it first.

    Raises:
        Unavailable, OSError: nothing can be settled now; what was not settled comes again.
        Exception: see `deliver`.
    """
    try:
        await deliver(handler, settler, receiver, messages, entity)
    except (Unavailable, OSError):
        await receiver.release()
        raise
