"""From what a handler returns or raises to one outcome a message."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from opentelemetry import trace

from mti.common.errors import ConfigurationError, LockLost, Pause, Poison, Retry, Unavailable
from mti.common.ports.bus import Received
from mti.common.ports.settlement import DeadLetter, Outcome, Park, Resend

log = logging.getLogger(__name__)

UNAVAILABLE_DELAY = timedelta(seconds=30)
"""How long a message waits when nothing says how long: for a pause, or for our own bus or store."""


class Handler(Protocol):
    """The heart of a service: it knows ports only and never settles anything itself."""

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Handle the messages and return one outcome each, in order. It may raise instead, for all of them."""
        ...


async def decide(handler: Handler, messages: Sequence[Received]) -> list[Outcome]:
    """Run the handler and return one outcome a message, whatever happens.

    When a batch fails as a whole, each message is tried alone, so that one bad message does not sink its neighbours.

    Raises:
        LockLost: the messages are somebody else's by now, so there is nothing to say about them.
    """
    try:
        return list(await handler(messages))
    except LockLost:
        raise
    except (Pause, Unavailable) as error:
        return [Park(error.delay or UNAVAILABLE_DELAY, f"{error.reason}: {error.description}") for _ in messages]
    except Exception as error:
        if _is_of_the_machine(error):
            log.error("this machine or its settings are at fault; messages wait", exc_info=error)
            return [Park(UNAVAILABLE_DELAY, f"{type(error).__name__}: see the log of this process") for _ in messages]
        if len(messages) == 1:
            return [outcome_of(error, messages[0])]
    found: list[Outcome] = []
    for message in messages:
        found += await decide(handler, [message])
    return found


def _is_of_the_machine(error: Exception) -> bool:
    """Say whether no message can be blamed: the system refused something (a full disk, no more files), or memory."""
    refused = isinstance(error, OSError) and error.errno is not None
    return refused or isinstance(error, (ConfigurationError, MemoryError))


def outcome_of(error: Exception, message: Received) -> Outcome:
    """Return what becomes of a message whose handling raised that error."""
    if isinstance(error, Retry):
        return Resend(error.delay or timedelta(), error.reason, error.description)
    if isinstance(error, Poison):
        return DeadLetter(error.reason, error.description)
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    log.error("a bug: the message is dead-lettered", exc_info=error, extra={"message_id": message.message_id})
    return DeadLetter(
        "Bug",
        f"{type(error).__name__} while handling it, trace {trace_id}: a fault of this release, not of the message; "
        "report it with the log of that trace, then replay the message after an upgrade",
    )
