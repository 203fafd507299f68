"""The namespace: storage, broker, AMQP and HTTP put together and kept going."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from servicebus_local.access import Access, SharedAccessKey, SharedAccessKeys
from servicebus_local.administration.api import Administration
from servicebus_local.administration.server import HttpServer
from servicebus_local.broker.broker import Broker
from servicebus_local.certificates import CERTIFICATE, server_context
from servicebus_local.clock import Clock, system_clock
from servicebus_local.config import NamespaceConfig
from servicebus_local.datafolder import DataFolder
from servicebus_local.deferred_calls import DeferredCalls
from servicebus_local.listener import Listener
from servicebus_local.wire.server import AmqpServer
from servicebus_local.wire.websocket import WebSockets

LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.05
_TICKS_A_SECOND = 20
_TICKS_A_BEAT = 5
"""Often enough for a client whose idle time-out is one second."""
IDLE_TIMEOUT = 120_000
"""Milliseconds of silence that clients are asked to stay below; the connection ends after twice that."""

LINK_IDLE_LIMIT = 600_000
"""Milliseconds after which the service closes a link on which nothing happens.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot#link-is-closed
"""


class Namespace:
    """A Service Bus namespace in this process.

        async with Namespace(NamespaceConfig.load(path), data) as namespace:
            client = ServiceBusClient.from_connection_string(namespace.connection_string)

    Entering it raises `DataFolderBusy` when another namespace uses the folder, and `OSError` when a port is taken.
    """

    def __init__(
        self,
        config: NamespaceConfig,
        data: Path,
        port: int = 0,
        http_port: int = 0,
        *,
        host: str = "127.0.0.1",
        clock: Clock = system_clock,
        idle_timeout: int = IDLE_TIMEOUT,
        link_idle_limit: int = LINK_IDLE_LIMIT,
        patience: float = 10.0,
        keys: SharedAccessKeys | None = None,
    ) -> None:
        """Port 0 takes a free one; `patience` is how many seconds to wait for the data folder.

        With `keys`, only who presents a token that one of them signed may do what its rights allow.
        """
        self._keys = keys
        self._config = config
        self._data = data
        self._wanted = port, http_port
        self._host = host
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._link_idle_limit = link_idle_limit
        self._patience = patience
        self._stack = AsyncExitStack()
        self.port = port
        """The AMQP port, once started."""
        self.http_port = http_port
        """The administration's port, once started."""

    @property
    def connection_string(self) -> str:
        """What the SDK's clients need; with `keys`, the first of them is in it."""
        key = None if self._keys is None else self._keys.shared_access_keys[0]
        name, secret = (
            ("RootManageSharedAccessKey", "SAS_KEY_VALUE") if key is None else (key.key_name, key.primary_key)
        )
        return (
            f"Endpoint=sb://{self._host}:{self.port};SharedAccessKeyName={name};"
            f"SharedAccessKey={secret};UseDevelopmentEmulator=true;"
        )

    @property
    def certificate(self) -> Path:
        """What a client that speaks TLS must trust."""
        return self._data / CERTIFICATE

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(DataFolder(self._data, self._patience))
            loop = asyncio.get_running_loop()
            broker = Broker(self._config, self._data, self._clock, loop.call_soon)
            stack.callback(broker.close)
            deferred = DeferredCalls(loop.call_soon)
            broker.after_commit = deferred.run
            access = Access(self._keys, self._clock, lambda: _keys(broker))
            amqp = AmqpServer(broker, access, deferred, self._idle_timeout, self._link_idle_limit)
            application = Administration(broker, access).application()
            WebSockets(amqp.connection).serve_in(application)
            http = HttpServer(application)
            stack.push_async_callback(http.stop)
            await http.start()
            stack.callback(amqp.stop)
            listener = Listener(amqp.connection, http.connection, server_context(self._data, self._host))
            stack.push_async_callback(listener.close)
            self.port = listener.open(self._host, self._wanted[0])
            self.http_port = listener.open(self._host, self._wanted[1])
            ticking = asyncio.create_task(_keep_time(broker, amqp))
            stack.push_async_callback(_cancelled, ticking)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def _keys(broker: Broker) -> Iterator[SharedAccessKey]:
    for queue in broker.catalogue.queues.values():
        yield from SharedAccessKey.of(queue.config.properties.authorization_rules, queue.path)
    for topic in broker.catalogue.topics.values():
        yield from SharedAccessKey.of(topic.config.properties.authorization_rules, topic.path)


async def _keep_time(broker: Broker, amqp: AmqpServer) -> None:
    tick = 0
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        tick += 1
        try:
            broker.advance()
            broker.store.follow()
            if tick % _TICKS_A_BEAT == 0:
                amqp.on_beat()
            if tick % _TICKS_A_SECOND == 0:
                broker.delete_idle()
                broker.store.tables.reclaim()
        except Exception:
            LOG.exception("a tick of the clock failed")


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
