"""From what a handler returns or raises to one outcome a message."""

import asyncio
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
        """Handle the messages, which are of one session, and return one outcome each, in order. It may raise instead,
        for all of them.
        """
        ...


async def decide(handler: Handler, messages: Sequence[Received]) -> list[Outcome]:
    """Run the handler and return one outcome a message, whatever happens.

    Messages of several sessions do not touch each other. When the messages of one fail as a whole, each is tried alone,
    so that one bad message does not sink its neighbours.

    Raises:
        LockLost: the messages are somebody else's by now, so there is nothing to say about them.
    """
    sessions: dict[str | None, list[int]] = {}
    for position, message in enumerate(messages):
        sessions.setdefault(message.session_id, []).append(position)
    decided = await asyncio.gather(
        *(_decide(handler, [messages[position] for position in places]) for places in sessions.values())
    )
    outcomes: dict[int, Outcome] = {}
    for places, of_session in zip(sessions.values(), decided, strict=True):
        outcomes |= zip(places, of_session, strict=True)
    return [outcomes[position] for position in range(len(messages))]


async def _decide(handler: Handler, messages: Sequence[Received]) -> list[Outcome]:
    try:
        return list(await handler(messages))
    except LockLost:
        raise
    except Exception as error:  # noqa: BLE001  `outcome_of` logs what nobody foresaw
        if len(messages) == 1 or _is_nobodys_fault(error):
            return [outcome_of(error, message) for message in messages]
    return [outcome for message in messages for outcome in await _decide(handler, [message])]


def outcome_of(error: Exception, message: Received) -> Outcome:
    """Return what becomes of a message whose handling raised that error. This is the one place that says so."""
    match error:
        case Retry():
            return Resend(error.delay or timedelta(), error.reason, error.description)
        case Poison():
            return DeadLetter(error.reason, error.description)
        case Pause() | Unavailable():
            return Park(error.delay or UNAVAILABLE_DELAY, f"{error.reason}: {error.description}")
    if _is_of_the_machine(error):
        log.error("this machine or its settings are at fault; messages wait", exc_info=error)
        return Park(UNAVAILABLE_DELAY, f"{type(error).__name__}: see the log of this process")
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    log.error("a bug: the message is dead-lettered", exc_info=error, extra={"message_id": message.message_id})
    return DeadLetter(
        "Bug",
        f"{type(error).__name__} while handling it, trace {trace_id}: a fault of this release, not of the message; "
        "report it with the log of that trace, then replay the message after an upgrade",
    )


def _is_nobodys_fault(error: Exception) -> bool:
    """Say whether none of the messages can be blamed, so that each alone would end in the same way."""
    return isinstance(error, (Pause, Unavailable)) or _is_of_the_machine(error)


def _is_of_the_machine(error: Exception) -> bool:
    """Say whether the system refused something (a full disk, no more files), or memory, or the settings are wrong."""
    refused = isinstance(error, OSError) and error.errno is not None
    return refused or isinstance(error, (ConfigurationError, MemoryError))
