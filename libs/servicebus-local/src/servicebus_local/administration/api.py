"""The administration over HTTP.

In JSON: `GET /health`, `GET /stats`, `GET /messages`, `POST /scheduled/release`, `POST /busy`. All else, and everything
with an `api-version` in its query, is the Atom dialect of the SDK's `ServiceBusAdministrationClient`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from servicebus_local.access import Access
from servicebus_local.administration.listing import LIMIT, messages
from servicebus_local.administration.resources import Resources
from servicebus_local.broker.broker import Broker, InHand
from servicebus_local.errors import ServiceError

PATIENCE = 10.0
"""Seconds to wait for messages that are in hand, where nothing else is said."""
BETWEEN = 0.02
"""Seconds between two looks at them."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Administration:
    """Handlers on one broker."""

    def __init__(self, broker: Broker, access: Access) -> None:
        self._broker = broker
        self._resources = Resources(broker, access)

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(middlewares=[self._choose])
        application.router.add_get("/health", self.health)
        application.router.add_get("/stats", self.stats)
        application.router.add_get("/messages", self.messages)
        application.router.add_post("/scheduled/release", self.release_scheduled)
        application.router.add_post("/busy", self.busy)
        application.router.add_route("*", "/{path:.*}", self._resources.handle)
        return application

    @web.middleware
    async def _choose(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if "api-version" in request.query:
            return await self._resources.handle(request)
        return await handler(request)

    async def health(self, _: web.Request) -> web.Response:
        """Answers while the namespace runs."""
        return web.json_response({"status": "healthy"})

    async def stats(self, _: web.Request) -> web.Response:
        """Counts of each queue, topic and subscription, all read at one instant."""
        return web.json_response(self._broker.statistics())

    async def messages(self, request: web.Request) -> web.Response:
        """Messages of `?entity=PATH` from beyond `&after=SEQUENCE`, at most `&limit=N`."""
        query = request.query
        try:
            after, limit = int(query.get("after", "0")), int(query.get("limit", str(LIMIT)))
            documents = messages(self._broker, query.get("entity", ""), after, limit)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ServiceError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response(documents)

    async def busy(self, request: web.Request) -> web.Response:
        """Refuse the next `?operations=N` operations of AMQP clients as a busy server would."""
        try:
            self._broker.busy = int(request.query["operations"])
        except (KeyError, ValueError):
            return web.json_response({"error": "say how many: /busy?operations=3"}, status=400)
        return web.json_response({"operations": self._broker.busy})

    async def release_scheduled(self, request: web.Request) -> web.Response:
        """Make every scheduled message due now; answers how many, once they are active.

        With `?about=NAME`, once or more, also what comes of the messages of these sessions or with these subjects that
        receivers have right now: for who changed what they decide by, since one that decided before it may still send a
        copy for later. `&seconds=N` bounds the wait; `in_hand` says how many are not settled even then.
        """
        try:
            seconds = float(request.query.get("seconds", PATIENCE))
        except ValueError:
            return web.json_response({"error": "seconds is a number: ?about=NAME&seconds=5"}, status=400)
        held = self._broker.in_hand(frozenset(request.query.getall("about", ())))
        waits = bool(held)
        try:
            released = await self._released()
            if waits:
                await self._settled(held, seconds)
                released += await self._released()
        except ServiceError as error:
            return web.json_response({"error": str(error)}, status=500)
        return web.json_response({"released": released, "in_hand": len(held)})

    async def _released(self) -> int:
        done: asyncio.Future[ServiceError | None] = asyncio.get_running_loop().create_future()
        count = self._broker.release_scheduled(done.set_result)
        if (error := await done) is not None:
            raise error
        return count

    async def _settled(self, held: InHand, seconds: float) -> None:
        """Wait until none of them is in hand, or for so long."""
        deadline = time.monotonic() + seconds
        while held and time.monotonic() < deadline:  # noqa: ASYNC110  locks end in many ways and places
            await asyncio.sleep(BETWEEN)
