"""Serves AMQP clients; who listens gives it the connections."""

from servicebus_local.access import Access
from servicebus_local.amqp.codec import check_version
from servicebus_local.broker.broker import Broker
from servicebus_local.deferred_calls import DeferredCalls
from servicebus_local.wire.connection import Connection
from servicebus_local.wire.nodes import Nodes


class AmqpServer:
    """All connections to one broker. Raises `RuntimeError` when the installed SDK is not the one that was tested."""

    def __init__(
        self, broker: Broker, access: Access, deferred: DeferredCalls, idle_timeout: int, link_idle_limit: int
    ) -> None:
        check_version()
        self._broker = broker
        self._nodes = Nodes(broker, access, link_idle_limit)
        self._deferred = deferred
        self._idle_timeout = idle_timeout
        self._connections: set[Connection] = set()

    def on_beat(self) -> None:
        """Heartbeats, and the end of connections that are silent."""
        for connection in list(self._connections):
            connection.on_beat()

    def stop(self) -> None:
        """End all connections."""
        for connection in list(self._connections):
            connection.abort()

    def connection(self) -> Connection:
        """The protocol of one connection."""
        connection = Connection(self._nodes, self._broker.clock, self._idle_timeout, self._deferred.defer)
        connection.lost = self._connections.discard
        self._connections.add(connection)
        return connection
