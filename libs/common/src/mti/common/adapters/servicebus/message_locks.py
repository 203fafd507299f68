"""Keeps the locks of received messages, on the monotonic clock; see `session_lock` for why not by the wall clock."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError, ServiceBusError

from mti.common.adapters.servicebus.links import answered
from mti.common.adapters.servicebus.session_lock import (
    CHECK_EVERY,
    KEPT_SECONDS,
    LOCK_SECONDS,
    RENEW_AT,
    RENEW_TIMEOUT,
)
from mti.common.errors import BusUnavailable
from mti.common.ports.clock import Clock

log = logging.getLogger(__name__)

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def unjudged(message: ServiceBusReceivedMessage) -> None:
    """Have the service alone say whether a message's lock has run out.

    The SDK refuses to settle a message whose lock is over by the local wall clock
    (https://github.com/Azure/azure-sdk-for-python/issues/25996). There is no public way to tell it the time;
    tests/contract/bus/test_message_locks.py holds this one.
    """
    message._expiry = _NEVER  # noqa: SLF001


@asynccontextmanager
async def kept(
    receiver: ServiceBusReceiver,
    entity: str,
    messages: Sequence[ServiceBusReceivedMessage],
    clock: Clock,
    *,
    seconds: float = LOCK_SECONDS,
) -> AsyncIterator[None]:
    """Keep the locks of messages that were just received without a session, for as long as the context lasts.

    Args:
        receiver: which has them.
        entity: whose messages they are, for what is logged.
        messages: those.
        clock: the time.
        seconds: for which the entity locks a message, or less.
    """
    keeping = asyncio.create_task(_keep(receiver, entity, list(messages), clock, seconds))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(
    receiver: ServiceBusReceiver,
    entity: str,
    messages: list[ServiceBusReceivedMessage],
    clock: Clock,
    seconds: float,
) -> None:
    began = renewed = clock.monotonic()
    while messages and clock.monotonic() - began < KEPT_SECONDS:
        asked = clock.monotonic()
        if asked - renewed > seconds * (1 - RENEW_AT):
            try:
                messages = [message for message in messages if await _renew(receiver, entity, message)]
                renewed = asked
            except (ServiceBusError, BusUnavailable) as error:
                log.warning(
                    "the locks of messages could not be renewed, which is tried again",
                    extra={"entity": entity, "why": str(error)},
                )
        await clock.sleep(CHECK_EVERY)


async def _renew(receiver: ServiceBusReceiver, entity: str, message: ServiceBusReceivedMessage) -> bool:
    """Renew one lock and say whether there is one any more."""
    try:
        call = receiver.renew_message_lock(message, timeout=RENEW_TIMEOUT)
        await answered(receiver, entity, "the renewal of a lock", call, RENEW_TIMEOUT + 1)
    except MessageLockLostError as error:
        log.warning(
            "the lock of a message was lost while it was handled",
            extra={"entity": entity, "message_id": message.message_id, "why": str(error)},
        )
        return False
    except MessageAlreadySettled:
        return False
    finally:
        unjudged(message)
    return True
