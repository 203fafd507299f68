"""A link of the SDK, with a bound on every wait: whoever takes our bytes and never answers is noticed.

A firewall that drops, or a peer that accepts and falls silent, breaks no connection. The SDK sets no AMQP idle time-out
and bounds few of its waits (https://github.com/Azure/azure-sdk-for-python/issues/15202): a send waits for ever, and a
receive finds nothing, for ever. So each call runs under a bound of ours, and a link whose bound ran out is cut, without
the courtesies of closing, which would wait as well.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageAlreadySettled, ServiceBusError, ServiceBusQuotaExceededError

from mti.common.errors import BusFull, BusUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Link = ServiceBusReceiver | ServiceBusSender

OPEN_SECONDS: Final = 30.0
"""For a connection, its encryption, the token and the link."""
SEND_SECONDS: Final = 60.0
"""For one transfer, a batch of a megabyte at most, and the broker's word on it."""
SETTLE_SECONDS: Final = 30.0
PEEK_SECONDS: Final = 30.0
RECEIVE_SECONDS: Final = 30.0
"""On top of the time that a receive waits for messages."""
CLOSE_SECONDS: Final = 5.0
"""For all the courtesies of closing; then the connection is cut."""
STOP_SECONDS: Final = 2.0
"""For a call to end that was told to."""


async def answered(link: Link, entity: str, what: str, call: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return what the call returns, within the seconds.

    Args:
        link: what the call is made on. It is cut when the call can't be stopped otherwise, and is to be closed and
            made anew after any failure.
        entity: its queue, topic or subscription, for the error's text.
        what: is asked for, likewise: `a receive`.
        call: the SDK's.
        seconds: to wait.

    Raises:
        BusUnavailable: there was no answer in time, or the SDK raised something that is no error of the bus: it knows
            `ValueError`, `TypeError`, `AttributeError` and `RuntimeError` of links that are closed or broken.
        ServiceBusError: as the SDK raised it; `unavailable` makes a `BusUnavailable` of it.
        MessageAlreadySettled: which is a `ValueError`.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            raise BusUnavailable(
                f"{entity!r}: no answer to {what} within {seconds:g} seconds; the connection is given up and made anew."
                " If this goes on, a firewall, a proxy or a VPN on the way swallows what is sent"
            )
        return task.result()
    except (ServiceBusError, BusUnavailable, MessageAlreadySettled):
        raise
    except asyncio.CancelledError:
        if task.cancelled() and not _is_being_cancelled():
            raise BusUnavailable(f"{entity!r}: {what} was broken off by the SDK") from None
        raise
    except Exception as error:
        raise BusUnavailable(f"{entity!r}: {what} failed: {type(error).__name__}: {error}") from error
    finally:
        await _stopped(link, task)


def unavailable(entity: str, what: str, error: ServiceBusError) -> BusUnavailable:
    """Return the SDK's error in the project's words."""
    if isinstance(error, ServiceBusQuotaExceededError):
        return BusFull(
            f"{entity!r}: {what} was refused, since a quota of the namespace is reached ({error}): the entity is full,"
            " or there are too many connections. What waits goes on by itself when there is room; see that its"
            " receivers run, or raise the entity's MaxSizeInMegabytes"
        )
    return BusUnavailable(f"{entity!r}: {what} failed: {error}; check the namespace, its keys and the way to it")


async def open_link(link: Link, entity: str, seconds: float = OPEN_SECONDS) -> None:
    """Open a link.

    Raises:
        BusUnavailable, ServiceBusError: see `answered`.
    """
    await answered(link, entity, "the opening of a link", link.__aenter__(), seconds)


async def close_link(link: Link, seconds: float = CLOSE_SECONDS) -> None:
    """Close a link in whatever state it is. It never raises and never waits for long."""
    task = asyncio.ensure_future(link.close())
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        await _stopped(link, task)


async def _stopped(link: Link, task: "asyncio.Future[Any]") -> None:
    """End a call, by cutting its connection if need be."""
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        _cut(link)
    task.add_done_callback(_looked_at)


def _looked_at(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("a call on the bus ended", extra={"why": repr(error)})


def _is_being_cancelled() -> bool:
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _cut(link: Link) -> None:
    """Take the socket away. There is no public way: a close waits for what was written to be taken by the peer."""
    client: Any = link._handler  # noqa: SLF001
    with contextlib.suppress(AttributeError):
        client._connection._transport.writer.transport.abort()  # noqa: SLF001
