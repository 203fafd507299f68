"""The least that an AMQP server can do: accept what is sent, and send the same message for ever. No broker, no disk.

`python -m tests.bench.sink` prints its port and runs until its input ends.
"""

import asyncio
import os
import sys
from typing import Any, cast

from servicebus_local.access import Access
from servicebus_local.broker.consumer import Consumer, Done, Lock, Verdict
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.clock import system_clock
from servicebus_local.paths import path_of
from servicebus_local.record import Body, MessageRecord, State
from servicebus_local.wire.attach import AttachRequest
from servicebus_local.wire.connection import Connection
from servicebus_local.wire.egress import EntityEgress
from servicebus_local.wire.ingress import Ingress
from servicebus_local.wire.link import Link, LinkSession
from servicebus_local.wire.nodes import CBS, Nodes
from servicebus_local.wire.requests import Reply, Request, RequestIngress, Response, ResponseEgress, Style

BODY = Body(b"", b"\x00\x53\x75\xb0" + (1024).to_bytes(4, "big") + b"x" * 1024)
_LIMIT = 1024 * 1024


class Source:
    """Gives the same message as often as there is credit."""

    requires_session = False

    def feed(self, consumer: Consumer) -> None:
        while consumer.wants:
            now = system_clock()
            record = MessageRecord(1, 1, None, State.LOCKED, 0, now, None, None, None, len(BODY.bare))
            lock = None if consumer.settles_on_delivery else Lock(os.urandom(16), record, now + 60_000, consumer)
            consumer.reserve(len(BODY.bare))
            consumer.deliver(record, BODY, lock)

    def settle(self, token: bytes, verdict: Verdict, done: Done) -> None:
        done(None)

    def leave(self, consumer: Consumer, *, failed: bool) -> None:
        pass

    def depart(self, consumer: Consumer) -> None:
        pass


class SinkIngress(Ingress):
    """Accepts everything."""

    def take(self, delivery_id: int, settled: bool, payload: bytes, message_format: int) -> None:
        self.answer(delivery_id, settled, None)


class SinkNodes:
    """Opens every link."""

    access = Access(None, system_clock)
    link_idle_limit = 600_000

    def attach(self, session: LinkSession, request: AttachRequest) -> None:
        link = self._link(session, request)
        session.links[link.handle] = link
        link.open()

    def _link(self, session: LinkSession, request: AttachRequest) -> Link:
        path = path_of(request.address)
        if path == CBS:
            if request.client_receives:
                return ResponseEgress(session, request)
            return RequestIngress(session, request, accept, Style("status-code", "status-description"))
        if request.client_receives:
            return EntityEgress(session, request, Entity(path), cast("MessageQueue", Source()))
        return SinkIngress(session, request, _LIMIT)


def accept(_: Request, reply: Reply) -> None:
    reply(Response(202, "Accepted"))


async def main() -> None:
    loop = asyncio.get_running_loop()
    nodes: Any = SinkNodes()
    server = await loop.create_server(
        lambda: Connection(cast("Nodes", nodes), system_clock, 120_000, loop.call_soon), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
