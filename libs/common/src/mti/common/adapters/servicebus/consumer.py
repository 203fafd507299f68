"""Receives batches from a queue or a subscription without sessions, and lets the handler's outcomes come true."""

import asyncio
import logging
from time import time_ns

from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusError

from mti.common.adapters.servicebus.client import Address, ServiceBus
from mti.common.adapters.servicebus.received import ReceiverSettlement, from_sdk
from mti.common.errors import Unavailable
from mti.common.hosting.delivery import deliver
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.telemetry import received

log = logging.getLogger(__name__)

RECONNECT_DELAY = 2.0
UNFORESEEN = "a bug: a batch could not be received or settled, and comes again; everything else goes on"


class QueueConsumer:
    """Runs a handler on `concurrency` receivers, each with up to `batch_size` messages at a time."""

    def __init__(
        self,
        bus: ServiceBus,
        address: Address,
        handler: Handler,
        settler: Settler,
        clock: Clock,
        *,
        concurrency: int = 1,
        batch_size: int = 1,
        wait: float = 1.0,
    ) -> None:
        self._bus = bus
        self._address = address
        self._handler = handler
        self._settler = settler
        self._clock = clock
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._wait = wait

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch in hand is finished first."""
        async with self._bus.renewer() as renewer, asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._loop(stop, renewer))

    async def _loop(self, stop: asyncio.Event, renewer: AutoLockRenewer) -> None:
        while not stop.is_set():
            try:
                async with self._bus.receiver(self._address, renewer=renewer) as receiver:
                    while not stop.is_set():
                        await self._step(receiver)
            except (ServiceBusError, Unavailable, OSError) as error:
                log.warning("the bus does not answer", extra={"entity": str(self._address), "why": str(error)})
                await self._clock.sleep(RECONNECT_DELAY)
            except Exception:
                log.exception(UNFORESEEN, extra={"entity": str(self._address)})
                await self._clock.sleep(RECONNECT_DELAY)

    async def _step(self, receiver: ServiceBusReceiver) -> None:
        began = time_ns()
        raw = await receiver.receive_messages(max_message_count=self._batch_size, max_wait_time=self._wait)
        if not raw:
            return
        messages = [from_sdk(message) for message in raw]
        received(self._address.traced_as, messages, began)
        settlement = ReceiverSettlement(receiver, raw)
        await deliver(self._handler, self._settler, settlement, messages, self._address.traced_as)
